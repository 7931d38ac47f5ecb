import type { SchemaVersion } from "../../database/schema/schema-version.ts";

/**
 * Which command was used where and when, how long its answer took, and how it ended. Deliberately not by whom: no
 * member's id stands here, and nothing that was typed. The server's id is no reference: a record may come before the
 * server is known, and must not keep one from being deleted.
 */
export const commandUsage: SchemaVersion = {
  version: 2,
  description: "records of command use",
  migrations: [
    `CREATE TABLE command_usage (
      id TEXT NOT NULL PRIMARY KEY,
      guild_id TEXT NOT NULL,
      command TEXT NOT NULL CHECK (length(command) BETWEEN 1 AND 70),
      at INTEGER NOT NULL,
      duration_ms INTEGER NOT NULL CHECK (duration_ms >= 0),
      outcome TEXT NOT NULL CHECK (outcome IN ('answered', 'refused', 'failed', 'queued'))
    ) STRICT, WITHOUT ROWID`,
    // usage.report of one server: all that it reads is in the index
    `CREATE INDEX command_usage_guild ON command_usage (guild_id, at, command, outcome, duration_ms)`,
    // usage.report of all servers, usage.prune
    `CREATE INDEX command_usage_at ON command_usage (at, command, outcome, duration_ms)`,
  ],
  rollbackQueries: ["DROP TABLE command_usage"],
};
