import { MessageFlags, type ButtonInteraction, type ChatInputCommandInteraction } from "discord.js";
import type { Clock } from "../core/clock.ts";
import type { Reply } from "./command.ts";

/**
 * Answers one interaction in time. Discord waits three seconds for the first response and then shows a failure, so work
 * that takes longer than `DEFER_AFTER_MS` is deferred by itself, and the reply then takes the deferral's place.
 */
const DEFER_AFTER_MS = 1_500;

type Repliable = ChatInputCommandInteraction<"cached"> | ButtonInteraction<"cached">;

export class Responder {
  readonly #interaction: Repliable;
  readonly #cancelTimer: () => void;
  #deferral: Promise<unknown> | undefined;

  /** `onDeferFailed` hears of it when Discord refuses the deferral. */
  constructor(interaction: Repliable, clock: Clock, onDeferFailed: (error: unknown) => void) {
    this.#interaction = interaction;
    this.#cancelTimer = clock.schedule(DEFER_AFTER_MS, () => {
      this.#deferral = this.#defer().catch(onDeferFailed);
    });
  }

  /** Sends the outcome: for a command a reply of its own, for a button in place of the message that carried it. */
  async respond(reply: Reply): Promise<void> {
    this.#cancelTimer();
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
    this.#cancelTimer();
    await this.#deferral;
    const isCommand = !this.#interaction.isButton();
    if (this.#deferral && isCommand) await this.#interaction.editReply({ content: text });
    else if (this.#deferral) await this.#interaction.followUp({ content: text, flags: MessageFlags.Ephemeral });
    else await this.#interaction.reply({ content: text, flags: MessageFlags.Ephemeral });
  }

  #defer(): Promise<unknown> {
    if (this.#interaction.isButton()) return this.#interaction.deferUpdate();
    return this.#interaction.deferReply({ flags: MessageFlags.Ephemeral });
  }
}
