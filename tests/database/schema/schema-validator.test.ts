import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { systemClock } from "../../../src/core/clock.ts";
import { formatDifference } from "../../../src/database/schema/schema-description.ts";
import { SchemaValidator } from "../../../src/database/schema/schema-validator.ts";
import { INTERNAL_TABLES, schemaChecksum, type SchemaVersion } from "../../../src/database/schema/schema-version.ts";
import { migrations } from "../../../src/store/data-module.ts";
import { migrations as counterMigrations } from "../../helpers/counter-data-module.ts";
import { errorLike, createCounterDatabase, withFolder, withRawConnection } from "../../helpers/database.ts";
import { createFile } from "../../helpers/schema-rig.ts";

const validator = new SchemaValidator(migrations, systemClock);

function withDatabase(body: (database: Database.Database) => void): void {
  const database = new Database(":memory:");
  database.pragma("foreign_keys = ON");
  try {
    body(database);
  } finally {
    database.close();
  }
}

function listSchema(database: Database.Database): unknown[] {
  return database.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").all();
}

/** What may not be, in the words that name it. */
const REFUSED: readonly [string, string, string][] = [
  [
    "an added column",
    "ALTER TABLE event ADD COLUMN colour TEXT DEFAULT 'red'",
    "table event is different (column colour is unexpected: TEXT DEFAULT 'red')",
  ],
  [
    "a dropped column",
    "ALTER TABLE guild DROP COLUMN settings",
    "table guild is different (column settings is missing: TEXT NOT NULL DEFAULT '{}')",
  ],
  [
    "a renamed column",
    "ALTER TABLE user RENAME COLUMN username TO nick",
    "table user is different (column username is missing: TEXT, column nick is unexpected: TEXT)",
  ],
  [
    "a column of another type",
    "DROP TABLE audit_chain; CREATE TABLE audit_chain (guild_id TEXT NOT NULL PRIMARY KEY, last_sequence TEXT, last_hash TEXT NOT NULL, updated_at INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "table audit_chain is different (column last_sequence is TEXT, expected INTEGER NOT NULL)",
  ],
  [
    "a reference that is gone",
    "DROP TABLE flag; CREATE TABLE flag (guild_id TEXT NOT NULL, name TEXT NOT NULL, subject_type TEXT NOT NULL, subject_id TEXT NOT NULL, value TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (guild_id, name, subject_type, subject_id)) STRICT, WITHOUT ROWID",
    "table flag is different (reference guild_id to guild(id) is missing: on delete CASCADE, on update NO ACTION)",
  ],
  ["an added table", "CREATE TABLE visitor (a)", "table visitor is unexpected"],
  ["a dropped table", "DROP TABLE audit_chain", "table audit_chain is missing"],
  [
    "an added trigger",
    "CREATE TRIGGER quiet BEFORE DELETE ON audit_log BEGIN SELECT RAISE(IGNORE); END",
    "trigger quiet is unexpected",
  ],
  [
    "an added trigger that is named like a copy of a table",
    "CREATE TRIGGER _backup_quiet BEFORE DELETE ON audit_log BEGIN SELECT RAISE(IGNORE); END",
    "trigger _backup_quiet is unexpected",
  ],
  ["an added unique index", "CREATE UNIQUE INDEX once ON event (title)", "index once is unexpected"],
  [
    "an added index over some rows",
    "CREATE INDEX open ON event (title) WHERE closed_at IS NULL",
    "index open is unexpected",
  ],
  ["an added index over an expression", "CREATE INDEX low ON event (lower(title))", "index low is unexpected"],
  [
    "an index on other columns",
    "DROP INDEX event_due; CREATE INDEX event_due ON event (guild_id)",
    'index event_due is different (expected "… on event ( next_reminder_at , guild_id ) where next_reminder_at is not null", found "… on event ( guild_id )")',
  ],
  [
    "a changed table of the layer's own",
    "ALTER TABLE applied_operation ADD COLUMN a TEXT",
    "table applied_operation is different (column a is unexpected: TEXT)",
  ],
];

const KEPT: readonly [string, string, string][] = [
  ["a view", "CREATE VIEW open_event AS SELECT * FROM event", "view open_event is unexpected"],
  ["an index over columns", "CREATE INDEX slow ON event (title)", "index slow is unexpected"],
];

describe("SchemaValidator", () => {
  it("brings an empty database to the newest version, once", () => {
    withDatabase((database) => {
      expect(validator.checkHistory(database)).toBe(0);
      const unrepaired = { version: 2, repaired: [], kept: [] };
      expect(validator.applyMigrations(database)).toEqual({ appliedVersions: [1, 2], ...unrepaired });
      expect(validator.applyMigrations(database)).toEqual({ appliedVersions: [], ...unrepaired });
      expect(validator.validateSchema(database)).toEqual([]);
      const [row] = database.prepare("SELECT * FROM schema_version").all();
      expect(row).toMatchObject({
        version: 1,
        description: migrations[0]!.description,
        checksum: schemaChecksum(migrations[0]!),
      });
      expect(database.pragma("foreign_keys", { simple: true })).toBe(1);
    });
  });

  it("keeps nothing but its own tables for a program without any", () => {
    withDatabase((database) => {
      new SchemaValidator([], systemClock).applyMigrations(database);
      expect(listSchema(database)).toHaveLength(INTERNAL_TABLES.length);
    });
  });

  it.each(REFUSED)("refuses %s, names it and changes nothing", (_title, sql, expected) => {
    withDatabase((database) => {
      validator.applyMigrations(database);
      database.exec(sql);
      const before = listSchema(database);
      const refusal = errorLike({ code: "SCHEMA_MISMATCH", message: `open the database: ${expected}` });
      expect(() => validator.requireValidSchema(database)).toThrow(refusal);
      expect(() => validator.applyMigrations(database)).toThrow(refusal);
      expect(listSchema(database)).toEqual(before);
    });
  });

  it.each(KEPT)("keeps %s that somebody added", (_title, sql, expected) => {
    withDatabase((database) => {
      validator.applyMigrations(database);
      database.exec(sql);
      const before = listSchema(database);
      validator.requireValidSchema(database);
      const { repaired, kept } = validator.applyMigrations(database);
      expect([repaired, kept.map(formatDifference)]).toEqual([[], [expected]]);
      expect(listSchema(database)).toEqual(before);
    });
  });

  it("names all differences at once, those that it could repair as well", () => {
    withDatabase((database) => {
      validator.applyMigrations(database);
      database.exec("DROP INDEX event_due; DROP TABLE audit_chain; CREATE TABLE visitor (a)");
      expect(() => validator.applyMigrations(database)).toThrow(
        errorLike({
          code: "SCHEMA_MISMATCH",
          message:
            "open the database: table audit_chain is missing, table visitor is unexpected, index event_due is missing",
        }),
      );
    });
  });

  it("makes a missing index again", () => {
    withDatabase((database) => {
      validator.applyMigrations(database);
      const before = listSchema(database);
      database.exec("DROP INDEX event_due");
      expect(() => validator.requireValidSchema(database)).toThrow("index event_due is missing");
      expect(validator.applyMigrations(database).repaired.map(formatDifference)).toEqual([
        "index event_due is missing",
      ]);
      expect(listSchema(database)).toEqual(before);
    });
  });

  it("refuses a missing unique index that the rows stand against, with the reason, and makes no other", () => {
    const version: SchemaVersion = {
      version: 1,
      description: "a unique index",
      migrations: ["CREATE TABLE a (x, y)", "CREATE INDEX a_x ON a (x)", "CREATE UNIQUE INDEX a_y ON a (y)"],
    };
    withDatabase((database) => {
      const own = new SchemaValidator([version], systemClock);
      own.applyMigrations(database);
      database.exec("DROP INDEX a_x; DROP INDEX a_y; INSERT INTO a VALUES (1, 1), (2, 1)");
      const before = listSchema(database);
      expect(() => own.applyMigrations(database)).toThrow(
        errorLike({
          code: "SCHEMA_MISMATCH",
          message: "repair the schema: index a_y is missing and cannot be made again: UNIQUE constraint failed: a.y",
        }),
      );
      expect(listSchema(database)).toEqual(before);
    });
  });

  it("leaves out what migrations copy and what SQLite keeps for itself", () => {
    withDatabase((database) => {
      validator.applyMigrations(database);
      database.exec("CREATE TABLE _backup_event_v2 AS SELECT * FROM event; ANALYZE");
      expect(validator.validateSchema(database)).toEqual([]);
    });
  });

  it("refuses a database whose applied migration was another one", () => {
    withDatabase((database) => {
      validator.applyMigrations(database);
      database.exec("UPDATE schema_version SET checksum = 'other'");
      expect(() => validator.applyMigrations(database)).toThrow(errorLike({ code: "SCHEMA_MISMATCH" }));
    });
  });

  it("takes no offence at another indentation or description", () => {
    withDatabase((database) => {
      validator.applyMigrations(database);
      const reworded = migrations.map((version) => ({
        ...version,
        description: "other words",
        migrations: version.migrations.map((sql) => sql.replaceAll("\n", "\n\t ")),
      }));
      const other = new SchemaValidator(reworded, systemClock);
      expect(other.validateSchema(database)).toEqual([]);
    });
  });

  it("refuses versions that are not numbered 1, 2, 3", () => {
    expect(() => new SchemaValidator([{ version: 2, description: "", migrations: [] }], systemClock)).toThrow(
      "number 1 is numbered 2",
    );
  });

  it.each([
    ["any table", "CREATE TABLE customer (id)"],
    ["a version table of another shape", "CREATE TABLE schema_version (v INTEGER)"],
    [
      "tables beside a version table like ours that is empty",
      "CREATE TABLE schema_version (version, description, checksum, applied_at, duration_ms); CREATE TABLE customer (id)",
    ],
  ])("refuses another program's database: %s", (_title, sql) => {
    withDatabase((database) => {
      database.exec(sql);
      const before = listSchema(database);
      expect(() => validator.applyMigrations(database)).toThrow(
        errorLike({
          code: "SCHEMA_MISMATCH",
          message: expect.stringContaining("another program") as string,
        }),
      );
      expect(listSchema(database)).toEqual(before);
    });
  });

  it("keeps the rows that refer to a table which a migration builds anew", () => {
    const rebuild: SchemaVersion = {
      version: 2,
      description: "parent with a name",
      migrations: [
        "CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '')",
        "INSERT INTO parent_new (id) SELECT id FROM parent",
        "DROP TABLE parent",
        "ALTER TABLE parent_new RENAME TO parent",
      ],
    };
    const first: SchemaVersion = {
      version: 1,
      description: "parent and child",
      migrations: [
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent (id) ON DELETE CASCADE)",
      ],
    };
    withDatabase((database) => {
      new SchemaValidator([first], systemClock).applyMigrations(database);
      database.exec("INSERT INTO parent VALUES (1); INSERT INTO child VALUES (10, 1)");
      new SchemaValidator([first, rebuild], systemClock).applyMigrations(database);
      expect(database.prepare("SELECT * FROM child").all()).toEqual([{ id: 10, parent_id: 1 }]);
      expect(database.pragma("foreign_keys", { simple: true })).toBe(1);
    });
  });

  it("refuses a migration that leaves rows which refer to nothing", () => {
    const orphan: SchemaVersion = {
      version: 1,
      description: "an orphan",
      migrations: [
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (parent_id INTEGER REFERENCES parent (id))",
        "INSERT INTO child VALUES (1)",
      ],
    };
    withDatabase((database) => {
      expect(() => new SchemaValidator([orphan], systemClock).applyMigrations(database)).toThrow(
        errorLike({ code: "MIGRATION_FAILED" }),
      );
      expect(listSchema(database)).toEqual([]);
    });
  });
});

describe("a database that is not for this program", () => {
  const digest = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

  async function expectRefusedUntouched(folder: string, code: string): Promise<void> {
    const path = join(folder, "test.db");
    const before = digest(path);
    const database = createCounterDatabase({ folder, readerCount: 0 });
    await expect(database.manager.start()).rejects.toMatchObject({ code });
    expect(database.degradation.state.kind).toBe("offline");
    await expect(database.manager.call("counter.get", { name: "a" })).rejects.toMatchObject({
      code: "DATABASE_UNAVAILABLE",
    });
    await database.close();
    expect(digest(path)).toBe(before);
  }

  it("is refused and untouched when a newer one wrote it", async () => {
    await withFolder(async (folder) => {
      const later = "INSERT INTO schema_version VALUES (2, 'later', 'unknown', 0, 0)";
      await createFile(join(folder, "test.db"), counterMigrations, later);
      await expectRefusedUntouched(folder, "SCHEMA_NEWER");
    });
  });

  it("is refused and untouched when it is another program's, its journal mode included", async () => {
    await withFolder(async (folder) => {
      withRawConnection(join(folder, "test.db"), (raw) => raw.exec("CREATE TABLE customer (id)"));
      await expectRefusedUntouched(folder, "SCHEMA_MISMATCH");
    });
  });
});
