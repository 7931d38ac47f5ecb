import { writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { pathToFileURL } from "node:url";
import Database from "better-sqlite3";
import { systemClock } from "../../src/core/clock.ts";
import { SchemaValidator } from "../../src/database/schema/schema-validator.ts";
import type { SchemaVersion } from "../../src/database/schema/schema-version.ts";
import { createRows, type HistoryStep, type Model, type ModelRow, type Rows } from "../arbitraries/schemas.ts";
import { createCounterDatabase, withRawConnection, type TestDatabase } from "./database.ts";

/** What the tests of migrations have in common: real files at any version, with rows, migrated directly or by the engine. */

export function versionsOf(steps: readonly HistoryStep[]): SchemaVersion[] {
  return steps.map(({ version }) => version);
}

/**
 * The one connection of a case to its file, closed in the end. Nothing of it has to outlive a power cut, and waiting for
 * the disk would be most of a case.
 */
export async function withFile<Result>(
  path: string,
  body: (raw: Database.Database) => Promise<Result> | Result,
): Promise<Result> {
  const raw = new Database(path);
  try {
    raw.pragma("journal_mode = WAL");
    raw.pragma("synchronous = OFF");
    return await body(raw);
  } finally {
    raw.close();
  }
}

/** Creates a file as a program with these versions leaves it, and runs the statements on it. */
export async function createFile(path: string, versions: readonly SchemaVersion[], sql: string): Promise<void> {
  await withFile(path, (raw) => {
    new SchemaValidator(versions, systemClock).applyMigrations(raw);
    raw.exec(sql);
  });
}

/** Brings an empty file to this version; 0 = without any table. */
export function createAt(raw: Database.Database, steps: readonly HistoryStep[], version: number): void {
  if (version > 0) migrateDirectly(raw, steps.slice(0, version));
}

export function rowsAt(steps: readonly HistoryStep[], version: number, count: number, number: number): Rows {
  return version === 0 ? {} : createRows(steps[version - 1]!.model, count, number);
}

export function fillRows(raw: Database.Database, rows: Rows): void {
  const fill = raw.transaction(() => {
    for (const [table, list] of Object.entries(rows)) {
      for (const row of list) {
        const names = Object.keys(row);
        const places = names.map((name) => `@${name}`).join(", ");
        raw.prepare(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${places})`).run(row);
      }
    }
  });
  fill();
}

export function readRows(raw: Database.Database, { tables }: Model): Rows {
  return Object.fromEntries(
    tables.map(({ name }) => [name, raw.prepare<[], ModelRow>(`SELECT * FROM ${name} ORDER BY id`).all()]),
  );
}

/** Throws unless the database is of the newest version, sound, and has exactly the schema it should have. */
export function requireComplete(raw: Database.Database, steps: readonly HistoryStep[]): void {
  const validator = new SchemaValidator(versionsOf(steps), systemClock);
  expect(raw.inTransaction).toBe(false);
  expect(validator.checkHistory(raw)).toBe(steps.length);
  expect(validator.validateSchema(raw)).toEqual([]);
  expect(raw.pragma("foreign_key_check")).toEqual([]);
  expect(raw.pragma("integrity_check", { simple: true })).toBe("ok");
}

export function migrateDirectly(raw: Database.Database, steps: readonly HistoryStep[]): void {
  new SchemaValidator(versionsOf(steps), systemClock).applyMigrations(raw);
}

/** A database, not started, whose writer thread has these versions. */
export function createEngineAt(path: string, versions: readonly SchemaVersion[], mayMigrate = true): TestDatabase {
  const listPath = `${path}.${versions.length}-versions.json`;
  writeFileSync(listPath, JSON.stringify(versions));
  const url = new URL("./schema-data-module.ts", pathToFileURL(import.meta.filename));
  url.searchParams.set("migrations", listPath);
  const connection = { path, synchronous: "full", isForeignKeysEnabled: true, cacheSizeBytes: 1024 ** 2 } as const;
  return createCounterDatabase({
    ...{ folder: dirname(path), file: basename(path), readerCount: 0 },
    engine: { thread: { dataModuleUrl: url.href, connection, mayMigrate } },
  });
}

export async function migrateThroughEngine(path: string, steps: readonly HistoryStep[]): Promise<void> {
  const database = createEngineAt(path, versionsOf(steps));
  try {
    await database.manager.start();
  } finally {
    await database.close();
  }
}

/** Everything that a database holds: its objects, and every row of every table with its rowid where there is one. */
export function dump(path: string): unknown {
  return withRawConnection(path, (raw) => dumpOf(raw));
}

export function dumpOf(raw: Database.Database): unknown {
  const objects = raw.prepare<[], { type: string; name: string; sql: string | null }>(
    "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name",
  );
  const list = objects.all();
  const tables = list.filter(({ type, name }) => type === "table" && !name.startsWith("sqlite_"));
  return {
    list,
    rows: Object.fromEntries(
      tables.map(({ name, sql }) => {
        const columns = /WITHOUT ROWID/i.test(sql ?? "") ? "*" : "rowid AS _rowid, *";
        return [name, raw.prepare(`SELECT ${columns} FROM "${name}"`).raw().all()];
      }),
    ),
  };
}
