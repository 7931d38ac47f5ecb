import { z } from "zod";
import { defineRead, defineWrite, type ReadTransaction, type WriteTransaction } from "../database/operation.ts";
import { emojiKey, eventAnswers, eventId, guildEvents, guildMembers, snowflake, username } from "./inputs.ts";
import { observeUser } from "./users.ts";

export interface AnswerRecord {
  readonly userId: string;
  readonly emoji: string;
  /** False for a reaction that is not in the event's set: kept, because an edit of the set may make it count. */
  readonly isAnswer: boolean;
  readonly createdAt: number;
}

interface TrackedEvent {
  readonly guildId: string;
  readonly reactions: readonly string[];
}

/**
 * The event when reactions of that moment count. One that is closed takes only what was asked for before: an answer may
 * have waited for the database while the event was closed.
 */
async function findTracked(
  transaction: ReadTransaction,
  id: string,
  requestedAt: number,
): Promise<TrackedEvent | undefined> {
  const row = await transaction.get<{ guildId: string; reactions: string }>(
    `SELECT guild_id AS guildId, reactions FROM event
     WHERE id = ? AND (state <> 'closed' OR (closed_at > ? AND (closes_at IS NULL OR closes_at > ?)))`,
    ...[id, requestedAt, requestedAt],
  );
  return row && { guildId: row.guildId, reactions: JSON.parse(row.reactions) as string[] };
}

function isAnswer(event: TrackedEvent, emoji: string): boolean {
  return emoji === "" || event.reactions.length === 0 || event.reactions.includes(emoji);
}

async function insertReaction(
  transaction: WriteTransaction,
  event: TrackedEvent,
  eventId: string,
  { userId, emoji, at }: { userId: string; emoji: string; at: number },
): Promise<boolean> {
  const { changes } = await transaction.run(
    `INSERT INTO reaction (event_id, user_id, emoji, is_answer, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (event_id, user_id, emoji) DO NOTHING`,
    ...[eventId, userId, emoji, isAnswer(event, emoji) ? 1 : 0, at, at],
  );
  return changes > 0;
}

/** The legacy "choice unknown" gives way to what Discord says. */
async function deleteUnknownChoice(transaction: WriteTransaction, eventId: string, userId: string): Promise<void> {
  await transaction.run("DELETE FROM reaction WHERE event_id = ? AND user_id = ? AND emoji = ''", ...[eventId, userId]);
}

const touched = ({ guildId, eventId }: { guildId: string; eventId: string }): string[] => [
  guildEvents(guildId),
  eventAnswers(eventId),
];
const touchedWithMembers = (input: { guildId: string; eventId: string }): string[] => [
  ...touched(input),
  guildMembers(input.guildId),
];

export const reactionOperations = {
  record: defineWrite({
    input: z.object({ guildId: snowflake, eventId, userId: snowflake, username, emoji: emojiKey.min(1) }),
    touches: touchedWithMembers,
    whenAway: { queue: "HIGH" },
    async run(transaction, { guildId, eventId, userId, username, emoji }, { requestedAt }): Promise<boolean> {
      const event = await findTracked(transaction, eventId, requestedAt);
      if (!event || event.guildId !== guildId) return false;
      await observeUser(transaction, guildId, { id: userId, username, isBot: false }, requestedAt);
      await deleteUnknownChoice(transaction, eventId, userId);
      return insertReaction(transaction, event, eventId, { userId, emoji, at: requestedAt });
    },
  }),

  withdraw: defineWrite({
    input: z.object({ guildId: snowflake, eventId, userId: snowflake, emoji: emojiKey.min(1) }),
    touches: touched,
    whenAway: { queue: "HIGH" },
    async run(transaction, { guildId, eventId, userId, emoji }, { requestedAt }): Promise<boolean> {
      const event = await findTracked(transaction, eventId, requestedAt);
      if (!event || event.guildId !== guildId) return false;
      const { changes } = await transaction.run(
        "DELETE FROM reaction WHERE event_id = ? AND user_id = ? AND emoji = ?",
        ...[eventId, userId, emoji],
      );
      return changes > 0;
    },
  }),

  /** A moderator cleared all reactions of a message, or all of one emoji. */
  withdrawAll: defineWrite({
    input: z.object({ guildId: snowflake, eventId, emoji: emojiKey.min(1).optional() }),
    touches: touched,
    whenAway: { queue: "HIGH" },
    async run(transaction, { guildId, eventId, emoji }, { requestedAt }): Promise<number> {
      const event = await findTracked(transaction, eventId, requestedAt);
      if (!event || event.guildId !== guildId) return 0;
      const { changes } =
        emoji === undefined
          ? await transaction.run("DELETE FROM reaction WHERE event_id = ?", eventId)
          : await transaction.run("DELETE FROM reaction WHERE event_id = ? AND emoji = ?", ...[eventId, emoji]);
      return changes;
    },
  }),

  /**
   * Makes the stored reactions equal to what Discord has: what was missed is added, what was removed is removed.
   * `reactions` is the whole truth.
   */
  reconcile: defineWrite({
    input: z.object({
      guildId: snowflake,
      eventId,
      reactions: z.array(z.object({ userId: snowflake, username, emoji: emojiKey.min(1) })).max(200_000),
    }),
    touches: touchedWithMembers,
    whenAway: "refuse",
    async run(
      transaction,
      { guildId, eventId, reactions },
      { requestedAt },
    ): Promise<{ added: number; removed: number }> {
      const event = await findTracked(transaction, eventId, requestedAt);
      if (!event || event.guildId !== guildId) return { added: 0, removed: 0 };
      const keyOf = (userId: string, emoji: string): string => `${userId} ${emoji}`;
      const actual = new Set(reactions.map(({ userId, emoji }) => keyOf(userId, emoji)));
      const stored = await transaction.all<{ userId: string; emoji: string }>(
        "SELECT user_id AS userId, emoji FROM reaction WHERE event_id = ?",
        eventId,
      );
      const known = new Set(stored.map(({ userId, emoji }) => keyOf(userId, emoji)));
      let [added, removed] = [0, 0];
      for (const { userId, username, emoji } of reactions) {
        if (known.has(keyOf(userId, emoji))) continue;
        await observeUser(transaction, guildId, { id: userId, username, isBot: false }, requestedAt);
        if (await insertReaction(transaction, event, eventId, { userId, emoji, at: requestedAt })) added++;
      }
      for (const { userId, emoji } of stored) {
        if (actual.has(keyOf(userId, emoji))) continue;
        await transaction.run(
          "DELETE FROM reaction WHERE event_id = ? AND user_id = ? AND emoji = ?",
          ...[eventId, userId, emoji],
        );
        removed++;
      }
      return { added, removed };
    },
  }),

  /** All reactions of an event in the order they came. */
  list: defineRead({
    input: z.object({ guildId: snowflake, eventId }),
    touches: touched,
    async run(transaction, { guildId, eventId }): Promise<AnswerRecord[]> {
      const rows = await transaction.all<{ userId: string; emoji: string; isAnswer: number; createdAt: number }>(
        `SELECT user_id AS userId, emoji, is_answer AS isAnswer, created_at AS createdAt
         FROM reaction WHERE event_id = (SELECT id FROM event WHERE id = ? AND guild_id = ?)
         ORDER BY created_at, user_id, emoji`,
        ...[eventId, guildId],
      );
      return rows.map((row) => ({ ...row, isAnswer: row.isAnswer === 1 }));
    },
  }),
};
