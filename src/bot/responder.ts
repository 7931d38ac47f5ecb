import { MessageFlags, type ButtonInteraction, type ChatInputCommandInteraction } from "discord.js";
import type { Clock } from "../core/clock.ts";
import type { Reply } from "./command.ts";

/**
 * Answers one interaction in time. Discord waits three seconds for the first response and then shows a failure, so work
 * that takes longer than `DEFER_AFTER_MS` is deferred by itself, and the reply then takes the deferral's place.
 */
const DEFER_AFTER_MS = 1_500;
/** Discord allows some five edits of a reply within as many seconds. */
const PROGRESS_INTERVAL_MS = 3_000;

type Repliable = ChatInputCommandInteraction<"cached"> | ButtonInteraction<"cached">;

export class Responder {
  readonly #interaction: Repliable;
  readonly #clock: Clock;
  readonly #onDeferFailed: (error: unknown) => void;
  readonly #cancelTimer: () => void;
  #deferral: Promise<unknown> | undefined;
  #progress: Promise<unknown> | undefined;
  #progressAt: number | undefined;
  #isAnswered = false;

  /** `onDeferFailed` hears of it when Discord refuses the deferral, or what is shown of the progress. */
  constructor(interaction: Repliable, clock: Clock, onDeferFailed: (error: unknown) => void) {
    this.#interaction = interaction;
    this.#clock = clock;
    this.#onDeferFailed = onDeferFailed;
    this.#cancelTimer = clock.schedule(DEFER_AFTER_MS, () => this.#startDeferral());
  }

  /**
   * Shows how far the work is, for a button in place of the message that carried it. At once the first time, then every
   * few seconds; what comes in between is left out.
   */
  showProgress(reply: Reply): void {
    const now = this.#clock.monotonic();
    const isTooSoon = this.#progressAt !== undefined && now - this.#progressAt < PROGRESS_INTERVAL_MS;
    if (this.#isAnswered || this.#progress || isTooSoon) return;
    this.#progressAt = now;
    this.#cancelTimer();
    this.#startDeferral();
    this.#progress = this.#deferral!.then(() => this.#interaction.editReply(reply))
      .catch(this.#onDeferFailed)
      .finally(() => (this.#progress = undefined));
  }

  /** Sends the outcome: for a command a reply of its own, for a button in place of the message that carried it. */
  async respond(reply: Reply): Promise<void> {
    await this.#finish();
    if (this.#deferral) {
      await this.#deferral;
      await this.#interaction.editReply(reply);
    } else if (this.#interaction.isButton()) {
      await this.#interaction.update(reply);
    } else {
      await this.#interaction.reply({ ...reply, flags: MessageFlags.Ephemeral });
    }
  }

  /** Says why nothing came of it, seen by this member alone; what a button was pressed on stays as it is. */
  async refuse(text: string): Promise<void> {
    await this.#finish();
    await this.#deferral;
    // What told of the progress has taken the place of whatever the button was pressed on.
    const isOurs = !this.#interaction.isButton() || this.#progressAt !== undefined;
    if (this.#deferral && isOurs) await this.#interaction.editReply({ content: text, embeds: [], components: [] });
    else if (this.#deferral) await this.#interaction.followUp({ content: text, flags: MessageFlags.Ephemeral });
    else await this.#interaction.reply({ content: text, flags: MessageFlags.Ephemeral });
  }

  /** An edit on its way must not overtake the answer. */
  async #finish(): Promise<void> {
    this.#isAnswered = true;
    this.#cancelTimer();
    await this.#progress;
  }

  #startDeferral(): void {
    this.#deferral ??= this.#defer().catch(this.#onDeferFailed);
  }

  #defer(): Promise<unknown> {
    if (this.#interaction.isButton()) return this.#interaction.deferUpdate();
    return this.#interaction.deferReply({ flags: MessageFlags.Ephemeral });
  }
}
