import { z } from "zod";
import {
  defineRead,
  defineWrite,
  EVERYTHING,
  type ReadTransaction,
  type SqlValue,
  type WriteTransaction,
} from "../database/operation.ts";
import { appendAuditEntry } from "./audit.ts";
import { NO_CREATOR, type EventState } from "./events.ts";
import { eventId, limit, moment, snowflake } from "./inputs.ts";
import type { ReminderStatus } from "./reminders.ts";
import type { ReminderMode } from "./users.ts";

/**
 * Everything that is kept of one member in one server, to be given to them or deleted. Answers and reminders belong to
 * events, so they are found by going through the server's events and looking into each by its key: an index by member
 * would have to be kept up by every answer, and these are asked for once in a lifetime. Nothing is cached: it is of no
 * use to anybody else, and what was deleted would stay in memory.
 */

/** What is kept of a member beside events. */
export interface MemberRecord {
  /** null when the member has neither answered nor chosen anything since they were last deleted. */
  readonly settings: MemberSettings | null;
  /** Those that were set for this member. */
  readonly flags: readonly MemberFlag[];
}

export interface MemberSettings {
  readonly username: string | null;
  readonly isBot: boolean;
  readonly reminderMode: ReminderMode;
  readonly lastSeenAt: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface MemberFlag {
  readonly name: string;
  readonly value: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** An event that has to do with a member, and how. */
export interface MemberEvent {
  readonly id: string;
  readonly channelId: string;
  readonly messageId: string;
  readonly title: string;
  readonly description: string;
  readonly state: EventState;
  readonly createdAt: number;
  readonly isCreator: boolean;
  readonly answers: readonly { readonly emoji: string; readonly isAnswer: boolean; readonly createdAt: number }[];
  readonly reminders: readonly MemberReminder[];
}

/** A reminder that reached the member. */
export interface MemberReminder {
  readonly scheduledAt: number;
  readonly sentAt: number | null;
  readonly status: ReminderStatus;
}

/** How much was deleted. */
export interface MemberDeletion {
  readonly hadSettings: boolean;
  readonly answerCount: number;
  /** Reminders whose list of people they were in. */
  readonly reminderCount: number;
  readonly flagCount: number;
  /** Events that are nobody's now. */
  readonly createdEventCount: number;
}

const memberKey = z.object({ guildId: snowflake, userId: snowflake });
const cursor = z.object({ createdAt: moment, id: eventId });
type Cursor = z.output<typeof cursor>;
type EventRow = Omit<MemberEvent, "isCreator" | "answers" | "reminders"> & { readonly creatorId: string };

export const memberDataOperations = {
  find: defineRead({
    input: memberKey,
    touches: () => [],
    async run(transaction, { guildId, userId }): Promise<MemberRecord> {
      const settings = await transaction.get<Omit<MemberSettings, "isBot"> & { isBot: number }>(
        `SELECT username, is_bot AS isBot, reminder_mode AS reminderMode, last_seen_at AS lastSeenAt,
           created_at AS createdAt, updated_at AS updatedAt FROM user WHERE guild_id = ? AND id = ?`,
        ...[guildId, userId],
      );
      const flags = await transaction.all<MemberFlag>(
        `SELECT name, value, created_at AS createdAt, updated_at AS updatedAt FROM flag
         WHERE guild_id = ? AND subject_type = 'member' AND subject_id = ? ORDER BY name`,
        ...[guildId, userId],
      );
      return { settings: settings ? { ...settings, isBot: settings.isBot === 1 } : null, flags };
    },
  }),

  /**
   * Of the next `limit` events of the server, newest first, those that have to do with the member. `next` is where to go
   * on, null at the end: a page may be empty before that.
   */
  listEvents: defineRead({
    input: memberKey.extend({ cursor: cursor.optional(), limit: limit(500) }),
    touches: () => [],
    async run(
      transaction,
      { guildId, userId, cursor, limit },
    ): Promise<{ events: MemberEvent[]; next: Cursor | null }> {
      const rows = await transaction.all<EventRow>(
        `SELECT id, channel_id AS channelId, message_id AS messageId, creator_id AS creatorId, title, description, state,
           created_at AS createdAt FROM event
         WHERE guild_id = ? ${cursor ? "AND (created_at, id) < (?, ?)" : ""} ORDER BY created_at DESC, id DESC LIMIT ?`,
        ...[guildId, ...(cursor ? [cursor.createdAt, cursor.id] : []), limit],
      );
      const events: MemberEvent[] = [];
      for (const { creatorId, ...event } of rows) {
        const isCreator = creatorId === userId;
        const answers = await listAnswers(transaction, event.id, userId);
        const reminders = await listReminders(transaction, event.id, userId);
        if (isCreator || answers.length + reminders.length > 0)
          events.push({ ...event, isCreator, answers, reminders });
      }
      const last = rows.at(-1);
      return { events, next: last && rows.length === limit ? { createdAt: last.createdAt, id: last.id } : null };
    },
  }),

  /**
   * Forgets a member: their settings and answers, that reminders reached them, flags about them, and that they created
   * events, which stay and are nobody's. The audit log says that it was done, once for each time that there was something.
   * When it waits it does so among the members' own choices, so that none from before comes after it; an answer that
   * overtook it is deleted with the others, and read again from Discord.
   */
  delete: defineWrite({
    input: memberKey,
    // Which events their answers belong to is not known beforehand.
    touches: () => [EVERYTHING],
    whenAway: { queue: "MEDIUM" },
    async run(transaction, { guildId, userId }, context): Promise<MemberDeletion> {
      const deletion = await deleteMember(transaction, guildId, userId, context.requestedAt);
      const { hadSettings, answerCount, reminderCount, flagCount, createdEventCount } = deletion;
      if (hadSettings || answerCount + reminderCount + flagCount + createdEventCount > 0) {
        await appendAuditEntry(transaction, { guildId, actorId: userId, action: "mydata.delete", target: "" }, context);
      }
      return deletion;
    },
  }),
};

async function listAnswers(transaction: ReadTransaction, id: string, userId: string): Promise<MemberEvent["answers"]> {
  const rows = await transaction.all<{ emoji: string; isAnswer: number; createdAt: number }>(
    `SELECT emoji, is_answer AS isAnswer, created_at AS createdAt FROM reaction
     WHERE event_id = ? AND user_id = ? ORDER BY emoji`,
    ...[id, userId],
  );
  return rows.map((row) => ({ ...row, isAnswer: row.isAnswer === 1 }));
}

async function listReminders(transaction: ReadTransaction, id: string, userId: string): Promise<MemberReminder[]> {
  return transaction.all(
    `SELECT scheduled_at AS scheduledAt, sent_at AS sentAt, status FROM reminderlog
     WHERE event_id = ? AND users_notified LIKE ? ORDER BY scheduled_at, id`,
    ...[id, `%"${userId}"%`],
  );
}

async function deleteMember(
  transaction: WriteTransaction,
  guildId: string,
  userId: string,
  at: number,
): Promise<MemberDeletion> {
  const count = async (sql: string, ...parameters: readonly SqlValue[]): Promise<number> =>
    (await transaction.run(sql, ...parameters)).changes;
  const ofGuild = "event_id IN (SELECT id FROM event WHERE guild_id = ?)";
  const quoted = `"${userId}"`;
  return {
    hadSettings: (await count("DELETE FROM user WHERE guild_id = ? AND id = ?", guildId, userId)) > 0,
    answerCount: await count(`DELETE FROM reaction WHERE user_id = ? AND ${ofGuild}`, userId, guildId),
    // The lists are JSON without spaces: a first or middle one goes with the comma behind it, the last with the one before.
    reminderCount: await count(
      `UPDATE reminderlog SET updated_at = ?,
         users_notified = replace(replace(replace(users_notified, ?, ''), ?, ''), ?, '')
       WHERE ${ofGuild} AND users_notified LIKE ?`,
      ...[at, `${quoted},`, `,${quoted}`, quoted, guildId, `%${quoted}%`],
    ),
    flagCount: await count(
      "DELETE FROM flag WHERE guild_id = ? AND subject_type = 'member' AND subject_id = ?",
      ...[guildId, userId],
    ),
    createdEventCount: await count(
      "UPDATE event SET creator_id = ?, updated_at = ? WHERE guild_id = ? AND creator_id = ?",
      ...[NO_CREATOR, at, guildId, userId],
    ),
  };
}
