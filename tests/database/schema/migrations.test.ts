import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type Database from "better-sqlite3";
import { systemClock } from "../../../src/core/clock.ts";
import { MusterError } from "../../../src/core/errors.ts";
import { migrateOffline, rollBackOffline } from "../../../src/database/schema/offline-migration.ts";
import { SchemaValidator, type PlannedChange } from "../../../src/database/schema/schema-validator.ts";
import type { SchemaVersion } from "../../../src/database/schema/schema-version.ts";
import { testCopyPath, testMigrations } from "../../../src/database/schema/test-migrations.ts";
import { errorLike, withFolder, withRawConnection } from "../../helpers/database.ts";
import { SCHEMA_MODULE_URL } from "../../helpers/schema-data-module.ts";
import { createEngineAt, createFile, dump, dumpOf } from "../../helpers/schema-rig.ts";

const first: SchemaVersion = {
  version: 1,
  description: "notes with a mood",
  migrations: ["CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL, mood TEXT)"],
};
const second: SchemaVersion = {
  version: 2,
  description: "notes without a mood, and with a colour and a rank",
  migrations: [
    "ALTER TABLE note DROP COLUMN mood",
    "ALTER TABLE note ADD COLUMN colour TEXT NOT NULL DEFAULT 'green'",
    "ALTER TABLE note ADD COLUMN rank INTEGER",
  ],
  rollbackQueries: [
    "ALTER TABLE note DROP COLUMN rank",
    "ALTER TABLE note DROP COLUMN colour",
    "ALTER TABLE note ADD COLUMN mood TEXT",
  ],
  backupTables: ["note"],
};
const forgetful: SchemaVersion = { ...second, migrations: [...second.migrations, "DELETE FROM note WHERE id = 2"] };

const ROWS = [
  { id: 1, text: "first", mood: "glad" },
  { id: 2, text: "second", mood: null },
];

function withNotes(body: (raw: Database.Database) => void): void {
  withRawConnection(":memory:", (raw) => {
    new SchemaValidator([first], systemClock).applyMigrations(raw);
    for (const row of ROWS) raw.prepare("INSERT INTO note VALUES (@id, @text, @mood)").run(row);
    body(raw);
  });
}

const validator = new SchemaValidator([first, second], systemClock);

describe("a migration", () => {
  it("gives existing rows the defaults of new columns", () => {
    withNotes((raw) => {
      validator.applyMigrations(raw);
      expect(raw.prepare("SELECT * FROM note").all()).toEqual([
        { id: 1, text: "first", colour: "green", rank: null },
        { id: 2, text: "second", colour: "green", rank: null },
      ]);
    });
  });

  it("is undone when a backed-up table loses rows, unless the version says that it may", () => {
    withNotes((raw) => {
      const before = dumpOf(raw);
      expect(() => new SchemaValidator([first, forgetful], systemClock).applyMigrations(raw)).toThrow(
        errorLike({ code: "MIGRATION_FAILED", message: "migrate to 2: table note had 2 rows, and 1 are left" }),
      );
      expect(dumpOf(raw)).toEqual(before);
      const allowed = { ...forgetful, mayLoseRows: ["note"] };
      expect(new SchemaValidator([first, allowed], systemClock).applyMigrations(raw).version).toBe(2);
    });
  });

  it("is undone when it leaves another schema than it would in an empty database", () => {
    withNotes((raw) => {
      raw.exec("CREATE VIEW glad AS SELECT 1 AS n");
      const before = dumpOf(raw);
      const own: SchemaVersion = {
        ...first,
        version: 2,
        migrations: ["CREATE VIEW IF NOT EXISTS glad AS SELECT 2 AS n"],
      };
      expect(() => new SchemaValidator([first, own], systemClock).applyMigrations(raw)).toThrow(
        errorLike({ code: "MIGRATION_FAILED", message: expect.stringContaining("view glad is different") as string }),
      );
      expect(dumpOf(raw)).toEqual(before);
    });
  });

  it("does not stumble over rows that referred to nothing before", () => {
    const parents: SchemaVersion = {
      ...first,
      migrations: ["CREATE TABLE p (id INTEGER PRIMARY KEY)", "CREATE TABLE c (p INTEGER REFERENCES p (id))"],
    };
    const more: SchemaVersion = { version: 2, description: "", migrations: ["ALTER TABLE c ADD COLUMN x"] };
    withRawConnection(":memory:", (raw) => {
      new SchemaValidator([parents], systemClock).applyMigrations(raw);
      raw.exec("PRAGMA foreign_keys = OFF; INSERT INTO c VALUES (1)");
      expect(new SchemaValidator([parents, more], systemClock).applyMigrations(raw).version).toBe(2);
      const worse: SchemaVersion = { version: 3, description: "", migrations: ["INSERT INTO c VALUES (2, 0)"] };
      expect(() => new SchemaValidator([parents, more, worse], systemClock).applyMigrations(raw)).toThrow(
        "migrate to 3: references lead to nothing: 2 rows of c to p",
      );
    });
  });

  it("begins only when there is a backup, asked for once, and not for an empty database", () => {
    withNotes((raw) => {
      const before = dumpOf(raw);
      const asked: PlannedChange[] = [];
      let failure: Error | undefined = new Error("no room");
      const backup = (change: PlannedChange): void => {
        asked.push(change);
        if (failure) throw failure;
      };
      const careful = new SchemaValidator([first, second], systemClock, { backup });
      expect(() => careful.applyMigrations(raw)).toThrow(
        errorLike({ code: "BACKUP_FAILED", message: "migrate to 2: no room" }),
      );
      expect(dumpOf(raw)).toEqual(before);
      failure = undefined;
      careful.applyMigrations(raw);
      careful.applyMigrations(raw);
      const change = { from: 1, to: 2, versions: [second] };
      expect(asked).toEqual([change, change]);
      careful.rollbackMigration(raw, 2);
      expect(asked.at(-1)).toEqual({ from: 2, to: 1, versions: [second] });

      withRawConnection(":memory:", (empty) => careful.applyMigrations(empty));
      expect(asked).toHaveLength(3);
    });
  });
});

describe("a rollback", () => {
  it("brings back what was dropped, and keeps what was written since", () => {
    withNotes((raw) => {
      validator.applyMigrations(raw);
      raw.exec("UPDATE note SET text = 'changed' WHERE id = 2; INSERT INTO note (id, text) VALUES (3, 'third')");
      validator.rollbackMigration(raw, 2);
      expect(raw.prepare("SELECT * FROM note").all()).toEqual([
        { id: 1, text: "first", mood: "glad" },
        { id: 2, text: "changed", mood: null },
        { id: 3, text: "third", mood: null },
      ]);
      expect(raw.prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%backup%'").all()).toEqual([]);
      expect(validator.checkHistory(raw)).toBe(1);
    });
  });

  it("brings back the rows of a table that was dropped", () => {
    const third: SchemaVersion = {
      ...{ version: 2, description: "no notes", migrations: ["DROP TABLE note"], rollbackQueries: first.migrations },
      ...{ backupTables: ["note"], mayLoseRows: ["note"] },
    };
    withNotes((raw) => {
      const own = new SchemaValidator([first, third], systemClock);
      own.applyMigrations(raw);
      own.rollbackMigration(raw, 2);
      expect(raw.prepare("SELECT * FROM note").all()).toEqual(ROWS);
    });
  });

  it.each([
    ["it has no rollback queries", 1, [first]],
    ["the newest applied is 2", 1, [first, second]],
    ["the newest applied is 2", 3, [first, second]],
  ])("is refused: %s", (why, version, versions) => {
    withNotes((raw) => {
      const own = new SchemaValidator(versions, systemClock);
      own.applyMigrations(raw);
      const before = dumpOf(raw);
      expect(() => own.rollbackMigration(raw, version)).toThrow(
        errorLike({ code: "CONFLICT", message: `roll back version ${version}: ${why}` }),
      );
      expect(dumpOf(raw)).toEqual(before);
    });
  });

  it.each([
    ["a statement fails", ["DROP TABLE nowhere"]],
    ["it does not give the former schema back", ["ALTER TABLE note DROP COLUMN rank"]],
    ["a table loses rows", [...second.rollbackQueries!, "DELETE FROM note"]],
  ])("is undone when %s", (_title, rollbackQueries) => {
    withNotes((raw) => {
      const own = new SchemaValidator([first, { ...second, rollbackQueries }], systemClock);
      own.applyMigrations(raw);
      const before = dumpOf(raw);
      expect(() => own.rollbackMigration(raw, 2)).toThrow(errorLike({ code: "MIGRATION_FAILED" }));
      expect(dumpOf(raw)).toEqual(before);
    });
  });
});

describe("a file that no bot has open", () => {
  async function withFile(
    body: (path: string, backups: { create(): Promise<{ id: string }> }, made: unknown[]) => Promise<void>,
  ): Promise<void> {
    await withFolder(async (folder) => {
      const path = join(folder, "test.db");
      await createFile(path, [first], "INSERT INTO note VALUES (1, 'first', 'glad')");
      const made: unknown[] = [];
      await body(path, { create: () => Promise.resolve({ id: `backup ${made.push(dump(path))}` }) }, made);
    });
  }
  const options = { versions: [first, second], isForeignKeysEnabled: true, clock: systemClock };

  it("is migrated and rolled back after a backup of what it was", async () => {
    await withFile(async (path, backups, made) => {
      const before = dump(path);
      const up = await migrateOffline({ ...options, path, backups });
      expect(up).toEqual({ from: 1, to: 2, versions: [2], backupId: "backup 1" });
      expect(made).toEqual([before]);
      expect((await migrateOffline({ ...options, path, backups })).versions).toEqual([]);
      const down = await rollBackOffline({ ...options, path, backups }, undefined);
      expect(down).toEqual({ from: 2, to: 1, versions: [2], backupId: "backup 2" });
      await expect(rollBackOffline({ ...options, path, backups }, 0)).rejects.toMatchObject({ code: "CONFLICT" });
      expect(made).toHaveLength(2);
    });
  });

  it("stays as it is when the backup fails", async () => {
    await withFile(async (path) => {
      const before = dump(path);
      const failure = new MusterError("BACKUP_FAILED", "make a backup: the disk is full");
      const backups = { create: () => Promise.reject(failure) };
      await expect(migrateOffline({ ...options, path, backups })).rejects.toBe(failure);
      expect(dump(path)).toEqual(before);
    });
  });

  it.each([
    ["passes", second, 1, undefined],
    [
      "fails",
      forgetful,
      0,
      { code: "MIGRATION_FAILED", message: "migrate to 2: table note had 1 rows, and 0 are left" },
    ],
  ])("is tried on a copy, and untouched, when that %s", async (_title, version, count, failure) => {
    await withFile(async (path) => {
      withRawConnection(path, (raw) => raw.exec("UPDATE note SET id = 2"));
      const engine = createEngineAt(path, [first, version]);
      await engine.close();
      const url = new URL(SCHEMA_MODULE_URL);
      url.searchParams.set("migrations", `${path}.2-versions.json`);
      const before = dump(path);
      const job = {
        kind: "test-migrations",
        databasePath: path,
        copyPath: testCopyPath(path),
        dataModuleUrl: url.href,
      } as const;
      const result = await testMigrations(job, () => undefined);
      expect(result).toMatchObject({ from: 1, to: 2 });
      expect(result.applied).toHaveLength(count);
      if (failure) expect(result.failure).toMatchObject(failure);
      else expect(result.failure).toBeUndefined();
      expect(dump(path)).toEqual(before);
      expect((await readdir(join(path, ".."))).filter((name) => name.includes("migration-test"))).toEqual([]);
    });
  });
});
