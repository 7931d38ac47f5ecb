import { createVerifyEmbed } from "../../../src/bot/commands/admin-audit-verify.ts";
import { english } from "../../../src/bot/texts/texts.ts";
import { verifyChain, type ChainReport } from "../../../src/store/audit-verification.ts";
import { SYSTEM_CHAIN } from "../../../src/store/audit.ts";
import { openTestStore, withRawConnection, type TestStore } from "../../helpers/database.ts";

const ACTOR = "100000000000000002";
const ENTRY = { action: "event.create", target: "x" };

let database: TestStore;
let lastGuildId = 100_000_000_000_000_000n;

beforeAll(async () => {
  database = await openTestStore();
  await database.store.audit.append({ guildId: SYSTEM_CHAIN, actorId: "system", ...ENTRY });
});
afterAll(() => database.close());

/** Verifies a new server's chain of `entryCount` entries, after `sql` about entries of it was run past the program. */
async function verifyAfter(sql: string | undefined, entryCount = 9): Promise<ChainReport> {
  const { store, path } = database;
  const guildId = (++lastGuildId).toString();
  await Promise.all(
    Array.from({ length: entryCount }, () => store.audit.append({ guildId, actorId: ACTOR, ...ENTRY })),
  );
  if (sql !== undefined) withRawConnection(path, (raw) => raw.prepare(`${sql} AND guild_id = ?`).run(guildId));
  return verifyChain(store, guildId);
}

function describeReports(server: ChainReport, system: ChainReport): string[] {
  return createVerifyEmbed(server, system, english).fields!.map(({ value }) => value);
}

describe("verifyChain", () => {
  it("walks a chain that is longer than one step to its end", async () => {
    expect(await verifyAfter(undefined, 2_100)).toMatchObject({ soundCount: 2_100, fault: undefined });
  });

  it("finds an entry altered beyond the first step", async () => {
    expect(await verifyAfter("UPDATE audit_log SET target = 'y' WHERE sequence = 2050", 2_100)).toMatchObject({
      soundCount: 2_049,
      fault: { kind: "altered", sequence: 2_050 },
    });
  });

  it.each([
    ["removed in the middle", "DELETE FROM audit_log WHERE sequence = 3", { kind: "missing", sequence: 3 }],
    ["removed at the start", "DELETE FROM audit_log WHERE sequence = 1", { kind: "missing", sequence: 1 }],
    ["removed at the end", "DELETE FROM audit_log WHERE sequence >= 8", { kind: "missing", sequence: 8 }],
    [
      "changed in its details",
      "UPDATE audit_log SET details = '[]' WHERE sequence = 9",
      { kind: "altered", sequence: 9 },
    ],
    ["given another time", "UPDATE audit_log SET at = at + 1 WHERE sequence = 5", { kind: "altered", sequence: 5 }],
  ])("finds an entry %s", async (_, sql, fault) => {
    const report = await verifyAfter(sql);
    expect(report.fault).toMatchObject(fault);
    expect(report.soundCount).toBe(fault.sequence - 1);
  });

  it("does not blame one chain for another", async () => {
    await verifyAfter("DELETE FROM audit_log WHERE sequence = 3");
    expect(await verifyAfter(undefined)).toMatchObject({ soundCount: 9, fault: undefined });
    expect(await verifyChain(database.store, SYSTEM_CHAIN)).toMatchObject({ soundCount: 1, fault: undefined });
  });
});

describe("report", () => {
  it("says in plain words what is sound and what is not", async () => {
    const broken = await verifyAfter("DELETE FROM audit_log WHERE sequence = 2");
    expect(describeReports(broken, await verifyAfter(undefined, 1))).toEqual([
      "❌ Entry 2 is missing. It is the first that is wrong; the 1 entry before it is sound.",
      expect.stringMatching(/^✅ 1 entry, unbroken since <t:\d+:f>: none is altered or missing\.$/),
    ]);
  });

  it("calls an empty chain empty, and everything gone missing", () => {
    const empty: ChainReport = { soundCount: 0, firstAt: undefined, fault: undefined };
    const gone: ChainReport = { ...empty, fault: { kind: "missing", sequence: 1 } };
    expect(describeReports(empty, gone)).toEqual([
      "No entries yet.",
      "❌ Entry 1 is missing. It is the first that is wrong; there is none before it.",
    ]);
  });
});
