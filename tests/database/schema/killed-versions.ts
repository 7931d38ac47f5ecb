import type { SchemaVersion } from "../../../src/database/schema/schema-version.ts";

export const ROW_COUNT = 10_000;

/** The second version copies, rebuilds and indexes a table of some size: long enough to be killed in the middle. */
export const killedVersions: readonly SchemaVersion[] = [
  {
    version: 1,
    description: "notes",
    migrations: ["CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"],
  },
  {
    version: 2,
    description: "notes have a length",
    migrations: [
      "CREATE TABLE note_new (id INTEGER PRIMARY KEY, length INTEGER NOT NULL, text TEXT NOT NULL) STRICT",
      "INSERT INTO note_new (id, length, text) SELECT id, length(text), text FROM note",
      "DROP TABLE note",
      "ALTER TABLE note_new RENAME TO note",
      "CREATE INDEX note_text ON note (text)",
      "CREATE INDEX note_length ON note (length, id)",
    ],
    backupTables: ["note"],
  },
];
