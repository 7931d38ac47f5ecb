import { join } from "node:path";
import type Database from "better-sqlite3";
import type { DamagedRowsMoved } from "../../../src/database/integrity/damaged-rows.ts";
import type { DuplicateGroup, DuplicatesResolved } from "../../../src/database/integrity/duplicates.ts";
import type { ForeignKeyViolation } from "../../../src/database/integrity/integrity-operations.ts";
import type { RowsMoved } from "../../../src/database/integrity/moved-rows.ts";
import type { QuarantinedRow } from "../../../src/database/integrity/quarantine.ts";
import { withFolder } from "../../helpers/database.ts";
import {
  createTemplate,
  fillSoundly,
  openRig,
  tamper,
  tamperPastRules,
  tamperWithIndex,
  tamperWithTeams,
  type IntegrityRig,
} from "./integrity-rig.ts";

async function withRig(
  change: (path: string) => void,
  body: (rig: IntegrityRig) => Promise<void>,
  fill: (database: Database.Database) => void = (database) => fillSoundly(database, 3),
): Promise<void> {
  await withFolder(async (folder) => {
    const template = join(folder, "template.db");
    createTemplate(template, fill);
    change(template);
    const rig = await openRig(folder, template);
    try {
      await body(rig);
    } finally {
      await rig.close();
    }
  });
}

async function listQuarantine(rig: IntegrityRig): Promise<{ table: string; row: unknown; reason: string }[]> {
  const rows = await rig.call<QuarantinedRow[]>("integrity.listQuarantine");
  return rows.map(({ tableName, rowJson, reason }) => ({
    table: tableName,
    row: JSON.parse(rowJson) as unknown,
    reason,
  }));
}

describe("quarantineOrphans", () => {
  it("moves a whole chain, each row with its reason, and leaves the rest", async () => {
    const orphan = (path: string): void =>
      tamper(path, (database) => {
        database.prepare(`INSERT INTO "team ""member""" VALUES ('gone', 7, 'Member 7')`).run();
        database.prepare(`INSERT INTO badge (rowid, team_id, "order", value) VALUES ('x', 'gone', 7, 1.5)`).run();
        database.prepare("INSERT INTO note (id, team_id, reply_to, text) VALUES (90, 't0', 89, 'reply')").run();
        database
          .prepare("INSERT INTO note (id, team_id, reply_to, text) VALUES (91, 't0', 90, 'reply to reply')")
          .run();
      });
    await withRig(orphan, async (rig) => {
      const before = await rig.call<unknown[]>("team.list", { table: "team" });
      const violations = await rig.call<ForeignKeyViolation[]>("integrity.listForeignKeyViolations");
      expect(violations).toContainEqual({ table: 'team "member"', rowid: null, parent: "team" });
      expect(violations).toContainEqual({ table: "note", rowid: 90, parent: "note" });

      const moved = await rig.call<RowsMoved>("integrity.quarantineOrphans");
      expect(moved).toEqual({ movedByTable: { badge: 1, 'team "member"': 1, note: 2 }, movedCount: 4, isDone: true });
      expect(await listQuarantine(rig)).toEqual(
        expect.arrayContaining([
          {
            table: 'team "member"',
            row: { team_id: "gone", order: 7, label: "Member 7" },
            reason: "team_id refers to no row of team",
          },
          {
            table: "badge",
            row: { rowid: "x", team_id: "gone", order: 7, value: 1.5 },
            reason: "depends on a row that refers to nothing",
          },
          {
            table: "note",
            row: { id: 91, team_id: "t0", reply_to: 90, text: "reply to reply" },
            reason: "depends on a row that refers to nothing",
          },
        ]),
      );
      expect(await rig.call("integrity.listForeignKeyViolations")).toEqual([]);
      expect(await rig.call("team.list", { table: "team" })).toEqual(before);
      expect(await rig.call<unknown[]>("team.list", { table: "badge" })).toHaveLength(3);
    });
  });

  it("goes on in portions, and loses nothing to the schema's own deletions between them", async () => {
    const orphan = (path: string): void =>
      tamper(path, (database) => {
        const member = database.prepare(`INSERT INTO "team ""member""" VALUES (?, ?, '')`);
        const badge = database.prepare(`INSERT INTO badge (team_id, "order") VALUES (?, ?)`);
        for (let index = 0; index < 20; index++) {
          member.run(`gone${index % 3}`, index);
          badge.run(`gone${index % 3}`, index);
        }
      });
    await withRig(orphan, async (rig) => {
      let total = 0;
      for (let isDone = false; !isDone;) {
        const moved = await rig.call<RowsMoved>("integrity.quarantineOrphans", { limit: 3 });
        expect(moved.movedCount).toBeGreaterThan(0);
        expect(moved.movedCount).toBeLessThanOrEqual(3);
        total += moved.movedCount;
        isDone = moved.isDone;
      }
      expect(total).toBe(40);
      expect(await listQuarantine(rig)).toHaveLength(40);
      expect(await rig.call("integrity.listForeignKeyViolations")).toEqual([]);
    });
  });

  it("takes no row for an orphan because an index lost the entry of its parent", async () => {
    const damage = (path: string): void =>
      tamperWithIndex(path, "sqlite_autoindex_team_1", (database) =>
        database.prepare("DELETE FROM entries WHERE k1 = 't1'").run(),
      );
    await withRig(damage, async (rig) => {
      expect(await rig.call<unknown[]>("integrity.listForeignKeyViolations")).not.toEqual([]);
      expect(await rig.call("integrity.quarantineOrphans")).toEqual({ movedByTable: {}, movedCount: 0, isDone: true });
      expect(await rig.call<unknown[]>("team.list", { table: "badge" })).toHaveLength(3);
    });
  });

  it("keeps integers beyond 2^53, reals, blobs and broken text to the last bit", async () => {
    const orphan = (path: string): void =>
      tamper(path, (database) => {
        const values = [
          "9007199254740993",
          "2.0",
          "-0.1",
          "9e999",
          "x'00ff'",
          "CAST(x'c328' AS TEXT)",
          "NULL",
          "'a\"b\u0001'",
        ];
        for (const value of values) {
          database.exec(`INSERT INTO badge (team_id, "order", value) VALUES ('gone', 1, ${value})`);
        }
      });
    await withRig(orphan, async (rig) => {
      await rig.call("integrity.quarantineOrphans");
      const rows = await rig.call<QuarantinedRow[]>("integrity.listQuarantine");
      expect(rows.map(({ rowJson }) => /"value":(.*)\}$/.exec(rowJson)![1])).toEqual([
        ...["9007199254740993", "2.0", "-0.1", "9e999", '{"$blob":"00ff"}', '{"$text":"c328"}', "null"],
        JSON.stringify('a"b\u0001'),
      ]);
    });
  });
});

describe("resolveDuplicates", () => {
  /** A second team under the same id and name, older than the first, which the indexes have lost. */
  const duplicate = (path: string): void => {
    for (const [index, key] of [
      ["sqlite_autoindex_team_1", "t1"],
      ["sqlite_autoindex_team_2", "Team 1"],
    ] as const) {
      tamperWithIndex(path, index, (database) => database.prepare("DELETE FROM entries WHERE k1 = ?").run(key));
    }
    tamper(path, (database) => database.prepare("INSERT INTO team VALUES ('t1', 'Team 1', 99, 500)").run());
  };

  it("keeps the newest, moves the other, and loses no row that refers to it", async () => {
    await withRig(duplicate, async (rig) => {
      const tables = ['team ""member""', "badge", "note"];
      const before = await Promise.all(tables.map((table) => rig.call("team.list", { table })));
      expect(await rig.call<DuplicateGroup[]>("integrity.listDuplicates")).toEqual([
        { table: "team", index: "sqlite_autoindex_team_2", supersededCount: 1 },
        { table: "team", index: "sqlite_autoindex_team_1", supersededCount: 1 },
      ]);
      const resolved = await rig.call<DuplicatesResolved>("integrity.resolveDuplicates", {
        indexes: ["sqlite_autoindex_team_1"],
      });
      expect(resolved).toEqual({
        rebuiltIndexes: ["sqlite_autoindex_team_1", "sqlite_autoindex_team_2"],
        movedByTable: { team: 1 },
        movedCount: 1,
        isDone: true,
      });
      expect(await listQuarantine(rig)).toEqual([
        {
          table: "team",
          row: { id: "t1", name: "Team 1", size: 99, updated_at: 500 },
          reason: "a newer row has the same unique key",
        },
      ]);
      expect(await Promise.all(tables.map((table) => rig.call("team.list", { table })))).toEqual(before);
      const path = rig.path;
      expect(await rig.maintenance.run({ kind: "integrity-check", path, depth: "full" })).toMatchObject({
        lines: ["ok"],
        foreignKeyViolations: [],
      });
    });
  });

  it("goes on in portions, rows that nothing refers to first", async () => {
    /** Three labels, ten times each, under an index that was not a unique one when they came. */
    const repeat = (path: string): void =>
      tamperPastRules(
        path,
        { table: "label_name", looseSql: "CREATE INDEX label_name ON label (name)" },
        (database) => {
          const insert = database.prepare("INSERT INTO label VALUES (?, ?)");
          for (let at = 0; at < 30; at++) insert.run(`label ${at % 3}`, at);
        },
      );
    await withRig(repeat, async (rig) => {
      await expect(rig.call("integrity.rebuildIndexes", { indexes: ["label_name"] })).rejects.toMatchObject({
        code: "CONSTRAINT_VIOLATED",
      });
      const counts: number[] = [];
      for (let isDone = false; !isDone;) {
        const resolved = await rig.call<DuplicatesResolved>("integrity.resolveDuplicates", {
          ...{ indexes: ["label_name"], limit: 10 },
        });
        counts.push(resolved.movedCount);
        isDone = resolved.isDone;
      }
      expect(counts).toEqual([10, 10, 7]);
      expect((await listQuarantine(rig)).every(({ table }) => table === "label")).toBe(true);
      expect(await rig.call("integrity.listDuplicates")).toEqual([]);
      expect(await rig.call("integrity.rebuildIndexes", { tables: ["label"] })).toEqual(["label_name"]);
    });
  });
});

describe("quarantineDamaged", () => {
  const breakTeams = (path: string): void =>
    tamperWithTeams(path, (database) => {
      database.exec("UPDATE team SET size = 'x' WHERE id = 't1'; UPDATE team SET name = '' WHERE id = 't4'");
      database.exec("UPDATE team SET updated_at = NULL, size = -1 WHERE id = 't6'");
    });
  const fill = (database: Database.Database): void => fillSoundly(database, 8);

  it("moves what breaks a rule, with the rule that it breaks, and what depends on it, in portions", async () => {
    await withRig(
      breakTeams,
      async (rig) => {
        const input = { table: "team", scanLimit: 3, limit: 4 };
        const byTable: Record<string, number> = {};
        let rounds = 0;
        for (let [after, isDone]: [unknown, boolean] = [null, false]; !isDone; rounds++) {
          const moved = await rig.call<DamagedRowsMoved>("integrity.quarantineDamaged", { ...input, after });
          expect(moved.movedCount).toBeLessThanOrEqual(4);
          for (const [table, count] of Object.entries(moved.movedByTable))
            byTable[table] = (byTable[table] ?? 0) + count;
          ({ after, isDone } = moved);
        }
        // Three parts of the table, and each broken row with its five takes two calls.
        expect(rounds).toBe(6);
        expect(byTable).toEqual({ team: 3, 'team "member"': 9, badge: 3 });
        const quarantined = await listQuarantine(rig);
        expect(quarantined.filter(({ table }) => table === "team")).toEqual([
          {
            table: "team",
            row: { id: "t1", name: "Team 1", size: "x", updated_at: 1_001 },
            reason: "size is not INTEGER",
          },
          {
            table: "team",
            row: { id: "t4", name: "", size: 4, updated_at: 1_004 },
            reason: expect.stringContaining("CHECK constraint failed: length(name) > 0") as string,
          },
          {
            table: "team",
            row: { id: "t6", name: "Team 6", size: -1, updated_at: null },
            reason: expect.any(String) as string,
          },
        ]);
        const { path } = rig;
        expect(await rig.maintenance.run({ kind: "integrity-check", path, depth: "full" })).toMatchObject({
          lines: ["ok"],
          foreignKeyViolations: [],
        });
      },
      fill,
    );
  });

  it("leaves tables alone whose rows are evidence, and names that are not there", async () => {
    const damage = (path: string): void =>
      tamperPastRules(path, { table: "audit_log", looseSql: "CREATE TABLE audit_log (hash)" }, (database) =>
        database.exec("INSERT INTO audit_log VALUES (NULL)"),
      );
    await withRig(damage, async (rig) => {
      for (const table of ["audit_log", "nowhere"]) {
        expect(await rig.call("integrity.quarantineDamaged", { table })).toMatchObject({ movedCount: 0, isDone: true });
      }
      for (const round of [1, 2]) {
        expect(await rig.run("scheduled")).toMatchObject({
          outcome: "damaged",
          findings: ["NULL value in audit_log.hash"],
        });
        expect(rig.incidents.map(({ kind }) => kind)).toEqual(Array.from({ length: round }, () => "damage-found"));
      }
      expect(rig.corruptions).toEqual([]);
      expect(await listQuarantine(rig)).toEqual([]);
    });
  });
});
