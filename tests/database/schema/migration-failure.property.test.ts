import Database from "better-sqlite3";
import fc from "fast-check";
import { systemClock } from "../../../src/core/clock.ts";
import { SchemaValidator } from "../../../src/database/schema/schema-validator.ts";
import type { SchemaVersion } from "../../../src/database/schema/schema-version.ts";
import { firstTables } from "../../../src/store/migrations/001-first-tables.ts";
import { errorLike } from "../../helpers/database.ts";

const FAILING = [
  "CREATE TABLE guild (a)",
  "INSERT INTO guild VALUES (NULL, NULL, NULL, NULL, NULL)",
  "SELEKT 1",
  "DROP TABLE nowhere",
  "INSERT INTO user (guild_id, id, last_seen_at, created_at, updated_at) VALUES ('none', '1', 0, 0, 0)",
];

const WORKING = [
  "ALTER TABLE event ADD COLUMN colour TEXT NOT NULL DEFAULT 'green'",
  "CREATE TABLE poll (id TEXT NOT NULL PRIMARY KEY) STRICT",
  "CREATE INDEX event_title ON event (title)",
  "DELETE FROM guild",
  "UPDATE guild SET name = 'changed'",
  "DROP INDEX event_due",
  "DROP TABLE flag",
];

function describeContent(database: Database.Database): unknown {
  return {
    schema: database.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").all(),
    guilds: database.prepare("SELECT * FROM guild").all(),
    versions: database.prepare("SELECT version, checksum FROM schema_version").all(),
  };
}

describe("a migration that fails", () => {
  it("leaves no trace, at whichever statement it fails", () => {
    const steps = fc.shuffledSubarray(WORKING).chain((working) =>
      fc.record({
        working: fc.constant(working),
        failing: fc.constantFrom(...FAILING),
        at: fc.nat({ max: working.length }),
        hasTableBackup: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(steps, ({ working, failing, at, hasTableBackup }) => {
        const second: SchemaVersion = {
          version: 2,
          description: "fails",
          migrations: working.toSpliced(at, 0, failing),
          backupTables: hasTableBackup ? ["guild"] : [],
        };
        const database = new Database(":memory:");
        try {
          database.pragma("foreign_keys = ON");
          new SchemaValidator([firstTables], systemClock).applyMigrations(database);
          database.exec("INSERT INTO guild (id, name, created_at, updated_at) VALUES ('1', 'Server', 0, 0)");
          const before = describeContent(database);
          const validator = new SchemaValidator([firstTables, second], systemClock);
          expect(() => validator.applyMigrations(database)).toThrow(errorLike({ code: "MIGRATION_FAILED" }));
          expect(describeContent(database)).toEqual(before);
          expect(database.inTransaction).toBe(false);
        } finally {
          database.close();
        }
      }),
      { numRuns: 150 },
    );
  });

  it("leaves an empty database empty when it is the first", () => {
    fc.assert(
      fc.property(fc.nat({ max: firstTables.migrations.length }), (at) => {
        const database = new Database(":memory:");
        const broken = { ...firstTables, migrations: firstTables.migrations.toSpliced(at, 0, "SELEKT 1") };
        try {
          expect(() => new SchemaValidator([broken], systemClock).applyMigrations(database)).toThrow(
            `statement ${at + 1} of`,
          );
          expect(database.prepare("SELECT * FROM sqlite_schema").all()).toEqual([]);
        } finally {
          database.close();
        }
      }),
      { numRuns: 100 },
    );
  });
});
