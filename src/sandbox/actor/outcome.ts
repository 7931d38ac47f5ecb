import {
  InteractionResponseType,
  MessageFlags,
  type APICommandAutocompleteInteractionResponseCallbackData,
  type APIMessage,
  type APIModalInteractionResponseCallbackData,
} from "discord-api-types/v10";
import { MusterError } from "../../core/errors.ts";
import type { Interaction, InteractionUpdate } from "../interactions.ts";
import { renderMessage } from "../world/render.ts";
import type { World } from "../world/world.ts";

/** `failed`: the bot did not respond in time, and the person reads "The application did not respond". */
export type OutcomeStatus = "pending" | "replied" | "deferred" | "updated" | "modal" | "autocompleted" | "failed";

type Choices = NonNullable<APICommandAutocompleteInteractionResponseCallbackData["choices"]>;

/** What became of an interaction, as the person who started it sees it. It goes on changing while the bot edits. */
export class Outcome {
  readonly #world: World;
  readonly #startedAtMs: number;
  readonly #waiting = new Set<() => void>();
  #interaction: Interaction | undefined;
  #status: OutcomeStatus = "pending";
  #firstResponseMs: number | undefined;
  #modal: APIModalInteractionResponseCallbackData | undefined;
  #choices: Choices = [];
  #isSettled = false;

  constructor(world: World) {
    this.#world = world;
    this.#startedAtMs = world.clock.monotonic();
  }

  get status(): OutcomeStatus {
    return this.#status;
  }

  /** Milliseconds to the bot's first response; undefined when there was none. */
  get firstResponseMs(): number | undefined {
    return this.#firstResponseMs;
  }

  get interactionId(): string {
    return this.#requireInteraction().id;
  }

  get userId(): string {
    return this.#requireInteraction().userId;
  }

  get channelId(): string {
    return this.#requireInteraction().channelId;
  }

  /** The message whose component started it, if one did. */
  get sourceMessageId(): string | undefined {
    return this.#requireInteraction().messageId;
  }

  /** The response as it is now; for an update, the message that carries the button. Undefined when deleted or none. */
  get message(): APIMessage | undefined {
    return this.#show(this.#interaction?.originalId);
  }

  get followUps(): APIMessage[] {
    return (this.#interaction?.followUpIds ?? []).flatMap((id) => this.#show(id) ?? []);
  }

  get isEphemeral(): boolean {
    return ((this.message?.flags ?? 0) & MessageFlags.Ephemeral) !== 0;
  }

  get modal(): APIModalInteractionResponseCallbackData | undefined {
    return this.#modal;
  }

  get choices(): Choices {
    return this.#choices;
  }

  /** Waits until a deferred response is filled, or followed by a message, and returns what the person then reads. */
  async settled(timeoutMs = 10_000): Promise<APIMessage | undefined> {
    await this.#wait(() => this.#isSettled, { timeoutMs, failure: "the deferred response was not filled" });
    return this.message ?? this.followUps.at(-1);
  }

  /** Waits for the bot's first response, or for the deadline to pass without one. */
  async responded(): Promise<this> {
    // Without a limit: an interaction that gets no response expires.
    await this.#wait(() => this.#status !== "pending");
    return this;
  }

  /** For the actor: which interaction it is. */
  bind(interaction: Interaction): void {
    this.#interaction = interaction;
  }

  /** For the actor: hears what becomes of the interaction. */
  readonly receive = (update: InteractionUpdate): void => {
    switch (update.kind) {
      case "responded":
        this.#firstResponseMs = this.#world.clock.monotonic() - this.#startedAtMs;
        this.#status = STATUS_OF_RESPONSE[update.type] ?? "replied";
        if (this.#status === "modal") this.#modal = structuredClone(update.data);
        if (this.#status === "autocompleted") this.#choices = [...(update.data?.choices ?? [])];
        this.#isSettled = this.#status !== "deferred";
        break;
      case "expired":
        this.#status = "failed";
        this.#isSettled = true;
        break;
      case "original-edited":
      case "original-deleted":
      case "followed-up":
        this.#isSettled = true;
        break;
      default:
        update satisfies never;
    }
    for (const check of this.#waiting) check();
  };

  #show(messageId: string | undefined): APIMessage | undefined {
    const message = messageId === undefined ? undefined : this.#world.state.messages.get(messageId);
    return message ? renderMessage(this.#world, message, this.userId) : undefined;
  }

  #requireInteraction(): Interaction {
    if (!this.#interaction) throw new MusterError("CONFLICT", "the interaction has not started");
    return this.#interaction;
  }

  #wait(isDone: () => boolean, limit?: { readonly timeoutMs: number; readonly failure: string }): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        cancel?.();
        this.#waiting.delete(check);
      };
      const check = (): void => {
        if (!isDone()) return;
        finish();
        resolve();
      };
      const cancel =
        limit &&
        this.#world.clock.schedule(limit.timeoutMs, () => {
          finish();
          reject(new MusterError("OPERATION_TIMEOUT", `${limit.failure} within ${limit.timeoutMs} ms`));
        });
      this.#waiting.add(check);
      check();
    });
  }
}

const STATUS_OF_RESPONSE: Partial<Record<InteractionResponseType, OutcomeStatus>> = {
  [InteractionResponseType.ChannelMessageWithSource]: "replied",
  [InteractionResponseType.DeferredChannelMessageWithSource]: "deferred",
  [InteractionResponseType.DeferredMessageUpdate]: "deferred",
  [InteractionResponseType.UpdateMessage]: "updated",
  [InteractionResponseType.Modal]: "modal",
  [InteractionResponseType.ApplicationCommandAutocompleteResult]: "autocompleted",
};
