import { join } from "node:path";
import type Database from "better-sqlite3";
import type { DuplicateGroup, DuplicatesResolved } from "../../../src/database/integrity/duplicates.ts";
import type { ForeignKeyViolation } from "../../../src/database/integrity/integrity-operations.ts";
import type { OrphansMoved } from "../../../src/database/integrity/orphans.ts";
import type { QuarantinedRow } from "../../../src/database/integrity/quarantine.ts";
import { withFolder } from "../../helpers/database.ts";
import { createTemplate, fillSoundly, openRig, tamper, tamperWithIndex, type IntegrityRig } from "./integrity-rig.ts";

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

      const moved = await rig.call<OrphansMoved>("integrity.quarantineOrphans");
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
        const moved = await rig.call<OrphansMoved>("integrity.quarantineOrphans", { limit: 3 });
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
});
