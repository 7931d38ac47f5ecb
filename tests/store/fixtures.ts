import { join } from "node:path";
import { createId } from "../../src/core/ids.ts";
import type { Store } from "../../src/store/store.ts";

/** Ids that no other test of the run has: tests share a database and keep apart by their servers. */

export const OWNER = "200000000000000009";
export const [MEMBER_1, MEMBER_2, MEMBER_3] = [
  "200000000000000001",
  "200000000000000002",
  "200000000000000003",
] as const;

let nextSnowflake = 1_000_000_000_000_000_000n;
export const newSnowflake = (): string => String(nextSnowflake++);
export const newId = (): string => createId(Date.now());

/** A server that the store knows. */
export async function newGuild(store: Store): Promise<string> {
  const guildId = newSnowflake();
  await store.guilds.upsert({ guildId, name: "Server" });
  return guildId;
}

/** Of the audit log of a server that has one of its own. */
export const fallbackPathOf = (folder: string, guildId: string): string =>
  join(folder, `audit-fallback-${guildId}.ndjson`);

type CreateInput = Parameters<Store["events"]["create"]>[0];

export function eventInput(guildId: string, changes: Partial<CreateInput> = {}): CreateInput {
  const messageId = changes.messageId ?? newSnowflake();
  return {
    id: newId(),
    guildId,
    channelId: "300000000000000001",
    messageId,
    cardMessageId: messageId,
    creatorId: OWNER,
    title: "Roll call",
    description: "",
    intervalMs: 3_600_000,
    reactions: ["✅", "❌"],
    ...changes,
  };
}
