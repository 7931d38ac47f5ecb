import { z } from "zod";
import { defineRead, defineWrite } from "../database/operation.ts";
import { guildMembers, snowflake, text } from "./inputs.ts";

export interface GuildRecord {
  readonly id: string;
  readonly name: string;
}

export const guildOperations = {
  /** Makes a guild known, or renames it. Everything else of a guild refers to it. */
  upsert: defineWrite({
    input: z.object({ guildId: snowflake, name: text(200) }),
    touches: ({ guildId }) => [guildMembers(guildId)],
    whenAway: { queue: "HIGH" },
    async run(transaction, { guildId, name }, { requestedAt }): Promise<void> {
      await transaction.run(
        `INSERT INTO guild (id, name, created_at, updated_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, updated_at = excluded.updated_at
         WHERE guild.name <> excluded.name`,
        ...[guildId, name, requestedAt, requestedAt],
      );
    },
  }),

  find: defineRead({
    input: z.object({ guildId: snowflake }),
    touches: ({ guildId }) => [guildMembers(guildId)],
    async run(transaction, { guildId }): Promise<GuildRecord | null> {
      return (await transaction.get<GuildRecord>("SELECT id, name FROM guild WHERE id = ?", guildId)) ?? null;
    },
  }),
};
