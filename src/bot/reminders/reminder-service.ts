import type { Client } from "discord.js";
import type { Clock } from "../../core/clock.ts";
import { isMusterError } from "../../core/errors.ts";
import { createId } from "../../core/ids.ts";
import { Interval } from "../../core/interval.ts";
import type { Logger } from "../../core/logger.ts";
import type { GracefulDegradation } from "../../resilience/graceful-degradation.ts";
import { isQuiet, quietEndAt } from "../../roll-call/quiet-hours.ts";
import type { EventRecord } from "../../store/events.ts";
import type { ReminderRecord } from "../../store/reminders.ts";
import type { Store } from "../../store/store.ts";
import { describeDiscordError, goneThing, isTemporary, type GoneThing } from "../discord-errors.ts";
import type { EventCards } from "../events/event-cards.ts";
import type { Reconciler } from "../events/reconciler.ts";
import type { TrackedEvents } from "../events/tracked-events.ts";
import type { EffectiveFlags, GuildFlags } from "../flags/guild-flags.ts";
import type { GuildAlerts } from "../guild-alerts.ts";
import { escapeInline } from "../input/escape.ts";
import type { Audience } from "../members/audience.ts";
import type { Texts } from "../texts/texts.ts";
import { planNextReminder } from "./reminder-plan.ts";
import type { Delivery, ReminderSender } from "./reminder-sender.ts";

/** How often the index of due times is asked; the answer takes microseconds. */
const POLL_INTERVAL_MS = 1_000;
const GUILDS_PER_POLL = 200;
const EVENTS_PER_GUILD = 50;
/** Guilds whose reminders go out at the same time, so that one whose channel is slow delays no other. */
const MAX_CONCURRENT_GUILDS = 8;
/** How long an event waits after what was needed for its reminder could not be had. */
const POSTPONE_MS = 60_000;
/** Between two looks at interrupted reminders while Discord does not answer. */
const RESUME_PAUSE_MS = 5_000;

export interface ReminderServiceOptions {
  readonly client: Client;
  readonly store: Store;
  readonly degradation: GracefulDegradation;
  readonly tracked: TrackedEvents;
  readonly audience: Audience;
  readonly reconciler: Reconciler;
  readonly cards: EventCards;
  readonly flags: GuildFlags;
  readonly sender: ReminderSender;
  readonly alerts: GuildAlerts;
  /** An event's message or channel does not exist any more. */
  readonly onGone: (event: EventRecord, what: GoneThing) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly texts: Texts;
}

export interface ReminderOutcome {
  readonly notifiedCount: number;
  /** Asked not to be reminded. */
  readonly silentCount: number;
}

type Claimed = Pick<ReminderRecord, "id" | "usersNotified" | "messageIds">;

interface Recipients {
  readonly mentionIds: readonly string[];
  readonly directIds: readonly string[];
}

interface Failure {
  readonly cause: unknown;
}

/**
 * Reminds those who have not answered. What is due is asked from the database, so a restart forgets nothing; a reminder
 * is claimed there before it is sent, so none goes out twice; and after downtime the plan goes on with the next one.
 */
export class ReminderService {
  readonly #options: ReminderServiceOptions;
  readonly #poll: Interval;
  readonly #runningGuilds = new Map<string, Promise<void>>();
  readonly #postponedUntil = new Map<string, number>();
  /** Ids of the reminders that are being sent. */
  readonly #inHand = new Set<string>();
  /** False while there may be reminders that were claimed, and are in nobody's hand. */
  #isResumed = false;
  /** Of interrupted reminders for which Discord could not be asked, epoch milliseconds by the reminder's id. */
  readonly #resumptionPostponedUntil = new Map<string, number>();
  /** No look at interrupted reminders before then, epoch milliseconds. */
  #resumeAt = 0;

  constructor(options: ReminderServiceOptions) {
    this.#options = options;
    this.#poll = new Interval({
      clock: options.clock,
      everyMs: () => POLL_INTERVAL_MS,
      run: () => this.#runDue(),
      onError: (error) => options.logger.error("looking for due reminders failed", { error }),
    });
  }

  start(): void {
    this.#poll.start();
    this.#poll.trigger();
  }

  /** Waits for the reminders that are being sent; one that Discord does not take now stays pending for the next start. */
  async stop(): Promise<void> {
    this.#options.sender.stop();
    await this.#poll.stop();
    await Promise.all(this.#runningGuilds.values());
  }

  /** Something was planned or changed: look now. */
  wake(): void {
    this.#poll.trigger();
  }

  /** Reminds now because `actorId` asked; the plan goes on as it was. Throws when it cannot be sent. */
  async remindNow(event: EventRecord, actorId: string): Promise<ReminderOutcome> {
    const flags = await this.#options.flags.get(event.guildId);
    await this.#options.reconciler.reconcile(event);
    return this.#send(event, flags, actorId);
  }

  async #runDue(): Promise<void> {
    const { store, degradation, clock, client } = this.#options;
    if (degradation.decide("write") !== "run" || !client.isReady()) return;
    const at = clock.now();
    const [due, closing] = await Promise.all([
      store.reminders.listDueGuilds({ at, limit: GUILDS_PER_POLL }),
      store.events.listClosingGuilds({ at, limit: GUILDS_PER_POLL }),
    ]);
    if (!this.#isResumed && at >= this.#resumeAt) await this.#resumePending();
    for (const guildId of new Set([...due, ...closing])) {
      if (this.#runningGuilds.size >= MAX_CONCURRENT_GUILDS) return;
      if (this.#runningGuilds.has(guildId)) continue;
      const run = this.#runGuild(guildId)
        .catch((error: unknown) => this.#options.logger.error("reminders of a server failed", { guildId, error }))
        .finally(() => this.#runningGuilds.delete(guildId));
      this.#runningGuilds.set(guildId, run);
    }
  }

  async #runGuild(guildId: string): Promise<void> {
    const { store, clock } = this.#options;
    const at = clock.now();
    for (const event of await store.events.listClosing({ guildId, at, limit: EVENTS_PER_GUILD })) {
      await this.#close(event);
    }
    for (const event of await store.reminders.listDue({ guildId, at, limit: EVENTS_PER_GUILD })) {
      if ((this.#postponedUntil.get(event.id) ?? 0) > at) continue;
      await this.#remindDue(event);
    }
  }

  async #close(event: EventRecord): Promise<void> {
    const { guildId, id } = event;
    const closed = await this.#options.store.events.transition({
      ...{ guildId, id, actorId: "system", to: "closed" },
      reason: "closing time",
    });
    this.#options.tracked.remove(id);
    this.#options.cards.refresh(closed);
  }

  async #remindDue(event: EventRecord): Promise<void> {
    const { client, flags: guildFlags, reconciler, clock, logger } = this.#options;
    const guild = client.guilds.cache.get(event.guildId);
    const flags = await guildFlags.get(event.guildId);
    // A server that the bot was removed from, or that wants no reminders: the plan goes on in case that changes.
    if (!guild || !flags.areRemindersOn) return this.#reschedule(event, planNextReminder(event, flags, clock.now()));
    // Overdue from a downtime that ended at night: it goes out when the quiet hours end.
    if (flags.quietHours && isQuiet(flags.quietHours, clock.now())) {
      return this.#reschedule(event, quietEndAt(flags.quietHours, clock.now()));
    }
    try {
      await reconciler.reconcile(event);
      await this.#send(event, flags, undefined);
      this.#postponedUntil.delete(event.id);
    } catch (error) {
      const gone = goneThing(error);
      if (gone) return this.#options.onGone(event, gone);
      logger.warn("reminder postponed", { eventId: event.id, error });
      this.#postponedUntil.set(event.id, clock.now() + POSTPONE_MS);
    }
  }

  /** Reconciled before. Claims, sends and records one reminder. */
  async #send(event: EventRecord, flags: EffectiveFlags, actorId: string | undefined): Promise<ReminderOutcome> {
    const { store, clock } = this.#options;
    const { guildId, id: eventId } = event;
    const { mentionIds, directIds, silentCount } = await this.#listRecipients(event, flags);
    const outcome = { notifiedCount: mentionIds.length + directIds.length, silentCount };
    if (outcome.notifiedCount === 0) {
      if (actorId === undefined) await this.#reschedule(event, planNextReminder(event, flags, clock.now()));
      return outcome;
    }
    const now = clock.now();
    const id = createId(now);
    const scheduledAt = actorId === undefined ? (event.nextReminderAt ?? now) : now;
    const nextReminderAt = planNextReminder(event, flags, now);
    const isClaimed = await store.reminders.begin({ guildId, eventId, id, scheduledAt, nextReminderAt, actorId });
    if (!isClaimed) return { notifiedCount: 0, silentCount };
    const failure = await this.#deliver(event, { id, usersNotified: [], messageIds: [] }, { mentionIds, directIds });
    if (failure && (actorId !== undefined || goneThing(failure.cause))) throw failure.cause;
    return outcome;
  }

  /** Sends a claimed reminder and records its true outcome. Returns what made it fail. */
  async #deliver(event: EventRecord, reminder: Claimed, recipients: Recipients): Promise<Failure | undefined> {
    this.#inHand.add(reminder.id);
    try {
      return await this.#sendClaimed(event, reminder, recipients);
    } catch (error) {
      // What the database has not recorded stays pending, and is resumed.
      this.#isResumed = false;
      throw error;
    } finally {
      this.#inHand.delete(reminder.id);
    }
  }

  async #sendClaimed(event: EventRecord, reminder: Claimed, recipients: Recipients): Promise<Failure | undefined> {
    const { store, sender, cards, logger, flags, alerts, texts } = this.#options;
    const { guildId, id: eventId } = event;
    const key = { guildId, eventId, id: reminder.id };
    const delivery: Delivery = {
      reminderId: reminder.id,
      channelId: event.channelId,
      sentMessageCount: reminder.messageIds.length,
      message: this.#compose(event),
    };
    const onDelivered = async (userIds: readonly string[], messageId: string | undefined): Promise<void> => {
      await store.reminders.progress({ ...key, userIds: [...userIds], messageId });
    };
    try {
      const refused = await sender.direct(delivery, recipients.directIds, onDelivered);
      await sender.mention(delivery, [...recipients.mentionIds, ...refused], onDelivered);
    } catch (error) {
      if (isMusterError(error, "SHUTTING_DOWN")) return { cause: error };
      // Not Discord's fault: people may have been reached, and those who have not been will be.
      if (isMusterError(error)) throw error;
      logger.error("reminder failed", { eventId, reminderId: reminder.id, error });
      const reason = describeDiscordError(error);
      await store.reminders.finish({ ...key, status: "failed", error: reason });
      alerts.send(guildId, texts.reminders.failedAlert(escapeInline(event.title), eventId, reason));
      return { cause: error };
    }
    await store.reminders.finish({ ...key, status: "sent" });
    const { keepsReminders } = await flags.get(guildId);
    if (!keepsReminders) await this.#removePrevious(event, reminder.id);
    const current = await store.events.find({ guildId, id: eventId });
    if (current) {
      this.#options.tracked.put(current);
      cards.refresh(current);
    }
    return undefined;
  }

  /** Reminders that were under way when the program ended, or the database went away: those not yet reached are reached now. */
  async #resumePending(): Promise<void> {
    const { store, reconciler, flags: guildFlags, clock, logger } = this.#options;
    const pending = await store.reminders.listPending({ limit: 1_000 });
    this.#isResumed = true;
    for (const { guildId, ...reminder } of pending) {
      if (this.#inHand.has(reminder.id)) continue;
      const event = await store.events.find({ guildId, id: reminder.eventId });
      if (!event) continue;
      if ((this.#resumptionPostponedUntil.get(reminder.id) ?? 0) > clock.now()) {
        this.#isResumed = false;
        continue;
      }
      try {
        await reconciler.reconcile(event);
        const { mentionIds, directIds } = await this.#listRecipients(event, await guildFlags.get(guildId));
        const reached = new Set(reminder.usersNotified);
        const remaining = (ids: readonly string[]): string[] => ids.filter((id) => !reached.has(id));
        const recipients = { mentionIds: remaining(mentionIds), directIds: remaining(directIds) };
        const failure = await this.#deliver(event, reminder, recipients);
        this.#resumptionPostponedUntil.delete(reminder.id);
        const gone = goneThing(failure?.cause);
        if (gone) await this.#options.onGone(event, gone);
      } catch (error) {
        if (isMusterError(error)) {
          this.#isResumed = false;
          throw error;
        }
        if (isTemporary(error)) {
          logger.warn("interrupted reminder waits for Discord", { eventId: event.id, reminderId: reminder.id, error });
          // The next one would have to wait for the same Discord, and everybody's reminders meanwhile.
          this.#resumptionPostponedUntil.set(reminder.id, clock.now() + POSTPONE_MS);
          this.#resumeAt = clock.now() + RESUME_PAUSE_MS;
          this.#isResumed = false;
          return;
        }
        logger.error("interrupted reminder not finished", { eventId: event.id, reminderId: reminder.id, error });
        const key = { guildId, eventId: event.id, id: reminder.id };
        await store.reminders.finish({ ...key, status: "failed", error: describeDiscordError(error) });
        const gone = goneThing(error);
        if (gone) await this.#options.onGone(event, gone);
      }
    }
  }

  /** Those who are expected, have not answered, and want to be reminded: by mention or in private. */
  async #listRecipients(
    event: EventRecord,
    flags: EffectiveFlags,
  ): Promise<{ mentionIds: string[]; directIds: string[]; silentCount: number }> {
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

  #compose(event: EventRecord): { firstLine: string; continuationLine: string } {
    const { reminders } = this.#options.texts;
    const title = escapeInline(event.title);
    const link = `https://discord.com/channels/${event.guildId}/${event.channelId}/${event.messageId}`;
    return { firstLine: reminders.firstLine(title, link), continuationLine: reminders.continuationLine(title) };
  }

  async #removePrevious(event: EventRecord, reminderId: string): Promise<void> {
    const history = await this.#options.store.reminders.listHistory({
      guildId: event.guildId,
      eventId: event.id,
      limit: 5,
    });
    const previous = history.find((reminder) => reminder.id !== reminderId && reminder.messageIds.length > 0);
    if (previous) await this.#options.sender.deleteMessages(event.channelId, previous.messageIds);
  }

  /** On to the next one, without sending this one. */
  async #reschedule(event: EventRecord, nextReminderAt: number | undefined): Promise<void> {
    const { store, tracked, cards } = this.#options;
    const { guildId, id: eventId } = event;
    const plan = { scheduledAt: event.nextReminderAt ?? null, nextReminderAt: nextReminderAt ?? null };
    if (!(await store.reminders.reschedule({ guildId, eventId, ...plan }))) return;
    const current = await store.events.find({ guildId, id: eventId });
    if (!current) return;
    tracked.put(current);
    cards.refresh(current);
  }
}
