import { z } from "zod";
import { integrityOperations } from "../../../src/database/integrity/integrity-operations.ts";
import { defineRead, type OperationGroups } from "../../../src/database/operation.ts";
import type { SchemaVersion } from "../../../src/database/schema/schema-version.ts";

/** A schema with everything that the checks must cope with, and names that have to be quoted. */
export const migrations: readonly SchemaVersion[] = [
  {
    version: 1,
    description: "teams, their members, badges and notes",
    migrations: [
      `CREATE TABLE team (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL UNIQUE CHECK (length(name) > 0 AND name <> 'CHECK (' /* :-( */ AND "name" <> 'it''s)'),
        size INTEGER CONSTRAINT positive CHECK(team.size >= 0 -- )
        ), updated_at INTEGER NOT NULL
      ) STRICT`,
      // Without rowid, and a parent itself: chains of three.
      `CREATE TABLE "team ""member""" (
        team_id TEXT NOT NULL REFERENCES team (id) ON DELETE CASCADE, "order" INTEGER NOT NULL, label TEXT,
        PRIMARY KEY (team_id, "order")
      ) STRICT, WITHOUT ROWID`,
      // A key of two columns that may be empty; a value of any type.
      `CREATE TABLE badge (
        rowid TEXT, team_id TEXT, "order" INTEGER, value ANY, doubled ANY AS (value) VIRTUAL,
        FOREIGN KEY (team_id, "order") REFERENCES "team ""member"""
      ) STRICT`,
      'CREATE INDEX badge_member ON badge (team_id, "order")',
      `CREATE TABLE note (
        id INTEGER PRIMARY KEY, team_id TEXT REFERENCES team (id) ON DELETE SET NULL,
        reply_to INTEGER REFERENCES note (id) ON DELETE CASCADE, text TEXT
      ) STRICT`,
      "CREATE INDEX note_team ON note (team_id)",
      "CREATE TABLE label (name TEXT, at INTEGER) STRICT",
      "CREATE UNIQUE INDEX label_name ON label (name)",
      // Its rows are nobody's to take away.
      "CREATE TABLE audit_log (hash TEXT NOT NULL) STRICT",
    ],
  },
];

export const operations = {
  integrity: integrityOperations,
  team: {
    /** The rows of a table, as they are. */
    list: defineRead({
      input: z.object({ table: z.enum(["team", 'team ""member""', "badge", "note"]) }),
      touches: () => [],
      async run(transaction, { table }): Promise<unknown[]> {
        return transaction.all(`SELECT * FROM "${table}" ORDER BY 1, 2, 3`);
      },
    }),
  },
} satisfies OperationGroups;

export const INTEGRITY_MODULE_URL = import.meta.url;
