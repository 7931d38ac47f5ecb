import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { salvage, type SalvageResult } from "../../../src/database/backup/salvage.ts";
import { withFolder, withRawConnection } from "../../helpers/database.ts";
import { silentProgress } from "../../helpers/silent-progress.ts";

const PAGE_BYTES = 4_096;
const ROW_COUNT = 2_000;
const textOf = (id: number, version = 1): string => `row ${id} version ${version} `.repeat(8);

const SCHEMA = `
  CREATE TABLE quarantine (id INTEGER PRIMARY KEY, table_name TEXT NOT NULL, row_json TEXT NOT NULL,
    reason TEXT NOT NULL, found_at INTEGER NOT NULL) STRICT;
  CREATE TABLE parent (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE plain (id INTEGER PRIMARY KEY, parent_id TEXT REFERENCES parent (id), body TEXT NOT NULL, data BLOB, real REAL) STRICT;
  CREATE INDEX plain_parent ON plain (parent_id);
  CREATE TABLE keyed (a TEXT NOT NULL, b INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (a, b)) STRICT, WITHOUT ROWID;
  CREATE INDEX keyed_b ON keyed (b);`;

interface Rig {
  readonly damagedPath: string;
  readonly targetPath: string;
  /** Numbers of the pages of a table or index, in the order of their keys, each behind the one that refers to it. */
  readonly pagesOf: (name: string) => number[];
  /** Those of them that refer to no other. */
  readonly leavesOf: (name: string) => number[];
  readonly overwrite: (page: number, content?: Buffer) => void;
  readonly salvage: (timeLimitMs?: number) => Promise<SalvageResult>;
  readonly rows: (sql: string) => unknown[][];
}

/** A snapshot with half of the rows, and a later state of the same database: made once, and copied for each test. */
const template = mkdtempSync(join(tmpdir(), "muster-salvage-"));
beforeAll(() => {
  const [damagedPath, targetPath] = [join(template, "damaged.db"), join(template, "target.db")];
  const database = new Database(damagedPath);
  database.pragma(`page_size = ${PAGE_BYTES}`);
  database.pragma("foreign_keys = OFF");
  database.exec(SCHEMA);
  const parent = database.prepare("INSERT INTO parent VALUES (?, ?)");
  const plain = database.prepare("INSERT INTO plain VALUES (?, ?, ?, ?, ?)");
  const keyed = database.prepare("INSERT INTO keyed VALUES (?, ?, ?)");
  const fill = database.transaction((from: number, to: number) => {
    for (let id = from; id <= to; id++) {
      if (id <= 50) parent.run(`p${id % 50}`, `parent ${id}`);
      plain.run(id, `p${id % 50}`, textOf(id), Buffer.from([0, 255, id % 256]), id / 3);
      keyed.run(`k${id % 97}`, id, textOf(id));
    }
  });
  fill(1, ROW_COUNT / 2);
  copyFileSync(damagedPath, targetPath);
  fill(ROW_COUNT / 2 + 1, ROW_COUNT);
  database.exec(`UPDATE plain SET body = '${textOf(7, 2)}' WHERE id = 7`);
  database.close();
});
afterAll(() => rmSync(template, { recursive: true }));

/** `change` is part of the later state; the test damages it. */
async function withRig(
  body: (rig: Rig) => Promise<void>,
  change?: (database: Database.Database) => void,
): Promise<void> {
  await withFolder(async (folder) => {
    const [damagedPath, targetPath] = [join(folder, "damaged.db"), join(folder, "target.db")];
    copyFileSync(join(template, "damaged.db"), damagedPath);
    copyFileSync(join(template, "target.db"), targetPath);
    if (change) {
      withRawConnection(damagedPath, (database) => {
        database.pragma("foreign_keys = OFF");
        change(database);
      });
    }
    await body({
      ...{ damagedPath, targetPath },
      pagesOf: (name) => listPages(damagedPath, name),
      leavesOf: (name) => listPages(damagedPath, name, true),
      overwrite(page, content = Buffer.alloc(PAGE_BYTES, 0xa5)) {
        const bytes = readFileSync(damagedPath);
        content.copy(bytes, (page - 1) * PAGE_BYTES);
        writeFileSync(damagedPath, bytes);
      },
      salvage: (timeLimitMs = 60_000) =>
        salvage({ kind: "salvage", damagedPath, targetPath, timeLimitMs, isNewerIfUnknown: true }, silentProgress),
      rows: (sql) => withRawConnection(targetPath, (target) => target.prepare(sql).raw().all() as unknown[][]),
    });
    expect(readdirSync(folder).filter((name) => name.includes("salvage"))).toEqual([]);
  });
}

function listPages(path: string, name: string, isLeavesOnly = false): number[] {
  const content = readFileSync(path);
  const root = withRawConnection(path, (database) =>
    database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").pluck().get(name),
  ) as number;
  const pages: number[] = [];
  const visit = (page: number): void => {
    const at = (page - 1) * PAGE_BYTES;
    const isLeaf = ![2, 5].includes(content[at]!);
    if (isLeaf || !isLeavesOnly) pages.push(page);
    if (isLeaf) return;
    const cellCount = content.readUInt16BE(at + 3);
    for (let cell = 0; cell < cellCount; cell++)
      visit(content.readUInt32BE(at + content.readUInt16BE(at + 12 + 2 * cell)));
    visit(content.readUInt32BE(at + 8));
  };
  visit(root);
  return pages;
}

describe("salvage", () => {
  it("brings over every row of a file whose tables are sound, to the last bit", async () => {
    await withRig(async ({ salvage: run, rows, damagedPath }) => {
      const before = readFileSync(damagedPath);
      const result = await run();
      expect(result.problems).toEqual([]);
      expect(result.tables.plain).toEqual({
        ...{ readCount: ROW_COUNT, insertedCount: ROW_COUNT / 2, replacedCount: 1, setAsideCount: 0 },
        ...{ unreadableCount: 0, unconfirmedCount: 0, isWhole: true },
      });
      expect(result.tables.keyed).toMatchObject({ readCount: ROW_COUNT, insertedCount: ROW_COUNT / 2, isWhole: true });
      expect(rows("SELECT body FROM plain WHERE id = 7")).toEqual([[textOf(7, 2)]]);
      expect(rows("SELECT parent_id, body, hex(data), real FROM plain WHERE id = 1500")).toEqual([
        ["p0", textOf(1500), "00FFDC", 500],
      ]);
      expect(readFileSync(damagedPath)).toEqual(before);
    });
  });

  it.each([
    ["a leaf of a table with rowids", "plain"],
    ["a leaf of a table without rowids", "keyed"],
  ])("goes around %s, and counts what was in it", async (_, table) => {
    await withRig(async ({ leavesOf, overwrite, salvage: run, rows }) => {
      const pages = leavesOf(table);
      for (const share of [0.3, 0.6, 0.9]) overwrite(pages[Math.floor(pages.length * share)]!);
      const result = await run();
      const { unreadableCount, isWhole, readCount } = result.tables[table]!;
      expect(isWhole).toBe(false);
      expect(readCount + unreadableCount!).toBe(ROW_COUNT);
      // A page holds two to three dozen of these rows.
      expect(unreadableCount).toBeLessThan(120);
      expect(rows(`SELECT count(*) FROM ${table}`)[0]![0]).toBeGreaterThanOrEqual(ROW_COUNT - unreadableCount!);
      expect(rows("PRAGMA integrity_check")).toEqual([["ok"]]);
    });
  });

  it.each([
    ["the beginning", 0],
    ["the end", -1],
  ])("goes around damage at %s of a table", async (_, at) => {
    await withRig(async ({ leavesOf, overwrite, salvage: run }) => {
      for (const table of ["plain", "keyed"]) overwrite(leavesOf(table).at(at)!);
      const { tables } = await run();
      for (const table of ["plain", "keyed"]) {
        expect(tables[table]!.readCount + tables[table]!.unreadableCount!).toBe(ROW_COUNT);
        expect(tables[table]!.unreadableCount).toBeLessThan(60);
      }
    });
  });

  it("reads the rest when the index is damaged, and keeps the backup's rows when the whole table is", async () => {
    await withRig(async ({ pagesOf, overwrite, salvage: run, rows }) => {
      for (const page of pagesOf("plain_parent")) overwrite(page);
      overwrite(pagesOf("keyed")[0]!);
      const { tables } = await run();
      expect(tables.plain).toMatchObject({ readCount: ROW_COUNT, unreadableCount: 0 });
      expect(tables.keyed).toMatchObject({ readCount: 0, unreadableCount: ROW_COUNT, unconfirmedCount: ROW_COUNT / 2 });
      expect(rows("SELECT count(*) FROM keyed")).toEqual([[ROW_COUNT / 2]]);
    });
  });

  it.each([
    ["the file header", 100],
    ["the first page", PAGE_BYTES],
  ])("recognises a file without %s by the backup's", async (_, bytes) => {
    await withRig(async ({ damagedPath, salvage: run }) => {
      const content = readFileSync(damagedPath);
      content.fill(0xa5, 0, bytes);
      writeFileSync(damagedPath, content);
      const { tables } = await run();
      expect(tables.plain).toMatchObject({ readCount: ROW_COUNT, isWhole: true });
      expect(tables.keyed).toMatchObject({ readCount: ROW_COUNT, isWhole: true });
    });
  });

  it("reads what is left of a file that was cut off", async () => {
    await withRig(async ({ damagedPath, salvage: run, rows }) => {
      const content = readFileSync(damagedPath);
      writeFileSync(damagedPath, content.subarray(0, Math.floor(content.length * 0.7)));
      const { tables } = await run();
      expect(tables.plain!.readCount).toBeGreaterThan(ROW_COUNT / 2);
      expect(rows("PRAGMA integrity_check")).toEqual([["ok"]]);
    });
  });

  it("sets rows aside that contradict the rest, with what they refer to", async () => {
    await withRig(
      async ({ salvage: run, rows }) => {
        const { tables } = await run();
        expect(tables.parent).toMatchObject({ setAsideCount: 1, insertedCount: 0 });
        expect(tables.plain).toMatchObject({ insertedCount: ROW_COUNT / 2 + 1, setAsideCount: 1 });
        expect(rows("SELECT table_name, row_json FROM quarantine ORDER BY id")).toEqual([
          ["parent", '{"id":"twin","name":"parent 3"}'],
          ["plain", '{"id":900719925474099301,"parent_id":"twin","body":"child","data":{"$blob":"00ff"},"real":1.0}'],
        ]);
        expect(rows("PRAGMA foreign_key_check")).toEqual([]);
      },
      (database) =>
        // The restored database has another row by that name: here it was renamed first.
        database.exec(`UPDATE parent SET id = 'gone' WHERE name = 'parent 3';
          DELETE FROM parent WHERE id = 'gone';
          INSERT INTO parent VALUES ('twin', 'parent 3');
          INSERT INTO plain VALUES (900719925474099301, 'twin', 'child', x'00ff', 1.0);`),
    );
  });

  it("says what was not read when its time is up", async () => {
    await withRig(async ({ salvage: run, rows }) => {
      const result = await run(0);
      expect(result).toMatchObject({ isTimeUp: true, tables: {} });
      expect(result.problems).toHaveLength(3);
      expect(rows("SELECT count(*) FROM plain")).toEqual([[ROW_COUNT / 2]]);
    });
  });

  it.each([
    ["nothing but what was restored", ["3"], ["3"], false],
    ["a later write", ["3", "4"], ["3"], true],
    ["a later write, behind what a clock that was ahead has left", ["3", "4", "9"], ["3", "9"], true],
    ["a write less, behind what a clock that was ahead has left", ["3", "9"], ["3", "4", "9"], false],
    ["a later write, and pruned since", ["3", "4"], ["1", "2", "3"], true],
    ["a write less, and not yet pruned", ["1", "2", "3"], ["3", "4"], false],
    ["no write at all", [], ["3"], false],
    ["the only write there was", ["3"], [], true],
  ])("tells by the ledgers whether the damaged file is newer: it has %s", async (_, damaged, restored, isNewer) => {
    await withRig(async ({ damagedPath, targetPath, salvage: run }) => {
      for (const [path, ids] of [
        [damagedPath, damaged],
        [targetPath, restored],
      ] as const) {
        withRawConnection(path, (database) => {
          database.exec("CREATE TABLE applied_operation (id TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID");
          for (const id of ids) database.prepare("INSERT INTO applied_operation VALUES (?)").run(id);
        });
      }
      const { tables, problems } = await run();
      expect(tables.plain?.insertedCount).toBe(isNewer ? ROW_COUNT / 2 : undefined);
      expect(problems).toEqual(isNewer ? [] : ["the damaged file has nothing newer than what was restored"]);
    });
  });
});
