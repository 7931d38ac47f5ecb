import { randomBytes } from "node:crypto";
import { closeSync, copyFileSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Database from "better-sqlite3";
import fc from "fast-check";
import type {
  CheckResult,
  IntegrityIncident,
  IntegrityMonitorOptions,
} from "../../src/database/integrity/integrity-monitor.ts";
import type { QuarantinedRow } from "../../src/database/integrity/quarantine.ts";
import { checkIntegrity } from "../../src/database/maintenance/integrity-check.ts";
import {
  createIntegrityDatabase,
  createMonitor,
  createTemplate,
  fillSoundly,
  openRig,
  tamper,
  tamperWithIndex,
  tamperWithTeams,
  type IntegrityRig,
} from "../database/integrity/integrity-rig.ts";
import { withFolder, withRawConnection } from "../helpers/database.ts";

/**
 * What no check of SQLite's promises to find, and what is not claimed here: single flipped bits, and what stands in a
 * page that holds nothing but the rest of a long value (an overflow page), where any bytes are as good as any others. Nor
 * does a connection that only reads know of CHECK constraints: rows that break one go when the table has other broken ones.
 */

type Finder = "start" | "scheduled";
const finder = fc.constantFrom<Finder[]>("start", "scheduled");
/** Starting a process takes far longer than the look itself: most looks are taken from here, with the same function. */
const inOwnProcess = fc.oneof(
  { weight: 29, arbitrary: fc.constant(false) },
  { weight: 1, arbitrary: fc.constant(true) },
);

interface Content {
  readonly teamCount: number;
  readonly noteBytes: number;
}
const content: fc.Arbitrary<Content> = fc.record({
  teamCount: fc.integer({ min: 1, max: 60 }),
  noteBytes: fc.constantFrom(0, 20, 500, 9_000),
});

type PageDamage =
  | { readonly kind: "zeroed" | "garbage"; readonly place: number }
  | { readonly kind: "truncated"; readonly share: number }
  | { readonly kind: "none" };
const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const pageDamage: fc.Arbitrary<PageDamage> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("zeroed" as const, "garbage" as const), place: share }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("truncated" as const), share }) },
  { weight: 1, arbitrary: fc.constant({ kind: "none" as const }) },
);

/** Where the pages of tables and indexes begin: all but overflow pages and free ones. */
function listTreePages(path: string): { readonly offset: number; readonly bytes: number }[] {
  return withRawConnection(path, (database) =>
    database
      .prepare<[], { offset: number; bytes: number }>(
        `SELECT (pageno - 1) * pgsize AS "offset", pgsize AS bytes FROM dbstat WHERE pagetype <> 'overflow' ORDER BY pageno`,
      )
      .all(),
  );
}

/** False when nothing was changed. */
function damagePages(path: string, damage: PageDamage): boolean {
  if (damage.kind === "none") return false;
  const size = readFileSync(path).length;
  if (damage.kind === "truncated") {
    truncateSync(path, Math.floor(size * damage.share));
    return true;
  }
  const pages = listTreePages(path);
  const { offset, bytes } = pages[Math.floor(pages.length * damage.place)]!;
  const file = openSync(path, "r+");
  writeSync(file, damage.kind === "zeroed" ? Buffer.alloc(bytes) : randomBytes(bytes), 0, bytes, offset);
  closeSync(file);
  return true;
}

const label = fc.string({ unit: "grapheme", maxLength: 12 });
const amount = fc.oneof(fc.integer(), fc.double({ noNaN: true }), label, fc.constant(null));
/** Rows that refer to nothing, and rows that refer to these. */
type Orphan = readonly [
  table: 'team "member"' | "badge" | "note",
  row: Readonly<Record<string, string | number | null>>,
];
const orphans: fc.Arbitrary<Orphan[]> = fc
  .array(fc.record({ label, amount, hasBadge: fc.boolean(), isReply: fc.boolean() }), { minLength: 1, maxLength: 6 })
  .map((list) =>
    list.flatMap(({ label, amount, hasBadge, isReply }, index): Orphan[] => {
      const team = `gone ${index}`;
      const member: Orphan = ['team "member"', { team_id: team, order: index, label }];
      const badge: Orphan = ["badge", { rowid: label, team_id: team, order: index, value: amount }];
      const note: Orphan = [
        "note",
        { id: 10_000 + index, team_id: isReply ? "t0" : team, reply_to: isReply ? 20_000 : null, text: label },
      ];
      return [note, ...(index % 2 === 0 ? [member] : []), ...(hasBadge ? [badge] : [])];
    }),
  );

/** What a team of that number gets, and no team may have; the team has members, a badge and a note. */
type BrokenRow = readonly [column: "name" | "size" | "updated_at", value: string | number | null];
const brokenRow = fc.oneof(
  fc.constantFrom<BrokenRow[]>(["name", null], ["updated_at", null]),
  fc
    .record({ text: label, column: fc.constantFrom("size" as const, "updated_at" as const) })
    .map(({ text, column }): BrokenRow => [column, `not a number: ${text}`]),
);

const brokenRows = fc.uniqueArray(brokenRow, { minLength: 1, maxLength: 4, selector: (row) => JSON.stringify(row) });

type RowDamage =
  | { readonly kind: "orphans"; readonly rows: readonly Orphan[] }
  | { readonly kind: "lost-entries"; readonly index: string; readonly share: number }
  | { readonly kind: "altered-entry"; readonly index: string }
  | { readonly kind: "duplicate"; readonly isNewer: boolean }
  | { readonly kind: "broken-rules"; readonly rows: readonly BrokenRow[] };
const INDEXES = ["sqlite_autoindex_team_1", "sqlite_autoindex_team_2", "badge_member", "note_team"];
const rowDamage: fc.Arbitrary<RowDamage> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("orphans" as const), rows: orphans }) },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ kind: fc.constant("lost-entries" as const), index: fc.constantFrom(...INDEXES), share },
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("altered-entry" as const), index: fc.constantFrom(...INDEXES) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("duplicate" as const), isNewer: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ kind: fc.constant("broken-rules" as const), rows: brokenRows },
    }),
  },
);

const duplicateOf = (isNewer: boolean): Readonly<Record<string, string | number>> => ({
  ...{ id: "t0", name: "Team 0", size: 7, updated_at: isNewer ? 9_000 : 5 },
});

function insert(database: Database.Database, table: string, row: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(row).map((name) => `"${name}"`);
  database
    .prepare(`INSERT INTO "${table.replaceAll('"', '""')}" (${names.join()}) VALUES (${names.map(() => "?").join()})`)
    .run(...Object.values(row));
}

function damageRows(path: string, damage: RowDamage): void {
  switch (damage.kind) {
    case "orphans":
      tamper(path, (database) => damage.rows.forEach(([table, row]) => insert(database, table, row)));
      return;
    case "lost-entries":
      tamperWithIndex(path, damage.index, (database) => {
        const count = database.prepare<[], number>("SELECT count(*) FROM entries").pluck().get()!;
        database
          .prepare("DELETE FROM entries WHERE (k1, place) IN (SELECT k1, place FROM entries LIMIT ?)")
          .run(1 + Math.floor((count - 1) * damage.share));
      });
      return;
    case "altered-entry":
      tamperWithIndex(path, damage.index, (database) =>
        database.exec("UPDATE entries SET k1 = 'altered' WHERE (k1, place) IN (SELECT k1, place FROM entries LIMIT 1)"),
      );
      return;
    case "duplicate":
      for (const [index, key] of Object.entries({ sqlite_autoindex_team_1: "t0", sqlite_autoindex_team_2: "Team 0" })) {
        tamperWithIndex(path, index, (database) => database.prepare("DELETE FROM entries WHERE k1 = ?").run(key));
      }
      tamper(path, (database) => insert(database, "team", duplicateOf(damage.isNewer)));
      return;
    case "broken-rules":
      breakRules(path, damage.rows);
      return;
  }
}

/** Writes values past the rules: the first teams get them, one each. */
function breakRules(path: string, rows: readonly BrokenRow[]): void {
  tamperWithTeams(path, (database) => {
    for (const [index, [column, value]] of rows.entries()) {
      database.prepare(`UPDATE team SET ${column} = ? WHERE id = ?`).run(value, `t${index}`);
    }
  });
}

const INCIDENTS: Readonly<Record<RowDamage["kind"], readonly IntegrityIncident["kind"][]>> = {
  orphans: ["orphans-quarantined"],
  "lost-entries": ["indexes-rebuilt"],
  "altered-entry": ["indexes-rebuilt"],
  // Building the index anew is tried first, and refused.
  duplicate: ["indexes-rebuilt", "duplicates-resolved"],
  "broken-rules": ["damaged-rows-quarantined"],
};

const TABLES = ["team", 'team "member"', "badge", "note"];

/** All rows of all tables, read from the tables themselves. */
function readContent(path: string): unknown[][] {
  return withRawConnection(path, (database) =>
    TABLES.map((table) => database.prepare(`SELECT * FROM "${table.replaceAll('"', '""')}" NOT INDEXED`).all()),
  );
}

function sortRows(rows: readonly unknown[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

async function takeQuarantine(rig: IntegrityRig): Promise<{ table: string; row: unknown }[]> {
  const rows = await rig.call<QuarantinedRow[]>("integrity.listQuarantine", { limit: 500 });
  tamper(rig.path, (database) => database.exec("DELETE FROM quarantine"));
  return rows.map(({ tableName, rowJson }) => ({ table: tableName, row: JSON.parse(rowJson) as unknown }));
}

/** Broken teams are in the quarantine as they were, with their members and badges; their notes have lost their team. */
function expectBrokenMoved(
  sound: readonly unknown[][],
  left: readonly unknown[][],
  { rows, quarantined }: { readonly rows: readonly BrokenRow[]; readonly quarantined: readonly unknown[] },
): void {
  const [teams, members, badges, notes] = sound as Record<string, unknown>[][];
  const broken = teams!.slice(0, rows.length).map((team, index) => ({ ...team, [rows[index]![0]]: rows[index]![1] }));
  const ids = new Set(broken.map(({ id }: Record<string, unknown>) => id));
  const isGone = ({ team_id }: Record<string, unknown>): boolean => ids.has(team_id);
  const asJson = ({ doubled: _generated, value, ...badge }: Record<string, unknown>): unknown => ({
    ...badge,
    value: { $blob: (value as Buffer).toString("hex") },
  });
  expect(sortRows(quarantined)).toEqual(
    sortRows([
      ...broken.map((row) => ({ table: "team", row })),
      ...members!.filter(isGone).map((row) => ({ table: 'team "member"', row })),
      ...badges!.filter(isGone).map((row) => ({ table: "badge", row: asJson(row) })),
    ]),
  );
  expect(left).toEqual([
    teams!.slice(rows.length),
    members!.filter((row) => !isGone(row)),
    badges!.filter((row) => !isGone(row)),
    notes!.map((row) => (isGone(row) ? { ...row, team_id: null } : row)),
  ]);
}

const inspectHere: IntegrityMonitorOptions["inspect"] = async (job) => checkIntegrity(job, () => undefined);

type Damage = { readonly page: PageDamage } | { readonly row: RowDamage };
const anyDamage: fc.Arbitrary<Damage> = fc.oneof(fc.record({ page: pageDamage }), fc.record({ row: rowDamage }));

const SMALL: Content = { teamCount: 4, noteBytes: 20 };
const PAGE_EXAMPLES: readonly PageDamage[] = [
  { kind: "none" },
  { kind: "zeroed", place: 0 },
  { kind: "garbage", place: 0 },
  { kind: "truncated", share: 0 },
  // A part of the last page only: SQLite itself takes what is missing for zeros.
  { kind: "truncated", share: 0.9999 },
];
const ROW_EXAMPLES: readonly RowDamage[] = [
  { kind: "orphans", rows: [["note", { id: 1_000, team_id: "gone", reply_to: null, text: "" }]] },
  { kind: "lost-entries", index: "sqlite_autoindex_team_1", share: 0 },
  { kind: "altered-entry", index: "sqlite_autoindex_team_1" },
  { kind: "altered-entry", index: "note_team" },
  { kind: "duplicate", isNewer: true },
  { kind: "duplicate", isNewer: false },
  { kind: "broken-rules", rows: [["name", null]] },
  {
    kind: "broken-rules",
    rows: [
      ["size", "not a number"],
      ["name", ""],
      ["updated_at", null],
    ],
  },
];
type Example = [Content, Damage, Finder, isInOwnProcess: boolean];
/** Each kind, whatever chance brings; one of the pages and one of the rows as a bot does it, in a process. */
const EXAMPLES: Example[] = [
  ...PAGE_EXAMPLES.map((page, index): Example => [SMALL, { page }, "start", index === 1]),
  ...ROW_EXAMPLES.flatMap((row, index): Example[] => [
    [SMALL, { row }, "start", index === 0],
    [SMALL, { row }, "scheduled", false],
  ]),
];

describe("integrity checks", () => {
  let folder: string;
  let emptyTemplate: string;
  /** One database of real threads for all damage that is mended: it is sound again after each run. */
  let rig: IntegrityRig;
  let rigInspect = inspectHere;
  const templates = new Map<string, string>();
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "muster-"));
    emptyTemplate = join(folder, "empty.db");
    createTemplate(emptyTemplate, () => undefined);
    rig = await openRig(folder, emptyTemplate, { inspect: (job, options) => rigInspect(job, options) });
  });
  afterAll(async () => {
    await rig.close();
    await rm(folder, { recursive: true, force: true });
  });

  function templateOf({ teamCount, noteBytes }: Content): string {
    const key = `${teamCount}-${noteBytes}`;
    const known = templates.get(key);
    if (known !== undefined) return known;
    const path = join(folder, `template-${key}.db`);
    copyFileSync(emptyTemplate, path);
    tamper(path, (database) => database.transaction(fillSoundly)(database, teamCount, noteBytes));
    templates.set(key, path);
    return path;
  }

  /** Structure is gone: both checks say so, each time, and nothing is changed. */
  async function expectPageDamageFound(content: Content, damage: PageDamage, isInOwnProcess: boolean): Promise<void> {
    await withFolder(async (folder) => {
      const database = createIntegrityDatabase(folder);
      copyFileSync(templateOf(content), database.path);
      const isDamaged = damagePages(database.path, damage);
      const bytes = readFileSync(database.path);
      const checks = createMonitor(database, isInOwnProcess ? {} : { inspect: inspectHere });
      try {
        for (const kind of ["start", "scheduled"] as const) {
          const result = await checks.run(kind);
          expect(result).toMatchObject({ kind, outcome: isDamaged ? "damaged" : "ok" });
          expect(result!.findings.length > 0).toBe(isDamaged);
          expect(checks.monitor.last).toBe(result);
        }
        expect(checks.incidents.map(({ kind }) => kind)).toEqual(isDamaged ? ["damage-found", "damage-found"] : []);
        expect(checks.corruptions.map(({ code }) => code)).toEqual(checks.incidents.map(() => "DATABASE_CORRUPT"));
        // What can be saved is still there to be saved.
        expect(readFileSync(database.path).equals(bytes)).toBe(true);
      } finally {
        await checks.monitor.stop();
        await checks.maintenance.stop();
      }
    });
  }

  async function check(kind: Finder): Promise<CheckResult> {
    // Each start is one of its own.
    await rig.monitor.stop();
    rig.monitor.start();
    return (await rig.run(kind))!;
  }

  /** Rows or index entries are wrong: whichever check comes first mends it, and the next one finds nothing. */
  async function expectRowDamageMended(content: Content, damage: RowDamage, finder: Finder): Promise<void> {
    tamper(rig.path, (database) => {
      database.transaction(() => {
        for (const table of TABLES) database.exec(`DELETE FROM "${table.replaceAll('"', '""')}"`);
        fillSoundly(database, content.teamCount, Math.min(content.noteBytes, 20));
      })();
    });
    const sound = readContent(rig.path);
    rig.incidents.length = 0;
    damageRows(rig.path, damage);

    // The quick check counts the entries of an index, and follows those that references need; others it does not look at.
    const isSeen = damage.kind !== "altered-entry" || finder === "scheduled" || damage.index === INDEXES[0];
    const found = await check(finder);
    expect(found).toMatchObject({ kind: finder, outcome: isSeen ? "repaired" : "ok" });
    expect(found.findings.length > 0).toBe(isSeen);
    if (!isSeen) expect(await check("scheduled")).toMatchObject({ outcome: "repaired" });
    expect(rig.incidents.map(({ kind }) => kind)).toEqual(INCIDENTS[damage.kind]);

    const quarantined = await takeQuarantine(rig);
    if (damage.kind === "broken-rules") {
      expectBrokenMoved(sound, readContent(rig.path), { rows: damage.rows, quarantined });
      expect(await check("scheduled")).toMatchObject({ outcome: "ok", findings: [] });
      return;
    }
    const [teams, ...others] = readContent(rig.path);
    const [soundTeams, ...soundOthers] = sound;
    expect(others).toEqual(soundOthers);
    if (damage.kind === "duplicate") {
      const original = { id: "t0", name: "Team 0", size: 0, updated_at: 1_000 };
      const duplicate = duplicateOf(damage.isNewer);
      const [kept, moved] = damage.isNewer ? [duplicate, original] : [original, duplicate];
      expect(quarantined).toEqual([{ table: "team", row: moved }]);
      expect(sortRows(teams!)).toEqual(sortRows([kept, ...soundTeams!.slice(1)]));
    } else {
      const expected = damage.kind === "orphans" ? damage.rows.map(([table, row]) => ({ table, row })) : [];
      expect(sortRows(quarantined)).toEqual(sortRows(expected));
      expect(teams).toEqual(soundTeams);
    }
    expect(await check("scheduled")).toMatchObject({ outcome: "ok", findings: [] });
  }

  it("Feature: database-reliability, Property 11: for any content and any damage, the checks at start and on schedule detect it; orphans end in quarantine as they were, the rest is untouched, and there is no false alarm", async () => {
    const seen = new Set<string>();
    const property = fc.asyncProperty(
      ...([content, anyDamage, finder, inOwnProcess] as const),
      async (content, damage, finder, isInOwnProcess) => {
        if ("page" in damage) {
          seen.add(damage.page.kind);
          await expectPageDamageFound(content, damage.page, isInOwnProcess);
        } else {
          seen.add(`${damage.row.kind} ${finder}`);
          rigInspect = isInOwnProcess ? (job, options) => rig.maintenance.run(job, options) : inspectHere;
          await expectRowDamageMended(content, damage.row, finder);
        }
      },
    );
    await fc.assert(property, { numRuns: 110, examples: EXAMPLES });
    expect(rig.corruptions).toEqual([]);
    expect(seen.size).toBe(4 + 10);
  }, 240_000);
});
