import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listSnapshots } from "../../src/database/backup/snapshot-catalogue.ts";
import { startTestBot } from "../helpers/bot.ts";
import { withFolder, withRawConnection } from "../helpers/database.ts";
import { addBulk, damageFile, damageSnapshot, makeBotData, untilFile, type BotData } from "./bot-data.ts";
import { runMuster, runMusterHere, startMuster, type MusterResult } from "./run-muster.ts";

let data: BotData;
beforeAll(async () => {
  data = await makeBotData(await mkdtemp(join(tmpdir(), "muster-cli-")));
});
afterAll(() => rm(data.folder, { recursive: true, force: true }));

/** Only root can be somebody else. */
const asRoot = process.getuid?.() === 0 ? it : it.skip;
const BOT_USER = 65_534;

/** Runs a test on a copy of the bot's data. */
function withCopy(body: (folder: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    cpSync(data.folder, folder, { recursive: true });
    await body(folder);
  });
}

function parse<Value>({ stdout, code }: MusterResult, expectedCode = 0): Value {
  expect(code).toBe(expectedCode);
  return JSON.parse(stdout) as Value;
}

async function listIds(folder: string): Promise<string[]> {
  const { snapshots } = await listSnapshots(join(folder, "backups"));
  return snapshots.map(({ manifest }) => manifest.id);
}

interface Listing {
  readonly snapshots: readonly { readonly id: string; readonly comment: string }[];
  readonly problems: readonly unknown[];
}

describe("muster backup", () => {
  it("makes a backup with a comment, and lists it for people and for programs", async () =>
    withCopy(async (folder) => {
      const made = parse<{ id: string }>(await runMuster(folder, ["backup", "create", "--comment", "new", "--json"]));
      const listing = parse<Listing>(await runMusterHere(folder, ["backup", "list", "--json"]));
      expect(listing.snapshots.map(({ id, comment }) => [id, comment])).toEqual([
        [made.id, "new"],
        [data.snapshotId, "the first"],
      ]);
      const { stdout, stderr } = await runMusterHere(folder, ["backup", "list"]);
      expect(stdout.split("\n").slice(1, 3)).toEqual([
        expect.stringMatching(new RegExp(`^${made.id} .*verified.*new$`)),
        expect.stringMatching(new RegExp(`^${data.snapshotId} .*the first$`)),
      ]);
      expect(stderr).toBe("");
      for (const file of readdirSync(join(folder, "backups/snapshots"))) {
        expect(statSync(join(folder, "backups/snapshots", file)).mode & 0o777).toBe(0o600);
      }
    }));

  it("verifies one backup or all, and ends with 1 when one cannot be used", async () =>
    withCopy(async (folder) => {
      expect(await runMusterHere(folder, ["backup", "verify", data.snapshotId])).toMatchObject({
        ...{ code: 0, stdout: expect.stringContaining("sound") as string },
      });
      await damageSnapshot(folder, data.snapshotId);
      expect(await runMusterHere(folder, ["backup", "verify", "--all"])).toMatchObject({
        ...{ code: 1, stdout: expect.stringContaining("NOT USABLE") as string },
      });
      const json = parse<{ results: { outcome: string }[] }>(
        await runMusterHere(folder, ["backup", "verify", data.snapshotId, "--json"]),
        1,
      );
      expect(json.results.map(({ outcome }) => outcome)).toEqual(["unusable"]);
      expect((await runMusterHere(folder, ["backup", "list"])).stdout).toContain("damaged");
    }));

  asRoot("leaves the files to the bot's user when root verifies them and makes a backup", async () =>
    withCopy(async (folder) => {
      execFileSync("chown", ["-R", `${BOT_USER}:${BOT_USER}`, folder]);
      expect((await runMuster(folder, ["backup", "verify", "--all"])).code).toBe(0);
      const made = parse<{ id: string }>(await runMuster(folder, ["backup", "create", "--json"]));
      expect(await listIds(folder)).toContain(made.id);
      const paths = readdirSync(folder, { recursive: true, encoding: "utf8" });
      expect(paths.filter((path) => statSync(join(folder, path)).uid !== BOT_USER)).toEqual([]);
    }),
  );

  it("says what pruning would remove, and removes it when it is meant", async () =>
    withCopy(async (folder) => {
      await runMusterHere(folder, ["backup", "create"]);
      const one = { DB_MAX_BACKUPS: "1" };
      const removed = { removedIds: [data.snapshotId] };
      expect(parse(await runMusterHere(folder, ["backup", "prune", "--dry-run", "--json"], one))).toMatchObject(
        removed,
      );
      expect(await listIds(folder)).toHaveLength(2);
      expect(parse(await runMusterHere(folder, ["backup", "prune", "--json"], one))).toMatchObject(removed);
      expect(await listIds(folder)).toHaveLength(1);
    }));

  it.each([
    [["verify"]],
    [["verify", "12345678", "--all"]],
    [["create", "--comment", "x".repeat(201)]],
    [["nonsense"]],
  ])("ends %j with 2", async (args) => {
    const result = await runMusterHere(data.folder, ["backup", ...args]);
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).not.toBe("");
    expect(result.stderr).not.toContain("    at ");
  });

  it.each([
    [["verify"], 2],
    [["verify", "12345678"], 1],
  ])("ends %j with %i as a process, too", async (args, code) => {
    const result = await runMuster(data.folder, ["backup", ...args]);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).not.toContain("    at ");
  });

  it("tells a program of failures as JSON", async () => {
    expect(parse(await runMusterHere(data.folder, ["backup", "verify", "12345678", "--json"]), 1)).toMatchObject({
      error: { code: "BACKUP_NOT_FOUND", message: expect.stringContaining("12345678") as string },
    });
    expect(parse(await runMusterHere(data.folder, ["backup", "verify", "--json"]), 2)).toMatchObject({
      error: { code: "USAGE" },
    });
  });

  it("ends with 1 and a hint when there is no database, and when it is in memory", async () =>
    withFolder(async (folder) => {
      expect((await runMusterHere(folder, ["backup", "create"])).code).toBe(1);
      expect((await runMusterHere(folder, ["backup", "verify", "--all"])).code).toBe(1);
      const inMemory = await runMusterHere(folder, ["backup", "list"], { TEST_MODE: "true" });
      expect(inMemory).toMatchObject({ code: 1, stderr: expect.stringContaining("TEST_MODE=false") as string });
    }));

  it("ends its job on Ctrl-C, and leaves nothing behind", async () =>
    withCopy(async (folder) => {
      addBulk(join(folder, "muster.db"));
      const { child, result } = startMuster(folder, ["backup", "create"]);
      const snapshots = join(folder, "backups/snapshots");
      await untilFile(child, () => readdirSync(snapshots).some((file) => file.endsWith(".tmp")));
      child.kill("SIGINT");
      expect(await result).toMatchObject({ code: 1, stderr: expect.stringContaining("stopped") as string });
      expect(readdirSync(snapshots)).toHaveLength(2);
    }));
});

describe("muster check", () => {
  it("finds a sound database sound, at both depths", async () => {
    expect(await runMusterHere(data.folder, ["check"])).toMatchObject({ code: 0, stderr: "" });
    const report = parse(await runMusterHere(data.folder, ["check", "--full", "--json"]));
    expect(report).toMatchObject({ isSound: true, depth: "full", lines: ["ok"] });
  });

  it("ends with 1 for damage, and for rows that refer to nothing", async () =>
    withCopy(async (folder) => {
      withRawConnection(join(folder, "muster.db"), (raw) => {
        raw.pragma("foreign_keys = OFF");
        raw.exec("CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (id REFERENCES parent)");
        raw.exec("INSERT INTO child VALUES (7)");
      });
      const orphan = await runMusterHere(folder, ["check"]);
      expect(orphan).toMatchObject({
        code: 1,
        stdout: expect.stringContaining("refer to nothing in parent") as string,
      });
      damageFile(join(folder, "muster.db"));
      withRawConnection(join(folder, "muster.db"), (raw) => raw.pragma("page_size"));
      expect(parse(await runMusterHere(folder, ["check", "--full", "--json"]), 1)).toMatchObject({ isSound: false });
    }));

  it("ends with 1 when there is no database, and makes none", async () =>
    withFolder(async (folder) => {
      expect((await runMusterHere(folder, ["check"])).code).toBe(1);
      expect(readdirSync(folder)).toEqual([]);
    }));
});

describe("beside a running bot", () => {
  it("makes, lists and verifies backups, checks the database and reads the audit log", async () =>
    withFolder(async (dataFolder) => {
      const bot = await startTestBot({ dataFolder });
      try {
        await bot.store.audit.append({
          guildId: bot.guildId,
          actorId: bot.ids.ownerId,
          action: "test.note",
          target: "",
        });
        // What opens the bot's database cannot do so in the bot's process.
        for (const [run, args] of [
          [runMuster, ["backup", "create"]],
          [runMusterHere, ["backup", "list"]],
          [runMusterHere, ["backup", "verify", "--all"]],
          [runMuster, ["check", "--full"]],
          [runMuster, ["audit", "verify"]],
          [runMuster, ["audit", "export"]],
          [runMusterHere, ["restore", "--dry-run"]],
        ] as const) {
          expect([args, await run(dataFolder, args)]).toMatchObject([args, { code: 0 }]);
        }
        const event = { guildId: bot.guildId, actorId: bot.ids.ownerId, action: "test.note", target: "still writes" };
        expect(await bot.store.audit.append(event)).toMatchObject({ sequence: 2 });
      } finally {
        await bot.stop();
      }
    }));
});
