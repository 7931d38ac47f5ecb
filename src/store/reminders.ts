import { z } from "zod";
import { MusterError } from "../core/errors.ts";
import { idTimePrefix } from "../core/ids.ts";
import { defineRead, defineWrite, EVERYTHING, type ReadTransaction, type SqlValue } from "../database/operation.ts";
import { appendAuditEntry } from "./audit.ts";
import { DUE_WINDOW, EVENT_COLUMNS, requireEvent, toEventRecord, type EventRecord, type EventRow } from "./events.ts";
import { eventId, eventReminders, guildAudit, guildEvents, limit, moment, snowflake, text, ulid } from "./inputs.ts";

export const REMINDER_STATUSES = ["pending", "sent", "failed"] as const;
export type ReminderStatus = (typeof REMINDER_STATUSES)[number];

/** Two who remind at once, or one who presses twice, would disturb everybody twice. */
export const REMIND_PAUSE_MS = 10_000;
/** Twice what the bot does. */
const LONGEST_POSTPONEMENT_MS = 600_000;

/** One reminder of one event, with its true outcome. */
export interface ReminderRecord {
  readonly id: string;
  readonly eventId: string;
  readonly scheduledAt: number;
  readonly sentAt: number | null;
  readonly usersNotified: readonly string[];
  readonly messageIds: readonly string[];
  readonly status: ReminderStatus;
  readonly error: string | null;
}

/** One that was begun and not finished. */
export interface PendingReminder {
  readonly id: string;
  readonly eventId: string;
  readonly guildId: string;
}

const COLUMNS = `id, event_id AS eventId, scheduled_at AS scheduledAt, sent_at AS sentAt,
  users_notified AS usersNotified, message_ids AS messageIds, status, error`;

function toReminderRecord(row: { readonly [Key in keyof ReminderRecord]: SqlValue }): ReminderRecord {
  return {
    ...(row as unknown as ReminderRecord),
    usersNotified: JSON.parse(row.usersNotified as string) as string[],
    messageIds: JSON.parse(row.messageIds as string) as string[],
  };
}

type ReminderRow = Parameters<typeof toReminderRecord>[0];

async function requireReminder(transaction: ReadTransaction, eventId: string, id: string): Promise<ReminderRecord> {
  const row = await transaction.get<ReminderRow>(
    `SELECT ${COLUMNS} FROM reminderlog WHERE id = ? AND event_id = ?`,
    ...[id, eventId],
  );
  if (!row) throw new MusterError("NOT_FOUND", `find reminder ${id}: its event was deleted meanwhile`);
  return toReminderRecord(row);
}

async function hasPending(transaction: ReadTransaction, eventId: string): Promise<boolean> {
  const row = await transaction.get("SELECT id FROM reminderlog WHERE status = 'pending' AND event_id = ?", eventId);
  return row !== undefined;
}

function requireRemindable({ id, state, lastReminderAt }: EventRecord, isUnderWay: boolean, at: number): void {
  const refuse = (reason: string, details: Record<string, unknown>): MusterError =>
    new MusterError("CONFLICT", `remind event ${id}: ${reason}`, { details });
  if (state === "closed") throw refuse("it is closed", { state });
  if (isUnderWay) throw refuse("another reminder is under way", { isUnderWay });
  if (lastReminderAt !== undefined && Math.abs(at - lastReminderAt) < REMIND_PAUSE_MS)
    throw refuse("the last reminder went out just now", { lastReminderAt });
}

const touched = ({ guildId, eventId }: { guildId: string; eventId: string }): string[] => [
  guildEvents(guildId),
  eventReminders(eventId),
];

export const reminderOperations = {
  /** Guilds that have a reminder due, in the order of their first one. */
  listDueGuilds: defineRead({
    input: z.object({ at: moment, limit: limit(1_000) }),
    touches: () => [],
    async run(transaction, { at, limit }): Promise<string[]> {
      const rows = await transaction.all<{ guildId: string }>(
        `SELECT guild_id AS guildId FROM (
           SELECT guild_id, next_reminder_at AS at FROM event
           WHERE next_reminder_at <= ? AND next_reminder_at IS NOT NULL ORDER BY next_reminder_at LIMIT ?
         ) AS due GROUP BY guild_id ORDER BY min(at), guild_id LIMIT ?`,
        ...[at, DUE_WINDOW, limit],
      );
      return rows.map(({ guildId }) => guildId);
    },
  }),

  listDue: defineRead({
    input: z.object({ guildId: snowflake, at: moment, limit: limit(100) }),
    touches: ({ guildId }) => [guildEvents(guildId)],
    async run(transaction, { guildId, at, limit }): Promise<EventRecord[]> {
      const rows = await transaction.all<EventRow>(
        `SELECT ${EVENT_COLUMNS} FROM event
         WHERE guild_id = ? AND next_reminder_at <= ? AND next_reminder_at IS NOT NULL ORDER BY next_reminder_at LIMIT ?`,
        ...[guildId, at, limit],
      );
      return rows.map(toEventRecord);
    },
  }),

  /** When the next reminder of any guild is due; null when none is planned. */
  findNextDueAt: defineRead({
    input: z.object({}),
    touches: () => [],
    async run(transaction): Promise<number | null> {
      const row = await transaction.get<{ at: number }>(
        "SELECT next_reminder_at AS at FROM event WHERE next_reminder_at IS NOT NULL ORDER BY next_reminder_at LIMIT 1",
      );
      return row?.at ?? null;
    },
  }),

  /**
   * Claims a due reminder: writes its row as pending and moves the event to its next one, in one transaction, so that
   * it is sent once even if two ask, or the program dies on the way. False when it is no longer due as seen, or while
   * another one of the event is under way. When a person asked that is a CONFLICT, as are a closed event and a reminder
   * that went out just now; its details say which.
   */
  begin: defineWrite({
    input: z.object({
      guildId: snowflake,
      eventId,
      id: ulid,
      scheduledAt: moment,
      nextReminderAt: moment.optional(),
      /** Set when a person asked for it: then it need not be due, and the audit log says who. */
      actorId: snowflake.optional(),
    }),
    touches: (input) => [...touched(input), guildAudit(input.guildId)],
    whenAway: "refuse",
    async run(transaction, { guildId, eventId, id, scheduledAt, nextReminderAt, actorId }, context): Promise<boolean> {
      const event = await requireEvent(transaction, guildId, eventId);
      const at = context.requestedAt;
      const isByHand = actorId !== undefined;
      const isUnderWay = await hasPending(transaction, eventId);
      if (isByHand) requireRemindable(event, isUnderWay, at);
      else if (event.state !== "open" || event.nextReminderAt !== scheduledAt || isUnderWay) return false;
      await transaction.run(
        `INSERT INTO reminderlog (id, event_id, scheduled_at, status, created_at, updated_at) VALUES (?, ?, ?, 'pending', ?, ?)`,
        ...[id, eventId, scheduledAt, at, at],
      );
      await transaction.run(
        "UPDATE event SET next_reminder_at = ?, updated_at = ? WHERE id = ?",
        ...[event.state === "open" ? (nextReminderAt ?? null) : null, at, eventId],
      );
      if (isByHand) {
        await appendAuditEntry(
          transaction,
          { guildId, actorId, action: "event.remind", target: eventId, details: { title: event.title } },
          context,
        );
      }
      return true;
    },
  }),

  /**
   * Moves an event to another next reminder without sending the one that is due: nobody is missing, reminders are off,
   * or quiet hours changed. False when the plan was changed meanwhile.
   */
  reschedule: defineWrite({
    input: z.object({ guildId: snowflake, eventId, scheduledAt: moment.nullable(), nextReminderAt: moment.nullable() }),
    touches: touched,
    whenAway: "refuse",
    async run(transaction, { guildId, eventId, scheduledAt, nextReminderAt }, { requestedAt }): Promise<boolean> {
      const { changes } = await transaction.run(
        `UPDATE event SET next_reminder_at = ?, updated_at = ?
         WHERE id = ? AND guild_id = ? AND state = 'open' AND COALESCE(next_reminder_at, -1) = ?`,
        ...[nextReminderAt, requestedAt, eventId, guildId, scheduledAt ?? -1],
      );
      return changes > 0;
    },
  }),

  /** Notes who has been reached so far, so that a restart goes on from there. */
  progress: defineWrite({
    input: z.object({
      guildId: snowflake,
      eventId,
      id: ulid,
      userIds: z.array(snowflake).max(1_000),
      messageId: snowflake.optional(),
    }),
    touches: touched,
    whenAway: { queue: "HIGH" },
    async run(transaction, { eventId, id, userIds, messageId }, { requestedAt }): Promise<void> {
      const reminder = await requireReminder(transaction, eventId, id);
      const usersNotified = [...new Set([...reminder.usersNotified, ...userIds])];
      const messageIds = [...new Set([...reminder.messageIds, ...(messageId === undefined ? [] : [messageId])])];
      await transaction.run(
        "UPDATE reminderlog SET users_notified = ?, message_ids = ?, updated_at = ? WHERE id = ?",
        ...[JSON.stringify(usersNotified), JSON.stringify(messageIds), requestedAt, id],
      );
    },
  }),

  finish: defineWrite({
    input: z.object({
      guildId: snowflake,
      eventId,
      id: ulid,
      status: z.enum(["sent", "failed"]),
      error: text(500).optional(),
    }),
    touches: touched,
    whenAway: { queue: "HIGH" },
    async run(transaction, { eventId, id, status, error }, { requestedAt }): Promise<void> {
      await requireReminder(transaction, eventId, id);
      await transaction.run(
        "UPDATE reminderlog SET status = ?, error = ?, sent_at = ?, updated_at = ? WHERE id = ?",
        ...[status, error ?? null, status === "sent" ? requestedAt : null, requestedAt, id],
      );
      if (status === "sent") {
        await transaction.run(
          "UPDATE event SET last_reminder_at = ?, updated_at = ? WHERE id = ?",
          ...[requestedAt, requestedAt, eventId],
        );
      }
    },
  }),

  /**
   * Reminders that were begun and not finished, but for those postponed beyond `at`. Postponed by more than is ever done
   * was one by a clock that ran ahead.
   */
  listPending: defineRead({
    input: z.object({ at: moment, limit: limit(1_000) }),
    touches: () => [],
    async run(transaction, { at, limit }): Promise<PendingReminder[]> {
      return transaction.all(
        `SELECT reminderlog.id AS id, event_id AS eventId, guild_id AS guildId
         FROM reminderlog JOIN event ON event.id = event_id
         WHERE status = 'pending' AND (scheduled_at <= ? OR scheduled_at > ?) LIMIT ?`,
        ...[at, at + LONGEST_POSTPONEMENT_MS, limit],
      );
    },
  }),

  /** As it is now: while the database is away there is no answer, since an outdated one would remind people twice. */
  find: defineRead({
    input: z.object({ guildId: snowflake, eventId, id: ulid }),
    touches: () => [],
    async run(transaction, { guildId, eventId, id }): Promise<ReminderRecord | null> {
      const row = await transaction.get<ReminderRow>(
        `SELECT ${COLUMNS} FROM reminderlog WHERE id = ? AND event_id = (SELECT id FROM event WHERE id = ? AND guild_id = ?)`,
        ...[id, eventId, guildId],
      );
      return row ? toReminderRecord(row) : null;
    },
  }),

  /** Lets a pending one that cannot be finished now wait until then. */
  postpone: defineWrite({
    input: z.object({ guildId: snowflake, eventId, id: ulid, scheduledAt: moment }),
    touches: touched,
    whenAway: "refuse",
    async run(transaction, { eventId, id, scheduledAt }, { requestedAt }): Promise<void> {
      await transaction.run(
        "UPDATE reminderlog SET scheduled_at = ?, updated_at = ? WHERE id = ? AND event_id = ? AND status = 'pending'",
        ...[scheduledAt, requestedAt, id, eventId],
      );
    },
  }),

  /** The newest reminders of an event. */
  listHistory: defineRead({
    input: z.object({ guildId: snowflake, eventId, limit: limit(100) }),
    touches: touched,
    async run(transaction, { guildId, eventId, limit }): Promise<ReminderRecord[]> {
      const rows = await transaction.all<ReminderRow>(
        `SELECT ${COLUMNS} FROM reminderlog WHERE event_id = (SELECT id FROM event WHERE id = ? AND guild_id = ?)
         ORDER BY scheduled_at DESC, id DESC LIMIT ?`,
        ...[eventId, guildId, limit],
      );
      return rows.map(toReminderRecord);
    },
  }),

  /** Deletes the oldest finished ones from before a moment, but each event's last one, and says how many. */
  prune: defineWrite({
    input: z.object({ before: moment, limit: limit(5_000) }),
    touches: () => [EVERYTHING],
    whenAway: "refuse",
    async run(transaction, { before, limit }): Promise<number> {
      const { changes } = await transaction.run(
        `DELETE FROM reminderlog WHERE id IN (
           SELECT id FROM reminderlog AS old WHERE id < ? AND status <> 'pending' AND EXISTS (
             SELECT 1 FROM reminderlog AS later WHERE later.event_id = old.event_id AND later.scheduled_at > old.scheduled_at
           ) ORDER BY id LIMIT ?)`,
        ...[idTimePrefix(before), limit],
      );
      return changes;
    },
  }),
};
