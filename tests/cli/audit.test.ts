import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CHAIN_START, verifyEntries, type AuditEntry } from "../../src/store/audit-chain.ts";
import { SYSTEM_CHAIN } from "../../src/store/audit.ts";
import { parseCsv } from "../bot/commands/parse-csv.ts";
import { openTestStore, withFolder, withRawConnection } from "../helpers/database.ts";
import { runMuster, runMusterHere } from "./run-muster.ts";

const GUILD = "100000000000000001";
/** More than a page of reading. */
const ENTRY_COUNT = 120;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-cli-"));
  const database = await openTestStore({ folder, file: "muster.db" });
  for (let number = 1; number <= ENTRY_COUNT; number++) {
    await database.store.audit.append({ guildId: GUILD, actorId: GUILD, action: "test.note", target: `${number}` });
  }
  await database.store.audit.append({ guildId: SYSTEM_CHAIN, actorId: "system", action: "test.note", target: "x" });
  await database.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("muster audit", () => {
  it("exports every entry of every chain as JSON, in order and whole enough to check", async () => {
    // As a process, whose output a pipe takes.
    const { code, stdout } = await runMuster(folder, ["audit", "export", "--json"]);
    expect(code).toBe(0);
    const entries = JSON.parse(stdout) as AuditEntry[];
    expect(entries).toHaveLength(ENTRY_COUNT + 1);
    const ofGuild = entries.filter(({ guildId }) => guildId === GUILD);
    expect(verifyEntries(ofGuild, CHAIN_START)).toHaveProperty("end.sequence", ENTRY_COUNT);
  });

  it("exports one chain as CSV", async () => {
    const { stdout } = await runMusterHere(folder, ["audit", "export", "--format", "csv", "--guild", GUILD]);
    const [head, ...rows] = parseCsv(stdout);
    expect(head).toContain("guild_id");
    expect(rows.map(([sequence]) => Number(sequence))).toEqual(Array.from({ length: ENTRY_COUNT }, (_, i) => i + 1));
    const system = await runMusterHere(folder, ["audit", "export", "--guild", "system", "--format", "json"]);
    expect(JSON.parse(system.stdout)).toMatchObject([{ guildId: "", target: "x" }]);
  });

  it("verifies every chain, and ends with 1 at an altered entry", async () => {
    const sound = await runMusterHere(folder, ["audit", "verify", "--json"]);
    expect(sound.code).toBe(0);
    expect(JSON.parse(sound.stdout)).toMatchObject({ chains: [{ guildId: "", soundCount: 1 }, { soundCount: 120 }] });
    const path = join(folder, "muster.db");
    withRawConnection(path, (raw) => raw.exec("UPDATE audit_log SET target = 'y' WHERE target = '117'"));
    try {
      const altered = await runMusterHere(folder, ["audit", "verify"]);
      expect(altered).toMatchObject({ code: 1, stdout: expect.stringContaining("entry 117 is ALTERED") as string });
      expect((await runMusterHere(folder, ["audit", "verify", "--guild", "system"])).code).toBe(0);
    } finally {
      withRawConnection(path, (raw) => raw.exec("UPDATE audit_log SET target = '117' WHERE target = 'y'"));
    }
  });

  it.each([
    [["audit", "export", "--json", "--format", "csv"]],
    [["audit", "export", "--format", "xml"]],
    [["audit", "verify", "--guild", "my server"]],
    [["audit"]],
  ])("ends %j with 2", async (args) => expect((await runMusterHere(folder, args)).code).toBe(2));

  it("ends with 2 as a process, too", async () => expect((await runMuster(folder, ["audit"])).code).toBe(2));

  it("ends with 1 and a hint when it is another program's database, or none", async () =>
    withFolder(async (other) => {
      expect((await runMusterHere(other, ["audit", "verify"])).code).toBe(1);
      withRawConnection(join(other, "muster.db"), (raw) => raw.exec("CREATE TABLE note (text)"));
      const foreign = await runMusterHere(other, ["audit", "verify"]);
      expect(foreign).toMatchObject({ code: 1, stderr: expect.stringContaining("DATABASE_PATH") as string });
      expect(foreign.stderr).not.toContain("    at ");
    }));
});
