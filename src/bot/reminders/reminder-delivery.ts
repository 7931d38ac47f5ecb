import { isMusterError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { EventRecord } from "../../store/events.ts";
import type { ReminderRecord } from "../../store/reminders.ts";
import type { Store } from "../../store/store.ts";
import { describeDiscordError } from "../discord-errors.ts";
import type { EventCards } from "../events/event-cards.ts";
import type { TrackedEvents } from "../events/tracked-events.ts";
import type { EffectiveFlags, GuildFlags } from "../flags/guild-flags.ts";
import type { GuildAlerts } from "../guild-alerts.ts";
import { escapeInline } from "../input/escape.ts";
import type { Audience } from "../members/audience.ts";
import type { Texts } from "../texts/texts.ts";
import type { Delivery, ReminderMessage, ReminderSender } from "./reminder-sender.ts";

/** How many of an event's last reminders are searched for the one whose messages are to be removed. */
const PREVIOUS_SEARCHED = 5;

export interface ReminderDeliveryOptions {
  readonly store: Store;
  readonly tracked: TrackedEvents;
  readonly audience: Audience;
  readonly cards: EventCards;
  readonly flags: GuildFlags;
  readonly sender: ReminderSender;
  readonly alerts: GuildAlerts;
  readonly logger: Logger;
  readonly texts: Texts;
}

export interface Recipients {
  readonly mentionIds: readonly string[];
  readonly directIds: readonly string[];
}

/** A reminder whose row is there and pending: claimed just now, or resumed. */
export interface ClaimedReminder extends Pick<ReminderRecord, "id" | "usersNotified" | "messageIds"> {
  readonly isResumed: boolean;
}

export interface Failure {
  readonly cause: unknown;
}

/** Who gets a reminder, and a claimed reminder's way to them and to its true outcome. */
export class ReminderDelivery {
  readonly #options: ReminderDeliveryOptions;

  constructor(options: ReminderDeliveryOptions) {
    this.#options = options;
  }

  /** Those who are expected, have not answered, and want to be reminded: by mention or in private. */
  async listRecipients(
    event: EventRecord,
    flags: EffectiveFlags,
  ): Promise<Recipients & { readonly silentCount: number }> {
    const { store, audience } = this.#options;
    const { guildId, id: eventId } = event;
    const [expectedIds, answers, modes] = await Promise.all([
      audience.listExpected(event),
      store.reactions.list({ guildId, eventId }),
      store.users.listReminderModes({ guildId }),
    ]);
    const answeredIds = new Set(answers.filter((answer) => answer.isAnswer).map(({ userId }) => userId));
    const modeById = new Map(modes.map(({ id, mode }) => [id, mode]));
    const [mentionIds, directIds]: [string[], string[]] = [[], []];
    let silentCount = 0;
    for (const id of expectedIds) {
      if (answeredIds.has(id)) continue;
      const mode = modeById.get(id) ?? "mention";
      if (mode === "off") silentCount++;
      else if (mode === "dm" || flags.reminderDelivery === "dm") directIds.push(id);
      else mentionIds.push(id);
    }
    return { mentionIds, directIds, silentCount };
  }

  /**
   * Sends a claimed reminder to those of `recipients` whom it has not reached, and records how it ended. Returns what
   * made it fail. Throws the database's errors, and SHUTTING_DOWN: then it stays pending.
   */
  async send(event: EventRecord, reminder: ClaimedReminder, recipients: Recipients): Promise<Failure | undefined> {
    const { store, sender, cards, flags } = this.#options;
    const key = { guildId: event.guildId, eventId: event.id, id: reminder.id };
    const delivery: Delivery = {
      reminderId: reminder.id,
      channelId: event.channelId,
      sentMessageCount: reminder.messageIds.length,
      resumed: reminder.isResumed
        ? { othersMessageIds: await this.#listOthersMessages(event, reminder.id) }
        : undefined,
      message: this.#compose(event),
    };
    const reached = new Set(reminder.usersNotified);
    const remaining = (userIds: readonly string[]): string[] => userIds.filter((id) => !reached.has(id));
    const onDelivered = async (userIds: readonly string[], messageId: string | undefined): Promise<void> => {
      await store.reminders.progress({ ...key, userIds: [...userIds], messageId });
    };
    try {
      const unreached = await sender.direct(delivery, remaining(recipients.directIds), onDelivered);
      await sender.mention(delivery, [...remaining(recipients.mentionIds), ...unreached], onDelivered);
    } catch (error) {
      // Not Discord's fault: people may have been reached, and those who have not been will be.
      if (isMusterError(error)) throw error;
      await this.recordFailure(event, reminder.id, error);
      return { cause: error };
    }
    await store.reminders.finish({ ...key, status: "sent" });
    const { keepsReminders } = await flags.get(event.guildId);
    if (!keepsReminders) await this.#removePrevious(event, reminder.id);
    const current = await this.#trackCurrent(event);
    if (current) cards.refresh(current);
    return undefined;
  }

  /** Those of the event's last reminders but this one. */
  async #listOthersMessages({ guildId, id: eventId }: EventRecord, reminderId: string): Promise<string[]> {
    const history = await this.#options.store.reminders.listHistory({ guildId, eventId, limit: PREVIOUS_SEARCHED });
    return history.filter(({ id }) => id !== reminderId).flatMap(({ messageIds }) => messageIds);
  }

  /** Discord did not take a claimed reminder: recorded, and told to the server's people. */
  async recordFailure(event: EventRecord, reminderId: string, error: unknown): Promise<void> {
    const { store, logger, alerts, texts } = this.#options;
    const { guildId, id: eventId } = event;
    logger.error("reminder failed", { eventId, reminderId, error });
    const reason = describeDiscordError(error);
    await store.reminders.finish({ guildId, eventId, id: reminderId, status: "failed", error: reason });
    alerts.send(guildId, texts.reminders.failedAlert(escapeInline(event.title), eventId, reason));
    await this.#trackCurrent(event);
  }

  #compose(event: EventRecord): ReminderMessage {
    const { reminders } = this.#options.texts;
    const title = escapeInline(event.title);
    const link = `https://discord.com/channels/${event.guildId}/${event.channelId}/${event.messageId}`;
    return { firstLine: reminders.firstLine(title, link), continuationLine: reminders.continuationLine(title), link };
  }

  async #trackCurrent({ guildId, id }: EventRecord): Promise<EventRecord | null> {
    const current = await this.#options.store.events.find({ guildId, id });
    if (current) this.#options.tracked.put(current);
    return current;
  }

  async #removePrevious({ guildId, id: eventId, channelId }: EventRecord, reminderId: string): Promise<void> {
    const { store, sender, logger } = this.#options;
    const history = await store.reminders.listHistory({ guildId, eventId, limit: PREVIOUS_SEARCHED });
    const previous = history.find((reminder) => reminder.id !== reminderId && reminder.messageIds.length > 0);
    if (!previous) return;
    try {
      await sender.deleteMessages(channelId, previous.messageIds);
    } catch (error) {
      // The reminder itself is out and recorded: whatever this is, it must not be sent again for it.
      logger.warn("earlier reminder not removed", { eventId, error });
    }
  }
}
