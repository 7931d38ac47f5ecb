import { z } from "zod";
import { MusterError } from "../core/errors.ts";
import { defineRead, defineWrite, type ReadTransaction, type SqlValue } from "../database/operation.ts";
import { appendAuditEntry } from "./audit.ts";
import {
  actorId,
  emojiKey,
  eventAnswers,
  eventId,
  eventReminders,
  guildAudit,
  guildEvents,
  limit,
  moment,
  snowflake,
  text,
} from "./inputs.ts";

/** A roll call: a Discord message, the reactions that count as answers, and when who is reminded. */
export interface EventRecord {
  readonly id: string;
  readonly guildId: string;
  readonly channelId: string;
  /** The message that members react to. */
  readonly messageId: string;
  /** The message of the bot's that shows the answers: the same one, unless a foreign message was adopted. */
  readonly cardMessageId: string;
  /** `NO_CREATOR` when whoever created it had their data deleted. */
  readonly creatorId: string;
  readonly title: string;
  readonly description: string;
  readonly intervalMs: number;
  /** Emoji keys in order; empty = any reaction is an answer. */
  readonly reactions: readonly string[];
  /** undefined = everyone. */
  readonly audienceRoleId?: string;
  readonly state: EventState;
  readonly closesAt?: number;
  readonly closedAt?: number;
  readonly lastReminderAt?: number;
  readonly nextReminderAt?: number;
  readonly createdAt: number;
}

/** In place of a creator's id. */
export const NO_CREATOR = "";

export const EVENT_STATES = ["open", "paused", "closed"] as const;
export type EventState = (typeof EVENT_STATES)[number];

export const EVENT_COLUMNS = `id, guild_id AS guildId, channel_id AS channelId, message_id AS messageId,
  card_message_id AS cardMessageId, creator_id AS creatorId, title, description, interval_ms AS intervalMs, reactions,
  audience_role_id AS audienceRoleId, state, closes_at AS closesAt, closed_at AS closedAt,
  last_reminder_at AS lastReminderAt, next_reminder_at AS nextReminderAt, created_at AS createdAt`;

export type EventRow = { readonly [Key in keyof EventRecord]: SqlValue };

/** A row as the program uses it: what is null in the table is absent. */
export function toEventRecord(row: EventRow): EventRecord {
  const present = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
  return { ...(present as unknown as EventRecord), reactions: JSON.parse(row.reactions as string) as string[] };
}

export async function findEvent(
  transaction: ReadTransaction,
  guildId: string,
  id: string,
): Promise<EventRecord | null> {
  const row = await transaction.get<EventRow>(
    `SELECT ${EVENT_COLUMNS} FROM event WHERE id = ? AND guild_id = ?`,
    ...[id, guildId],
  );
  return row ? toEventRecord(row) : null;
}

export async function requireEvent(transaction: ReadTransaction, guildId: string, id: string): Promise<EventRecord> {
  const event = await findEvent(transaction, guildId, id);
  if (!event) throw new MusterError("NOT_FOUND", `find event ${id}: there is none with this id in the server`);
  return event;
}

const title = text(100).min(1);
const description = text(1_000);
const intervalMs = z
  .int()
  .min(1_000)
  .max(366 * 24 * 3_600_000);
const reactions = z.array(emojiKey.min(1)).max(20);
/** How many due events one look takes in: after a long downtime, what is beyond comes up when these are done. */
export const DUE_WINDOW = 5_000;

const eventKey = z.object({ guildId: snowflake, id: eventId });

export const eventOperations = {
  create: defineWrite({
    input: z.object({
      id: eventId,
      guildId: snowflake,
      channelId: snowflake,
      messageId: snowflake,
      cardMessageId: snowflake,
      creatorId: snowflake,
      title,
      description,
      intervalMs,
      reactions,
      audienceRoleId: snowflake.optional(),
      closesAt: moment.optional(),
      nextReminderAt: moment.optional(),
    }),
    touches: ({ guildId }) => [guildEvents(guildId), guildAudit(guildId)],
    whenAway: "refuse",
    async run(transaction, input, context): Promise<EventRecord> {
      const taken = await transaction.get("SELECT id FROM event WHERE message_id = ?", input.messageId);
      if (taken) throw new MusterError("CONFLICT", "create event: the message is an event already");
      await transaction.run(
        `INSERT INTO event (id, guild_id, channel_id, message_id, card_message_id, creator_id, title, description,
           interval_ms, reactions, audience_role_id, state, closes_at, next_reminder_at, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?, ?)`,
        ...[input.id, input.guildId, input.channelId, input.messageId, input.cardMessageId, input.creatorId],
        ...[input.title, input.description, input.intervalMs, JSON.stringify(input.reactions)],
        ...[input.audienceRoleId ?? null, input.closesAt ?? null, input.nextReminderAt ?? null],
        ...[context.requestedAt, context.requestedAt],
      );
      const { guildId, id, creatorId, title, channelId, messageId } = input;
      const details = { title, channelId, messageId, adopted: messageId !== input.cardMessageId };
      await appendAuditEntry(
        transaction,
        { guildId, actorId: creatorId, action: "event.create", target: id, details },
        context,
      );
      return requireEvent(transaction, guildId, id);
    },
  }),

  find: defineRead({
    input: eventKey,
    touches: ({ guildId }) => [guildEvents(guildId)],
    run: (transaction, { guildId, id }) => findEvent(transaction, guildId, id),
  }),

  /** A page of events, newest first, on the far side of `cursor` in the direction given. */
  list: defineRead({
    input: z.object({
      guildId: snowflake,
      state: z.enum([...EVENT_STATES, "all"]),
      cursor: z.object({ createdAt: moment, id: eventId }).optional(),
      direction: z.enum(["older", "newer"]).default("older"),
      limit: limit(100),
    }),
    touches: ({ guildId }) => [guildEvents(guildId)],
    async run(
      transaction,
      { guildId, state, cursor, direction, limit },
    ): Promise<{ events: EventRecord[]; hasMore: boolean }> {
      const isOlder = direction === "older";
      const conditions = ["guild_id = ?", ...(state === "all" ? [] : ["state = ?"])];
      const parameters: SqlValue[] = [guildId, ...(state === "all" ? [] : [state])];
      if (cursor) {
        conditions.push(`(created_at, id) ${isOlder ? "<" : ">"} (?, ?)`);
        parameters.push(cursor.createdAt, cursor.id);
      }
      const order = isOlder ? "DESC" : "ASC";
      const rows = await transaction.all<EventRow>(
        `SELECT ${EVENT_COLUMNS} FROM event WHERE ${conditions.join(" AND ")}
         ORDER BY created_at ${order}, id ${order} LIMIT ?`,
        ...parameters,
        limit + 1,
      );
      const events = rows.slice(0, limit).map(toEventRecord);
      if (!isOlder) events.reverse();
      return { events, hasMore: rows.length > limit };
    },
  }),

  /** For autocomplete: events whose id begins with the text or whose title contains it, among the newest 1,000. */
  search: defineRead({
    input: z.object({
      guildId: snowflake,
      text: z.string().max(100),
      states: z
        .array(z.enum(EVENT_STATES))
        .min(1)
        .max(3)
        .default([...EVENT_STATES]),
      limit: limit(25),
    }),
    touches: ({ guildId }) => [guildEvents(guildId)],
    async run(
      transaction,
      { guildId, text, states, limit },
    ): Promise<{ id: string; title: string; state: EventState }[]> {
      const pattern = text.replace(/[\\%_]/g, "\\$&");
      return transaction.all(
        `SELECT id, title, state FROM (
           SELECT id, title, state, created_at FROM event WHERE guild_id = ? ORDER BY created_at DESC, id DESC LIMIT 1000
         ) AS newest
         WHERE state IN (${states.map(() => "?").join(", ")})
           AND (title LIKE ? ESCAPE '\\' OR id LIKE ? ESCAPE '\\')
         ORDER BY created_at DESC, id DESC LIMIT ?`,
        ...[guildId, ...states, `%${pattern}%`, `${pattern}%`, limit],
      );
    },
  }),

  /** The events whose reactions matter: open and paused ones, in pages by id. */
  listTracked: defineRead({
    input: z.object({
      guildId: snowflake,
      state: z.enum(["open", "paused"]),
      afterId: z.string().max(32).default(""),
      limit: limit(1_000),
    }),
    touches: ({ guildId }) => [guildEvents(guildId)],
    async run(transaction, { guildId, state, afterId, limit }): Promise<EventRecord[]> {
      const rows = await transaction.all<EventRow>(
        `SELECT ${EVENT_COLUMNS} FROM event
         WHERE guild_id = ? AND state = ? AND state <> 'closed' AND id > ? ORDER BY id LIMIT ?`,
        ...[guildId, state, afterId, limit],
      );
      return rows.map(toEventRecord);
    },
  }),

  /** Open events that a member has not answered, newest first. The caller knows the roles and leaves out what is not meant for them. */
  listUnanswered: defineRead({
    input: z.object({ guildId: snowflake, userId: snowflake, limit: limit(500) }),
    touches: ({ guildId }) => [guildEvents(guildId)],
    async run(transaction, { guildId, userId, limit }): Promise<EventRecord[]> {
      const rows = await transaction.all<EventRow>(
        `SELECT ${EVENT_COLUMNS} FROM event WHERE guild_id = ? AND state = 'open' AND NOT EXISTS (
           SELECT 1 FROM reaction WHERE reaction.event_id = event.id AND reaction.user_id = ? AND reaction.is_answer = 1
         ) ORDER BY created_at DESC, id DESC LIMIT ?`,
        ...[guildId, userId, limit],
      );
      return rows.map(toEventRecord);
    },
  }),

  /** Guilds that have an event whose time to close has come. */
  listClosingGuilds: defineRead({
    input: z.object({ at: moment, limit: limit(1_000) }),
    touches: () => [],
    async run(transaction, { at, limit }): Promise<string[]> {
      const rows = await transaction.all<{ guildId: string }>(
        `SELECT guild_id AS guildId FROM (
           SELECT guild_id, closes_at AS at FROM event
           WHERE closes_at <= ? AND closes_at IS NOT NULL AND state <> 'closed' ORDER BY closes_at LIMIT ?
         ) AS due GROUP BY guild_id ORDER BY min(at), guild_id LIMIT ?`,
        ...[at, DUE_WINDOW, limit],
      );
      return rows.map(({ guildId }) => guildId);
    },
  }),

  /** Events of a guild that are not closed although their time has come. */
  listClosing: defineRead({
    input: z.object({ guildId: snowflake, at: moment, limit: limit(100) }),
    touches: ({ guildId }) => [guildEvents(guildId)],
    async run(transaction, { guildId, at, limit }): Promise<EventRecord[]> {
      const rows = await transaction.all<EventRow>(
        `SELECT ${EVENT_COLUMNS} FROM event
         WHERE guild_id = ? AND closes_at <= ? AND closes_at IS NOT NULL AND state <> 'closed' ORDER BY closes_at LIMIT ?`,
        ...[guildId, at, limit],
      );
      return rows.map(toEventRecord);
    },
  }),

  /** Changes the fields given; null removes an optional one. */
  edit: defineWrite({
    input: eventKey.extend({
      actorId,
      changes: z.object({
        title: title.optional(),
        description: description.optional(),
        intervalMs: intervalMs.optional(),
        reactions: reactions.optional(),
        audienceRoleId: snowflake.nullable().optional(),
        closesAt: moment.nullable().optional(),
        nextReminderAt: moment.nullable().optional(),
      }),
    }),
    touches: ({ guildId, id }) => [guildEvents(guildId), eventAnswers(id), guildAudit(guildId)],
    whenAway: "refuse",
    async run(transaction, { guildId, id, actorId, changes }, context): Promise<EventRecord> {
      const event = await requireEvent(transaction, guildId, id);
      if (event.state === "closed") throw new MusterError("CONFLICT", `edit event ${id}: it is closed`);
      const { reactions, nextReminderAt, ...columns } = changes;
      const values = {
        ...columns,
        // Paused meanwhile: only an open event has a next reminder.
        nextReminderAt: event.state === "open" ? nextReminderAt : undefined,
        reactions: reactions === undefined ? undefined : JSON.stringify(reactions),
      };
      const assigned = Object.entries(values).filter(([, value]) => value !== undefined) as [
        keyof typeof COLUMN_BY_FIELD,
        SqlValue,
      ][];
      await transaction.run(
        `UPDATE event SET ${[...assigned.map(([field]) => `${COLUMN_BY_FIELD[field]} = ?`), "updated_at = ?"].join(", ")} WHERE id = ?`,
        ...[...assigned.map(([, value]) => value), context.requestedAt, id],
      );
      if (reactions !== undefined) {
        await transaction.run(
          `UPDATE reaction SET is_answer = CASE WHEN emoji = '' ${reactions.map(() => "OR emoji = ?").join(" ")}
             ${reactions.length === 0 ? "OR 1 = 1" : ""} THEN 1 ELSE 0 END, updated_at = ? WHERE event_id = ?`,
          ...[...reactions, context.requestedAt, id],
        );
      }
      await appendAuditEntry(
        transaction,
        { guildId, actorId, action: "event.edit", target: id, details: changes },
        context,
      );
      return requireEvent(transaction, guildId, id);
    },
  }),

  /** Pauses, resumes or closes. Asking for the state it has already is a CONFLICT; a closed event stays closed. */
  transition: defineWrite({
    input: eventKey.extend({
      actorId,
      to: z.enum(EVENT_STATES),
      /** Only an open event has one. */
      nextReminderAt: moment.optional(),
      reason: z.string().max(200).optional(),
    }),
    touches: ({ guildId }) => [guildEvents(guildId), guildAudit(guildId)],
    whenAway: "refuse",
    async run(transaction, { guildId, id, actorId, to, nextReminderAt, reason }, context): Promise<EventRecord> {
      const event = await requireEvent(transaction, guildId, id);
      if (event.state === to || event.state === "closed") {
        throw new MusterError("CONFLICT", `${VERB_BY_STATE[to]} event ${id}: it is ${event.state} already`, {
          details: { state: event.state },
        });
      }
      await transaction.run(
        "UPDATE event SET state = ?, next_reminder_at = ?, closed_at = ?, updated_at = ? WHERE id = ?",
        ...[to, to === "open" ? (nextReminderAt ?? null) : null, to === "closed" ? context.requestedAt : null],
        ...[context.requestedAt, id],
      );
      const details = { title: event.title, ...(reason === undefined ? {} : { reason }) };
      const action = `event.${VERB_BY_STATE[to]}`;
      await appendAuditEntry(transaction, { guildId, actorId, action, target: id, details }, context);
      return requireEvent(transaction, guildId, id);
    },
  }),

  /** Removes an event with its answers and reminders; the audit log keeps that it was there. */
  delete: defineWrite({
    input: eventKey.extend({ actorId }),
    touches: ({ guildId, id }) => [guildEvents(guildId), eventAnswers(id), eventReminders(id), guildAudit(guildId)],
    whenAway: "refuse",
    async run(transaction, { guildId, id, actorId }, context): Promise<EventRecord> {
      const event = await requireEvent(transaction, guildId, id);
      await transaction.run("DELETE FROM event WHERE id = ?", id);
      const details = { title: event.title, channelId: event.channelId, messageId: event.messageId };
      await appendAuditEntry(transaction, { guildId, actorId, action: "event.delete", target: id, details }, context);
      return event;
    },
  }),
};

const VERB_BY_STATE: Readonly<Record<EventState, string>> = { open: "resume", paused: "pause", closed: "close" };

const COLUMN_BY_FIELD = {
  title: "title",
  description: "description",
  intervalMs: "interval_ms",
  reactions: "reactions",
  audienceRoleId: "audience_role_id",
  closesAt: "closes_at",
  nextReminderAt: "next_reminder_at",
} as const;
