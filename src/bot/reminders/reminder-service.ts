import type { Client } from "discord.js";
import type { Clock } from "../../core/clock.ts";
import { isMusterError, MusterError } from "../../core/errors.ts";
import { createId } from "../../core/ids.ts";
import { Interval } from "../../core/interval.ts";
import { ERROR_CLASSES } from "../../database/error-classes.ts";
import type { GracefulDegradation } from "../../resilience/graceful-degradation.ts";
import { isQuiet, quietEndAt } from "../../roll-call/quiet-hours.ts";
import type { EventRecord } from "../../store/events.ts";
import type { PendingReminder } from "../../store/reminders.ts";
import { goneThing, type GoneThing } from "../discord-errors.ts";
import type { Reconciler } from "../events/reconciler.ts";
import type { EffectiveFlags } from "../flags/guild-flags.ts";
import { FailedTries } from "./failed-tries.ts";
import { ReminderDelivery, type ReminderDeliveryOptions } from "./reminder-delivery.ts";
import { isWorthResuming, planNextReminder } from "./reminder-plan.ts";

/** How often the index of due times is asked; the answer takes microseconds. */
const POLL_INTERVAL_MS = 1_000;
const GUILDS_PER_POLL = 200;
const EVENTS_PER_GUILD = 50;
const PENDING_PER_POLL = 1_000;
/** Recorded as the error of a reminder that was interrupted, and came too late to be gone on with. */
export const INTERRUPTED = "interrupted";
/** Guilds whose reminders go out at the same time, so that one whose channel is slow delays no other. */
const MAX_CONCURRENT_GUILDS = 8;

export interface ReminderServiceOptions extends ReminderDeliveryOptions {
  readonly client: Client;
  readonly degradation: GracefulDegradation;
  readonly reconciler: Reconciler;
  /** An event's message or channel does not exist any more. */
  readonly onGone: (event: EventRecord, what: GoneThing) => Promise<void>;
  readonly clock: Clock;
}

export interface ReminderOutcome {
  readonly notifiedCount: number;
  /** Asked not to be reminded. */
  readonly silentCount: number;
}

/** What becomes of a reminder that could not be sent. */
interface Consequences {
  readonly postpone: (until: number) => Promise<unknown>;
  readonly giveUp: () => Promise<void>;
}

/**
 * Reminds those who have not answered. What is due is asked from the database, so a restart forgets nothing; a reminder
 * is claimed there before it is sent, so none goes out twice; and after downtime the plan goes on with the next one.
 * What cannot be sent now is moved to a later time in the database, so that nothing stands before what can be sent.
 */
export class ReminderService {
  readonly #options: ReminderServiceOptions;
  readonly #delivery: ReminderDelivery;
  readonly #poll: Interval;
  readonly #failedTries = new FailedTries();
  /** Guilds that the last poll found work for, with their interrupted reminders; each waits for its run. */
  #waiting = new Map<string, readonly PendingReminder[]>();
  readonly #runs = new Map<string, Promise<void>>();
  /** Ids of the reminders that are being sent. A pending one that is not among them was interrupted. */
  readonly #inHand = new Set<string>();
  #isStopped = false;

  constructor(options: ReminderServiceOptions) {
    this.#options = options;
    this.#delivery = new ReminderDelivery(options);
    this.#poll = new Interval({
      clock: options.clock,
      everyMs: () => POLL_INTERVAL_MS,
      run: () => this.#look(),
      onError: (error) => options.logger.error("looking for due reminders failed", { error }),
    });
  }

  start(): void {
    this.#poll.start();
    this.#poll.trigger();
  }

  /** Waits for the message that is being sent; what is left of its reminder stays pending for the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#options.sender.stop();
    await this.#poll.stop();
    await Promise.all(this.#runs.values());
  }

  /** Something was planned or changed: look now. */
  wake(): void {
    this.#poll.trigger();
  }

  /**
   * Reminds now because `actorId` asked; the plan goes on as it was. Throws when it cannot be sent, CONFLICT when the
   * event is closed, or another reminder of it is under way or went out just now.
   */
  async remindNow(event: EventRecord, actorId: string): Promise<ReminderOutcome> {
    const flags = await this.#options.flags.get(event.guildId);
    await this.#options.reconciler.reconcile(event);
    return this.#send(event, flags, actorId);
  }

  async #look(): Promise<void> {
    const { store, degradation, clock, client } = this.#options;
    if (degradation.decide("write") !== "run" || !client.isReady()) return;
    const at = clock.now();
    const [closing, pending, due] = await Promise.all([
      store.events.listClosingGuilds({ at, limit: GUILDS_PER_POLL }),
      store.reminders.listPending({ at, limit: PENDING_PER_POLL }),
      store.reminders.listDueGuilds({ at, limit: GUILDS_PER_POLL }),
    ]);
    // Nothing of Discord is needed for it, so it waits for no reminder.
    await Promise.all(closing.map((guildId) => this.#closeDue(guildId, at)));
    const interrupted = pending.filter(({ id }) => !this.#inHand.has(id));
    this.#waiting = Map.groupBy(interrupted, ({ guildId }) => guildId);
    for (const guildId of due) if (!this.#waiting.has(guildId)) this.#waiting.set(guildId, []);
    this.#startRuns();
  }

  async #closeDue(guildId: string, at: number): Promise<void> {
    const { store, logger } = this.#options;
    try {
      for (const event of await store.events.listClosing({ guildId, at, limit: EVENTS_PER_GUILD })) {
        await this.#close(event);
      }
    } catch (error) {
      logger.error("closing a server's events failed", { guildId, error });
    }
  }

  async #close({ guildId, id }: EventRecord): Promise<void> {
    const { store, tracked, cards } = this.#options;
    try {
      const reason = "closing time";
      const closed = await store.events.transition({ guildId, id, actorId: "system", to: "closed", reason });
      tracked.remove(id);
      cards.refresh(closed);
    } catch (error) {
      // Somebody closed or deleted it in this moment.
      if (!isMusterError(error, "CONFLICT", "NOT_FOUND")) throw error;
    }
  }

  #startRuns(): void {
    const { logger } = this.#options;
    for (const [guildId, interrupted] of this.#waiting) {
      if (this.#isStopped || this.#runs.size >= MAX_CONCURRENT_GUILDS) return;
      if (this.#runs.has(guildId)) continue;
      this.#waiting.delete(guildId);
      const run = this.#runGuild(guildId, interrupted)
        .catch((error: unknown) => {
          logger.error("reminders of a server failed", { guildId, error });
          // The others would fail in the same way: the next poll looks again.
          if (isDatabaseFault(error)) this.#waiting.clear();
        })
        .finally(() => {
          this.#runs.delete(guildId);
          this.#startRuns();
        });
      this.#runs.set(guildId, run);
    }
  }

  /** Throws what the database throws; what Discord does to one event concerns no other. */
  async #runGuild(guildId: string, interrupted: readonly PendingReminder[]): Promise<void> {
    const { store, clock } = this.#options;
    for (const reminder of interrupted) {
      if (this.#isStopped) return;
      if (!this.#inHand.has(reminder.id)) await this.#hold(reminder.id, () => this.#resume(reminder));
    }
    for (const event of await store.reminders.listDue({ guildId, at: clock.now(), limit: EVENTS_PER_GUILD })) {
      if (this.#isStopped) return;
      await this.#remindDue(event);
    }
  }

  async #remindDue(event: EventRecord): Promise<void> {
    const { client, flags: guildFlags, reconciler, clock } = this.#options;
    const guild = client.guilds.cache.get(event.guildId);
    const flags = await guildFlags.get(event.guildId);
    // A server that the bot was removed from, or that wants no reminders: the plan goes on in case that changes.
    if (!guild || !flags.areRemindersOn) return this.#moveOn(event, planNextReminder(event, flags, clock.now()));
    // Overdue from a downtime that ended at night: it goes out when the quiet hours end.
    if (flags.quietHours && isQuiet(flags.quietHours, clock.now())) {
      return this.#moveOn(event, quietEndAt(flags.quietHours, clock.now()));
    }
    // Planned a second time by a clock that was behind: it went out already.
    const { nextReminderAt = 0, lastReminderAt = -Infinity } = event;
    if (lastReminderAt >= nextReminderAt && lastReminderAt <= clock.now()) {
      return this.#moveOn(event, planNextReminder(event, flags, clock.now()));
    }
    try {
      await reconciler.reconcile(event);
      await this.#send(event, flags, undefined);
      this.#failedTries.forget(event.id);
    } catch (error) {
      await this.#handleFailure(event, error, {
        postpone: (until) => this.#reschedule(event, until),
        giveUp: () => this.#giveUp(event, flags, error),
      });
    }
  }

  /** Reconciled before. Claims, sends and records one reminder. */
  async #send(event: EventRecord, flags: EffectiveFlags, actorId: string | undefined): Promise<ReminderOutcome> {
    const { clock } = this.#options;
    const { silentCount, ...recipients } = await this.#delivery.listRecipients(event, flags);
    const outcome = { notifiedCount: recipients.mentionIds.length + recipients.directIds.length, silentCount };
    const nextReminderAt = planNextReminder(event, flags, clock.now());
    if (outcome.notifiedCount === 0) {
      if (actorId === undefined) await this.#moveOn(event, nextReminderAt);
      return outcome;
    }
    if (this.#isStopped) throw new MusterError("SHUTTING_DOWN", "send a reminder: the program is stopping");
    const id = createId(clock.now());
    return this.#hold(id, async () => {
      if (!(await this.#claim(event, id, nextReminderAt, actorId))) {
        // Another one is under way, so this one is not needed: without a new time it would be looked at each second.
        await this.#moveOn(event, nextReminderAt);
        return { notifiedCount: 0, silentCount };
      }
      const claimed = { id, usersNotified: [], messageIds: [], isResumed: false };
      const failure = await this.#delivery.send(event, claimed, recipients);
      if (failure && (actorId !== undefined || goneThing(failure.cause))) throw failure.cause;
      return outcome;
    });
  }

  async #claim(
    { guildId, id: eventId, nextReminderAt: dueAt }: EventRecord,
    id: string,
    nextReminderAt: number | undefined,
    actorId: string | undefined,
  ): Promise<boolean> {
    const { store, clock } = this.#options;
    const scheduledAt = (actorId === undefined ? dueAt : undefined) ?? clock.now();
    return store.reminders.begin({ guildId, eventId, id, scheduledAt, nextReminderAt, actorId });
  }

  /** Goes on with one that was under way when the program ended, or the database went away, unless it is too late. */
  async #resume({ guildId, eventId, id }: PendingReminder): Promise<void> {
    const { store, reconciler, client, clock, logger, flags: guildFlags } = this.#options;
    // Read now that nobody else has it in hand: it may have been finished since it was listed.
    const reminder = await store.reminders.find({ guildId, eventId, id });
    const event = await store.events.find({ guildId, id: eventId });
    if (!event || reminder?.status !== "pending") return;
    const flags = await guildFlags.get(guildId);
    if (!client.guilds.cache.has(guildId) || !isWorthResuming(event, flags, clock.now())) {
      logger.warn("interrupted reminder not resumed", { eventId, reminderId: id });
      // Whom it reached before stays recorded.
      await store.reminders.finish({ guildId, eventId, id, status: "failed", error: INTERRUPTED });
      return;
    }
    try {
      await reconciler.reconcile(event);
      const recipients = await this.#delivery.listRecipients(event, flags);
      const failure = await this.#delivery.send(event, { ...reminder, isResumed: true }, recipients);
      this.#failedTries.forget(eventId);
      if (failure && goneThing(failure.cause)) throw failure.cause;
    } catch (error) {
      await this.#handleFailure(event, error, {
        postpone: (until) => store.reminders.postpone({ guildId, eventId, id, scheduledAt: until }),
        giveUp: () => this.#delivery.recordFailure(event, id, error),
      });
    }
  }

  /** Throws what is the database's fault: the next poll begins anew. */
  async #handleFailure(event: EventRecord, error: unknown, { postpone, giveUp }: Consequences): Promise<void> {
    // It stays as it is for the next start.
    if (this.#isStopped) return;
    if (isDatabaseFault(error)) throw error;
    const gone = goneThing(error);
    if (gone) return this.#options.onGone(event, gone);
    const pauseMs = this.#failedTries.note(event.id, error);
    if (pauseMs === undefined) return giveUp();
    this.#options.logger.warn("reminder postponed", { eventId: event.id, pauseMs, error });
    await postpone(this.#options.clock.now() + pauseMs);
  }

  /** Records as failed what could not be claimed because Discord does not even show the event; the plan goes on. */
  async #giveUp(event: EventRecord, flags: EffectiveFlags, error: unknown): Promise<void> {
    const now = this.#options.clock.now();
    const id = createId(now);
    await this.#hold(id, async () => {
      const isClaimed = await this.#claim(event, id, planNextReminder(event, flags, now), undefined);
      if (isClaimed) await this.#delivery.recordFailure(event, id, error);
    });
  }

  async #hold<Result>(reminderId: string, work: () => Promise<Result>): Promise<Result> {
    this.#inHand.add(reminderId);
    try {
      return await work();
    } finally {
      this.#inHand.delete(reminderId);
    }
  }

  /** On to the next one, without sending this one. */
  async #moveOn(event: EventRecord, nextReminderAt: number | undefined): Promise<void> {
    const current = await this.#reschedule(event, nextReminderAt);
    if (current) this.#options.cards.refresh(current);
  }

  /** The event as it is then; undefined when its plan was changed meanwhile. */
  async #reschedule(event: EventRecord, nextReminderAt: number | undefined): Promise<EventRecord | undefined> {
    const { store, tracked } = this.#options;
    const { guildId, id: eventId } = event;
    const plan = { scheduledAt: event.nextReminderAt ?? null, nextReminderAt: nextReminderAt ?? null };
    if (!(await store.reminders.reschedule({ guildId, eventId, ...plan }))) return undefined;
    const current = (await store.events.find({ guildId, id: eventId })) ?? undefined;
    if (current) tracked.put(current);
    return current;
  }
}

/** What the next poll may find over; a queue that takes nothing more belongs to a database that is away. */
function isDatabaseFault(error: unknown): boolean {
  if (!isMusterError(error)) return false;
  return ERROR_CLASSES[error.code].isDatabaseFault || isMusterError(error, "QUEUE_FULL", "QUEUE_WRITE_FAILED");
}
