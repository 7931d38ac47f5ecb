import { z } from "zod";
import { defineRead, defineWrite, type WriteTransaction } from "../database/operation.ts";
import { guildMembers, limit, snowflake, username } from "./inputs.ts";

/** How a member wants to be reminded in a server. */
export const REMINDER_MODES = ["mention", "dm", "off"] as const;
export type ReminderMode = (typeof REMINDER_MODES)[number];

export interface SeenUser {
  readonly id: string;
  readonly username: string | null;
  readonly isBot: boolean;
}

/** Records that a member exists; what is not known now (a null name) does not erase what was. */
export async function observeUser(
  transaction: WriteTransaction,
  guildId: string,
  user: SeenUser,
  seenAt: number,
): Promise<void> {
  await transaction.run(
    `INSERT INTO user (guild_id, id, username, is_bot, last_seen_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (guild_id, id) DO UPDATE SET
       username = COALESCE(excluded.username, user.username), is_bot = excluded.is_bot,
       last_seen_at = excluded.last_seen_at, updated_at = excluded.updated_at`,
    ...[guildId, user.id, user.username, user.isBot ? 1 : 0, seenAt, seenAt, seenAt],
  );
}

export const userOperations = {
  observe: defineWrite({
    input: z.object({ guildId: snowflake, id: snowflake, username, isBot: z.boolean() }),
    touches: ({ guildId }) => [guildMembers(guildId)],
    whenAway: { queue: "LOW" },
    run: (transaction, { guildId, ...user }, { requestedAt }) => observeUser(transaction, guildId, user, requestedAt),
  }),

  setReminderMode: defineWrite({
    input: z.object({ guildId: snowflake, id: snowflake, username, mode: z.enum(REMINDER_MODES) }),
    touches: ({ guildId }) => [guildMembers(guildId)],
    whenAway: { queue: "MEDIUM" },
    async run(transaction, { guildId, id, username, mode }, { requestedAt }): Promise<void> {
      await observeUser(transaction, guildId, { id, username, isBot: false }, requestedAt);
      await transaction.run(
        "UPDATE user SET reminder_mode = ?, updated_at = ? WHERE guild_id = ? AND id = ?",
        ...[mode, requestedAt, guildId, id],
      );
    },
  }),

  /** The members who changed how they are reminded; everybody else is mentioned. */
  listReminderModes: defineRead({
    input: z.object({ guildId: snowflake }),
    touches: ({ guildId }) => [guildMembers(guildId)],
    async run(transaction, { guildId }): Promise<{ id: string; mode: ReminderMode }[]> {
      return transaction.all(
        "SELECT id, reminder_mode AS mode FROM user WHERE guild_id = ? AND reminder_mode <> 'mention'",
        guildId,
      );
    },
  }),

  /** Members seen so far: the audience when Discord does not grant the bot its member list. */
  listSeen: defineRead({
    input: z.object({ guildId: snowflake, afterId: z.string().max(20).default(""), limit: limit(1_000) }),
    touches: ({ guildId }) => [guildMembers(guildId)],
    async run(transaction, { guildId, afterId, limit }): Promise<{ id: string; isBot: boolean }[]> {
      const rows = await transaction.all<{ id: string; isBot: number }>(
        "SELECT id, is_bot AS isBot FROM user WHERE guild_id = ? AND id > ? ORDER BY id LIMIT ?",
        ...[guildId, afterId, limit],
      );
      return rows.map(({ id, isBot }) => ({ id, isBot: isBot === 1 }));
    },
  }),
};
