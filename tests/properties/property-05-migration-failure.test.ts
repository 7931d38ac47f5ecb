import { join } from "node:path";
import type Database from "better-sqlite3";
import fc from "fast-check";
import { systemClock } from "../../src/core/clock.ts";
import { SchemaValidator } from "../../src/database/schema/schema-validator.ts";
import type { SchemaVersion } from "../../src/database/schema/schema-version.ts";
import { history, type HistoryStep, type Rows } from "../arbitraries/schemas.ts";
import { errorLike, withFolder, withRawConnection } from "../helpers/database.ts";
import {
  createAt,
  createEngineAt,
  dumpOf,
  fillRows,
  migrateDirectly,
  migrateThroughEngine,
  readRows,
  requireComplete,
  rowsAt,
  versionsOf,
  withFile,
} from "../helpers/schema-rig.ts";

const ENGINE_RUN_EVERY = 20;
/** SQLite's own limit, which a case lowers for a while. */
const MAX_PAGE_COUNT = 0xfffffffe;

/** Statements that cannot be part of a migration, each for another reason. */
const FAILING_STATEMENTS = {
  syntax: "SELEKT 1",
  "missing table": "DROP TABLE nowhere",
  constraint: "INSERT INTO schema_version SELECT NULL, NULL, NULL, NULL, NULL",
  reference:
    "CREATE TABLE orphan (id INTEGER PRIMARY KEY, other INTEGER REFERENCES orphan (id)); INSERT INTO orphan VALUES (1, 2)",
} as const;

type Failure = keyof typeof FAILING_STATEMENTS | "lost rows" | "full";

const failure = fc.constantFrom<Failure>(
  ...(Object.keys(FAILING_STATEMENTS) as Failure[]),
  ...(["lost rows", "full"] as const),
);

/** A table of which rows can be lost. */
function findFilled(rows: Rows): string | undefined {
  return Object.keys(rows).find((table) => rows[table]!.length > 0);
}

function breakVersion({ version }: HistoryStep, kind: Failure, at: number, rows: Rows): SchemaVersion {
  if (kind === "full") return version;
  const table = kind === "lost rows" ? findFilled(rows) : undefined;
  const lose = `DELETE FROM ${table} WHERE id = (SELECT max(id) FROM ${table})`;
  const statement = kind !== "lost rows" ? FAILING_STATEMENTS[kind] : table === undefined ? "SELEKT 1" : lose;
  return {
    ...version,
    migrations: version.migrations.toSpliced(at % (version.migrations.length + 1), 0, statement),
    backupTables: [...new Set([...(version.backupTables ?? []), ...(table === undefined ? [] : [table])])],
  };
}

/** Runs the migration that is to fail, and gives the code of its error, or "none" when nothing of it was harmful. */
function failDirectly(raw: Database.Database, versions: readonly SchemaVersion[], kind: Failure, at: number): string {
  const pageCount = raw.pragma("page_count", { simple: true }) as number;
  if (kind === "full") raw.pragma(`max_page_count = ${pageCount + (at % 2)}`);
  try {
    new SchemaValidator(versions, systemClock).applyMigrations(raw);
    return "none";
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    expect(raw.inTransaction).toBe(false);
    raw.pragma(`max_page_count = ${MAX_PAGE_COUNT}`);
  }
}

async function failThroughEngine(path: string, versions: readonly SchemaVersion[]): Promise<string> {
  const database = createEngineAt(path, versions);
  try {
    const hasStarted = await database.manager.start().then(
      () => true,
      () => false,
    );
    const { state } = database.degradation;
    if (hasStarted) return "none";
    return state.kind === "offline" ? state.reason.code : state.kind;
  } finally {
    await database.close();
  }
}

describe("a migration that fails", () => {
  it("Feature: database-reliability, Property 5: leaves content and schema as they were, at whichever step it fails, and works when it is mended", async () => {
    await withFolder(async (folder) => {
      let run = 0;
      const seen = new Map<string, number>();
      const drawn = fc.record({
        ...{ steps: history, failing: fc.nat(9), from: fc.nat(9), kind: failure },
        ...{ at: fc.nat(99), count: fc.nat(4), number: fc.nat(99) },
      });
      const property = fc.asyncProperty(drawn, async ({ steps, failing, from, kind, at, count, number }) => {
        const path = join(folder, `${++run}.db`);
        const failingAt = failing % steps.length;
        const start = from % (failingAt + 1);
        const rows = rowsAt(steps, start, count, number);
        const rowsBefore = steps.slice(start, failingAt).reduce((all, step) => step.migrateRows(all), rows);
        const broken = [
          ...versionsOf(steps.slice(0, failingAt)),
          breakVersion(steps[failingAt]!, kind, at, rowsBefore),
        ];
        const isThroughEngine = run % ENGINE_RUN_EVERY === 0;
        await withFile(path, async (raw) => {
          createAt(raw, steps, start);
          fillRows(raw, rows);
          migrateDirectly(raw, steps.slice(0, failingAt));
          const before = dumpOf(raw);

          const code =
            isThroughEngine && kind !== "full"
              ? await failThroughEngine(path, broken)
              : failDirectly(raw, broken, kind, at);
          // Where there is room for all of it, a full disk is none; and a row that was copied before is not lost.
          if (code !== "none") {
            expect(code).toBe(kind === "full" ? "DATABASE_FULL" : "MIGRATION_FAILED");
            expect(dumpOf(raw)).toEqual(before);
            seen.set(kind, (seen.get(kind) ?? 0) + 1);
          } else expect(["full", "lost rows"]).toContain(kind);

          if (isThroughEngine) await migrateThroughEngine(path, steps);
          else migrateDirectly(raw, steps);
          requireComplete(raw, steps);
          const expected = steps.slice(failingAt).reduce((all, step) => step.migrateRows(all), rowsBefore);
          expect(readRows(raw, steps.at(-1)!.model)).toEqual(expected);
        });
      });
      await fc.assert(property, { numRuns: 110 });
      // Every kind of failure was met, those that need rows or a full disk included.
      expect([...seen.keys()].toSorted()).toEqual(
        ["constraint", "full", "lost rows", "missing table", "reference", "syntax"].toSorted(),
      );
    });
  });

  it("leaves an empty database empty when it is the first version", () => {
    fc.assert(
      fc.property(history, fc.nat(99), ([first], at) => {
        const broken = breakVersion(first!, "syntax", at, {});
        withRawConnection(":memory:", (raw) => {
          expect(() => new SchemaValidator([broken], systemClock).applyMigrations(raw)).toThrow(
            errorLike({ code: "MIGRATION_FAILED" }),
          );
          expect(raw.prepare("SELECT * FROM sqlite_schema").all()).toEqual([]);
        });
      }),
      { numRuns: 100 },
    );
  });
});

describe("a version that is rolled back", () => {
  it("gives content and schema back as they were before it, and can be applied again", async () => {
    await withFolder(async (folder) => {
      let run = 0;
      const drawn = fc.record({ steps: history, count: fc.nat(4), number: fc.nat(99) });
      const property = fc.asyncProperty(drawn, async ({ steps, count, number }) => {
        const last = steps.length;
        const validator = new SchemaValidator(versionsOf(steps), systemClock);
        await withFile(join(folder, `${++run}.db`), (raw) => {
          createAt(raw, steps, last - 1);
          fillRows(raw, rowsAt(steps, last - 1, count, number));
          const describe = (): unknown => [
            readRows(raw, steps[last - 2]!.model),
            validator.validateSchema(raw),
            raw.prepare("SELECT version FROM schema_version").all(),
            raw.prepare("SELECT type, name FROM sqlite_schema ORDER BY type, name").all(),
          ];
          const before = describe();

          validator.applyMigrations(raw);
          const after = readRows(raw, steps.at(-1)!.model);
          validator.rollbackMigration(raw, last);
          expect(describe()).toEqual(before);

          validator.applyMigrations(raw);
          requireComplete(raw, steps);
          expect(readRows(raw, steps.at(-1)!.model)).toEqual(after);
        });
      });
      await fc.assert(property, { numRuns: 100 });
    });
  });
});
