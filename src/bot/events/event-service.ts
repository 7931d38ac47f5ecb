import { Routes, type APIMessage, type Client, type RESTPostAPIChannelMessageJSONBody } from "discord.js";
import type { Clock } from "../../core/clock.ts";
import { isMusterError } from "../../core/errors.ts";
import { createId } from "../../core/ids.ts";
import type { Logger } from "../../core/logger.ts";
import { emojiKey, isSameEmoji, matchEventEmoji } from "../../roll-call/emoji.ts";
import type { EventRecord, EventState } from "../../store/events.ts";
import { SYSTEM_ACTOR } from "../../store/inputs.ts";
import type { Store } from "../../store/store.ts";
import { goneThing, type GoneThing } from "../discord-errors.ts";
import type { GuildFlags } from "../flags/guild-flags.ts";
import { planNextReminder } from "../reminders/reminder-plan.ts";
import type { Texts } from "../texts/texts.ts";
import { renderPreparation } from "./card-embed.ts";
import { explainReactionFailure, isPostingRefused } from "./discord-refusals.ts";
import type { EventCards } from "./event-cards.ts";
import type { EventChanges, EventFields } from "./event-input.ts";
import { EventRefusal } from "./event-refusal.ts";
import { addReactions, removeReactions } from "./message-reactions.ts";
import type { Reconciler } from "./reconciler.ts";
import type { TrackedEvents } from "./tracked-events.ts";

/**
 * Everything that happens to an event, on Discord and in the database. No transaction spans both, so each step is in an
 * order in which stopping after it does little harm: a new event's message says that it is being set up until the row
 * is there, and a row whose message is gone is closed when its reactions are next read.
 */

export interface EventServiceOptions {
  readonly client: Client;
  readonly store: Store;
  readonly tracked: TrackedEvents;
  readonly cards: EventCards;
  readonly reconciler: Reconciler;
  readonly flags: GuildFlags;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly texts: Texts;
  /** A reminder may be due earlier than thought. */
  readonly wakeReminders: () => void;
}

export interface NewEvent {
  readonly guildId: string;
  readonly channelId: string;
  readonly creatorId: string;
  readonly fields: EventFields;
}

export class EventService {
  readonly #options: EventServiceOptions;

  constructor(options: EventServiceOptions) {
    this.#options = options;
  }

  /**
   * Posts an event's message and stores it. Throws an EventRefusal when Discord does not allow the message or a reaction, and
   * the store's error when it cannot be stored; either way nothing is left of it.
   */
  async create(input: NewEvent): Promise<EventRecord> {
    return this.#establish(input, undefined);
  }

  /** Makes a message that is there already an event, with a card as a reply to it. Throws as `create` does. */
  async watch(input: NewEvent & { readonly messageId: string }): Promise<EventRecord> {
    const event = await this.#establish(input, input.messageId);
    await this.#reconcile(event);
    return event;
  }

  /** Adds reactions of the event that its message lacks: what a crash left undone, or a moderator took away. */
  async restoreReactions(event: EventRecord): Promise<void> {
    const { client } = this.#options;
    const message = (await client.rest.get(Routes.channelMessage(event.channelId, event.messageId))) as APIMessage;
    const own = (message.reactions ?? []).filter(({ me }) => me).map(({ emoji }) => emojiKey(emoji));
    const { failure } = await addReactions(client.rest, event, listNew(event.reactions, own));
    if (failure) throw failure.error;
  }

  /** Throws an EventRefusal when Discord does not allow a new reaction, CONFLICT when the event is closed; then nothing is changed. */
  async edit(event: EventRecord, changes: EventChanges, actorId: string): Promise<EventRecord> {
    const { store, tracked, cards, wakeReminders } = this.#options;
    const reactions = changes.reactions?.map((key) => matchEventEmoji(key, event.reactions));
    const added = listNew(reactions ?? [], event.reactions);
    await this.#addReactions(event, added, this.#options.texts.events.refusals.nothingChanged);
    let edited: EventRecord;
    try {
      edited = await store.events.edit({
        guildId: event.guildId,
        id: event.id,
        actorId,
        changes: { ...changes, reactions, ...(await this.#planAfter(event, changes)) },
      });
    } catch (error) {
      await this.#removeReactions(event, added);
      throw error;
    }
    tracked.put(edited);
    if (reactions) {
      await this.#removeReactions(event, listNew(event.reactions, reactions));
      await this.#reconcile(edited);
    }
    cards.refresh(edited);
    wakeReminders();
    return edited;
  }

  /** Pauses, resumes or closes. Throws CONFLICT when it is in that state already, or closed. */
  async transition(event: EventRecord, to: EventState, actorId: string, reason?: string): Promise<EventRecord> {
    const { cards, wakeReminders } = this.#options;
    const changed = await this.#storeTransition(event, to, actorId, reason);
    cards.refresh(changed);
    wakeReminders();
    return changed;
  }

  /** Removes the event, its answers, and the bot's own message; false when that message is still there. */
  async delete(event: EventRecord, actorId: string): Promise<{ readonly isMessageDeleted: boolean }> {
    const { store, tracked, cards } = this.#options;
    await store.events.delete({ guildId: event.guildId, id: event.id, actorId });
    tracked.remove(event.id);
    // Finds nothing any more, and lets go of what it kept of the card.
    cards.refresh(event);
    return { isMessageDeleted: await this.#deleteMessage(event.channelId, event.cardMessageId) };
  }

  /** The message or its channel does not exist any more, so the event is over. False when it was before. */
  async closeGone(event: EventRecord, what: GoneThing): Promise<boolean> {
    try {
      const closed = await this.#storeTransition(event, "closed", SYSTEM_ACTOR, `${what} deleted`);
      if (what === "message" && event.cardMessageId !== event.messageId) this.#options.cards.refresh(closed);
      return true;
    } catch (error) {
      if (!isMusterError(error, "CONFLICT", "NOT_FOUND")) throw error;
      this.#options.tracked.remove(event.id);
      return false;
    }
  }

  async #establish(input: NewEvent, watchedMessageId: string | undefined): Promise<EventRecord> {
    const { cards, tracked, wakeReminders, texts, logger } = this.#options;
    const id = createId(this.#options.clock.now());
    const cardMessageId = await this.#postPreparation(input, id, watchedMessageId);
    const messageId = watchedMessageId ?? cardMessageId;
    let event: EventRecord;
    try {
      event = await this.#storeNew(input, { id, messageId, cardMessageId });
    } catch (error) {
      await this.#deleteMessage(input.channelId, cardMessageId);
      throw error;
    }
    event = await this.#alignReminder(event);
    // From here on answers are recorded, also those given before all reactions are there.
    tracked.put(event);
    try {
      await this.#addReactions(event, event.reactions, texts.events.refusals.nothingCreated);
    } catch (error) {
      await this.#undo(event);
      throw error;
    }
    try {
      await cards.show(event);
    } catch (error) {
      logger.warn("event card not shown yet", { eventId: id, error });
      cards.refresh(event);
    }
    wakeReminders();
    return event;
  }

  async #postPreparation(input: NewEvent, id: string, watchedMessageId: string | undefined): Promise<string> {
    const { client, texts } = this.#options;
    const { channelId, fields } = input;
    const body: RESTPostAPIChannelMessageJSONBody = {
      embeds: [renderPreparation({ id, title: fields.title }, texts)],
      allowed_mentions: { parse: [], replied_user: false },
      // A request that is repeated because its answer was lost does not post twice.
      nonce: id.slice(-25),
      enforce_nonce: true,
      ...(watchedMessageId === undefined
        ? {}
        : { message_reference: { message_id: watchedMessageId, fail_if_not_exists: false } }),
    };
    try {
      const message = (await client.rest.post(Routes.channelMessages(channelId), { body })) as APIMessage;
      return message.id;
    } catch (error) {
      if (!isPostingRefused(error)) throw error;
      throw new EventRefusal(
        `${texts.events.refusals.postingRefused(channelId)} ${texts.events.refusals.nothingCreated}`,
      );
    }
  }

  async #storeNew(
    { guildId, channelId, creatorId, fields }: NewEvent,
    ids: { readonly id: string; readonly messageId: string; readonly cardMessageId: string },
  ): Promise<EventRecord> {
    const { store, flags, clock, texts } = this.#options;
    const { reactions, audienceRoleId, closesAt, ...rest } = fields;
    const guildFlags = await flags.get(guildId);
    const createdAt = clock.now();
    const planned = { createdAt, ...rest, ...(closesAt !== undefined && { closesAt }) };
    try {
      return await store.events.create({
        ...{ ...ids, guildId, channelId, creatorId, ...rest, reactions: [...reactions] },
        ...{ audienceRoleId, closesAt, nextReminderAt: planNextReminder(planned, guildFlags, createdAt) },
      });
    } catch (error) {
      if (isMusterError(error, "CONFLICT")) throw new EventRefusal(texts.events.refusals.onceWatched);
      throw error;
    }
  }

  /**
   * Reminders are planned from the moment at which the event was stored. Planned a millisecond before, the first one
   * would be followed by a second one a millisecond later.
   */
  async #alignReminder(event: EventRecord): Promise<EventRecord> {
    const { store, flags, logger } = this.#options;
    const { guildId, id: eventId, nextReminderAt: scheduledAt = null } = event;
    try {
      const nextReminderAt = planNextReminder(event, await flags.get(guildId), event.createdAt) ?? null;
      if (nextReminderAt === null || nextReminderAt === scheduledAt) return event;
      const isMoved = await store.reminders.reschedule({ guildId, eventId, scheduledAt, nextReminderAt });
      return isMoved ? { ...event, nextReminderAt } : event;
    } catch (error) {
      logger.warn("first reminder not aligned", { eventId, error });
      return event;
    }
  }

  async #undo(event: EventRecord): Promise<void> {
    const { store, tracked, logger } = this.#options;
    tracked.remove(event.id);
    try {
      await store.events.delete({ guildId: event.guildId, id: event.id, actorId: event.creatorId });
    } catch (error) {
      // Without its message it is closed as soon as its reactions are read, at the latest before its first reminder.
      logger.warn("event not undone", { eventId: event.id, error });
    }
    await this.#deleteMessage(event.channelId, event.cardMessageId);
  }

  async #storeTransition(event: EventRecord, to: EventState, actorId: string, reason?: string): Promise<EventRecord> {
    const { store, flags, tracked, clock } = this.#options;
    const { guildId, id } = event;
    const nextReminderAt = to === "open" ? planNextReminder(event, await flags.get(guildId), clock.now()) : undefined;
    const changed = await store.events.transition({ guildId, id, to, actorId, nextReminderAt, reason });
    tracked.put(changed);
    return changed;
  }

  /** Only an open event has a next reminder, and it moves only when what it follows from does. */
  async #planAfter(
    event: EventRecord,
    { intervalMs, closesAt }: EventChanges,
  ): Promise<{ nextReminderAt?: number | null }> {
    if (event.state !== "open" || (intervalMs === undefined && closesAt === undefined)) return {};
    const { flags, clock } = this.#options;
    const { closesAt: closedBefore, ...rest } = event;
    const closing = closesAt === undefined ? closedBefore : (closesAt ?? undefined);
    const planned = planNextReminder(
      { ...rest, ...(intervalMs !== undefined && { intervalMs }), ...(closing !== undefined && { closesAt: closing }) },
      await flags.get(event.guildId),
      clock.now(),
    );
    return { nextReminderAt: planned ?? null };
  }

  /** All of them or none. Throws an EventRefusal that says why Discord does not allow one, and what became of the event. */
  async #addReactions(event: EventRecord, reactions: readonly string[], consequence: string): Promise<void> {
    const { client, texts } = this.#options;
    const { added, failure } = await addReactions(client.rest, event, reactions);
    if (!failure) return;
    await this.#removeReactions(event, added);
    const reason = explainReactionFailure(failure, event, texts.events.refusals);
    if (reason === undefined) throw failure.error;
    throw new EventRefusal(`${reason} ${consequence}`);
  }

  async #removeReactions(event: EventRecord, reactions: readonly string[]): Promise<void> {
    const { client, logger } = this.#options;
    await removeReactions(client.rest, event, reactions, (error) => {
      logger.debug("own reaction not removed", { eventId: event.id, error });
    });
  }

  async #reconcile(event: EventRecord): Promise<void> {
    const { reconciler, cards, logger } = this.#options;
    try {
      await reconciler.reconcile(event);
      cards.refresh(event);
    } catch (error) {
      const gone = goneThing(error);
      if (gone) await this.closeGone(event, gone);
      // It is done again before the next reminder, and at every start.
      else logger.warn("answers not caught up on", { eventId: event.id, error });
    }
  }

  /** Whether it is gone, be it by this or before. */
  async #deleteMessage(channelId: string, messageId: string): Promise<boolean> {
    try {
      await this.#options.client.rest.delete(Routes.channelMessage(channelId, messageId));
      return true;
    } catch (error) {
      if (goneThing(error)) return true;
      this.#options.logger.warn("own message not deleted", { channelId, messageId, error });
      return false;
    }
  }
}

/** Those that are not in the other set. */
function listNew(reactions: readonly string[], others: readonly string[]): readonly string[] {
  return reactions.filter((key) => !others.some((other) => isSameEmoji(key, other)));
}
