import type { Client, MessageReaction, PartialMessageReaction, PartialUser, User } from "discord.js";
import type { Logger } from "../../core/logger.ts";
import { emojiKey, matchEventEmoji } from "../../roll-call/emoji.ts";
import type { EventRecord } from "../../store/events.ts";
import type { Store } from "../../store/store.ts";
import type { LateChanges } from "../late-changes.ts";
import type { EventCards } from "./event-cards.ts";
import type { Reconciler } from "./reconciler.ts";
import type { TrackedEvents } from "./tracked-events.ts";

export interface ReactionTrackerOptions {
  readonly client: Client;
  readonly store: Store;
  readonly tracked: TrackedEvents;
  readonly cards: EventCards;
  readonly reconciler: Reconciler;
  readonly late: LateChanges;
  /** Called when an answer could not be recorded: its event has to be reconciled. */
  readonly onMissed: (event: EventRecord) => void;
  readonly logger: Logger;
}

/** Records reactions on event messages as the gateway tells of them, whether message and member are cached or not. */
export class ReactionTracker {
  readonly #options: ReactionTrackerOptions;
  readonly #running = new Set<Promise<void>>();

  constructor(options: ReactionTrackerOptions) {
    this.#options = options;
    const { client } = options;
    client.on("messageReactionAdd", (reaction, user) => this.#add(reaction, user));
    client.on("messageReactionRemove", (reaction, user) => this.#withdraw(reaction, user));
    client.on("messageReactionRemoveEmoji", (reaction) => {
      this.#withdrawAll(reaction.message.id, emojiKey(reaction.emoji));
    });
    client.on("messageReactionRemoveAll", (message) => this.#withdrawAll(message.id, undefined));
  }

  /** Resolves when every reaction heard of so far is recorded. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
  }

  #add(reaction: MessageReaction | PartialMessageReaction, user: User | PartialUser): void {
    const event = this.#options.tracked.findByMessage(reaction.message.id);
    // `bot` is null for a user who is not cached; whoever adds a reaction comes with the event, so that is a removal's case.
    if (!event || user.bot === true) return;
    const emoji = matchEventEmoji(emojiKey(reaction.emoji), event.reactions);
    const { guildId, id: eventId } = event;
    const observed = { userId: user.id, username: user.username, emoji };
    this.#options.reconciler.noteAddition(eventId, observed);
    this.#write(event, () => this.#options.store.reactions.record({ guildId, eventId, ...observed }));
  }

  #withdraw(reaction: MessageReaction | PartialMessageReaction, user: User | PartialUser): void {
    const event = this.#options.tracked.findByMessage(reaction.message.id);
    if (!event) return;
    const emoji = matchEventEmoji(emojiKey(reaction.emoji), event.reactions);
    const { guildId, id: eventId } = event;
    this.#options.reconciler.noteWithdrawal(eventId, user.id, emoji);
    this.#write(event, () => this.#options.store.reactions.withdraw({ guildId, eventId, userId: user.id, emoji }));
  }

  #withdrawAll(messageId: string, key: string | undefined): void {
    const event = this.#options.tracked.findByMessage(messageId);
    if (!event) return;
    const emoji = key === undefined ? undefined : matchEventEmoji(key, event.reactions);
    const { guildId, id: eventId } = event;
    this.#options.reconciler.noteWithdrawal(eventId, undefined, emoji);
    this.#write(event, () => this.#options.store.reactions.withdrawAll({ guildId, eventId, emoji }));
  }

  #write(event: EventRecord, write: () => Promise<unknown>): void {
    const run = this.#writeAndRefresh(event, write);
    this.#running.add(run);
    void run.finally(() => this.#running.delete(run));
  }

  async #writeAndRefresh(event: EventRecord, write: () => Promise<unknown>): Promise<void> {
    const { cards, late } = this.#options;
    try {
      const result = await write();
      // A write that waits in the queue gives undefined, and is in no row that the card shows.
      if (result === undefined) late.note(`card ${event.id}`, () => cards.refresh(event));
      else cards.refresh(event);
    } catch (error) {
      // Not lost: Discord has the reaction, and the event is reconciled when the database is back.
      this.#options.logger.warn("answer not recorded yet", { eventId: event.id, error });
      this.#options.onMissed(event);
    }
  }
}
