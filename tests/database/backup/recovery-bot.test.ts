import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { systemClock, type Clock } from "../../../src/core/clock.ts";
import type { RecoveryReport } from "../../../src/database/backup/recovery-report.ts";
import { MaintenanceRunner } from "../../../src/database/maintenance/maintenance-runner.ts";
import { startTestBot, type TestBot, type TestBotOptions } from "../../helpers/bot.ts";
import { createJobsBesideBot } from "../../helpers/jobs-here.ts";

let bot: TestBot;
async function startBot(options: TestBotOptions): Promise<void> {
  bot = await startTestBot({ settings: { DB_INTEGRITY_SCHEDULE: "0 4 * * *" }, ...options });
}
afterEach(async () => {
  await bot.stop();
});

/** So long a file that is gone may come back by itself. */
const MISSING_GRACE_MS = 5_000;
const graces = new Set<() => void>();
/** Here until the test says. */
const patientClock: Clock = {
  ...systemClock,
  schedule(delayMs, callback) {
    if (delayMs !== MISSING_GRACE_MS) return systemClock.schedule(delayMs, callback);
    graces.add(callback);
    return () => graces.delete(callback);
  },
};

/** Others wait as long for their next turn, and begin to wait again. */
function endGraces(): void {
  const ended = [...graces];
  graces.clear();
  for (const end of ended) end();
}

/** Something that Discord knows nothing of: what members answered is reconciled, and would come back from there. */
async function record(userId: string): Promise<void> {
  await bot.store.users.setReminderMode({ guildId: bot.guildId, id: userId, username: null, mode: "dm" });
}

async function listRecorded(): Promise<string[]> {
  const modes = await bot.store.users.listReminderModes({ guildId: bot.guildId });
  return modes.map(({ id }) => id).sort();
}

/** To the end of the file. */
function overwritePages(path: string, firstPage: number): void {
  const handle = openSync(path, "r+");
  const { size } = statSync(path);
  for (let at = (firstPage - 1) * 4096; at < size; at += 4096) writeSync(handle, Buffer.alloc(4096, 0xa5), 0, 4096, at);
  fsyncSync(handle);
  closeSync(handle);
}

/** In another process: closing the file in this one would drop SQLite's locks. */
function overwriteBesideBot(path: string): void {
  const script = `const [fs, path] = [require("node:fs"), process.argv[1]]; const handle = fs.openSync(path, "r+");
    for (let at = 4096; at < fs.statSync(path).size; at += 4096) fs.writeSync(handle, Buffer.alloc(4096, 0xa5), 0, 4096, at);
    fs.fsyncSync(handle);`;
  const { status, stderr } = spawnSync(process.execPath, ["-e", script, path]);
  if (status !== 0) throw new Error(stderr.toString());
}

const use = (name: string, options: Record<string, string> = {}) =>
  bot.as(bot.ids.moderatorId).command(name, options, { channelId: bot.channelId, bypassPermissionCheck: true });

const userIds = (count: number, from: number): string[] =>
  Array.from({ length: count }, (_, index) => String(300_000_000_000_000_000n + BigInt(from + index)));

function readReports(): RecoveryReport[] {
  const quarantine = join(bot.dataFolder, "quarantine");
  if (!existsSync(quarantine)) return [];
  return readdirSync(quarantine)
    .map((name) => join(quarantine, name, "recovery-report.json"))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, "utf8")) as RecoveryReport);
}

async function auditActions(): Promise<string[]> {
  const { entries } = await bot.store.audit.list({ guildId: "", limit: 25 });
  return entries.map(({ action }) => action);
}

describe("a database that is damaged under the running bot", () => {
  it("is recovered by itself: commands are answered in time, and every acknowledged row is there once", async () => {
    // What is asked while it recovers is the matter: then the jobs have processes of their own.
    let isRecovering = false;
    await startBot({
      createMaintenance: (parts) => (isRecovering ? new MaintenanceRunner(parts) : createJobsBesideBot(parts)),
    });
    for (const id of userIds(200, 0)) await record(id);
    await bot.app.backups!.manager.create({ reason: "manual" });
    const expected = new Set(userIds(200, 0));
    // So that what follows is in the file, and in nobody's cache.
    isRecovering = true;
    await bot.restart();
    for (const id of userIds(50, 1_000)) await record(id).then(() => expected.add(id));
    overwriteBesideBot(bot.databasePath);
    let [number, slowestMs] = [2_000, 0];
    const endAt = performance.now() + 40_000;
    while (readReports().length === 0 && performance.now() < endAt) {
      const [id] = userIds(1, number++) as [string];
      await record(id).then(
        () => expected.add(id),
        () => undefined,
      );
      for (const name of ["ping", "dbhealth", "mine"]) {
        const outcome = await use(name);
        expect(outcome.status).not.toBe("failed");
        slowestMs = Math.max(slowestMs, outcome.firstResponseMs ?? 0);
      }
      // What recovers it is a process that needs the processor, too.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await bot.sandbox.waitFor(() => bot.app.degradation.state.kind === "normal", 20_000);
    await bot.sandbox.waitFor(() => bot.app.database.health().queue.size === 0, 30_000);
    expect(slowestMs).toBeLessThan(3_000);
    const answers = await listRecorded();
    expect(new Set(answers).size).toBe(answers.length);
    expect([...expected].filter((id) => !answers.includes(id))).toEqual([]);
    expect(readReports()).toEqual([expect.objectContaining({ route: "archive", isComplete: true, missing: [] })]);
    await bot.sandbox.waitFor(async () => (await auditActions()).includes("recovery.recovered"), 30_000);
    const [action] = bot.app.recovery.list({ action: "recover" });
    expect(action).toMatchObject({ outcome: "succeeded" });
  }, 120_000);
});

describe("a database that is found damaged or gone at the start", () => {
  const remove = (path: string): void =>
    ["", "-wal", "-shm"].forEach((suffix) => rmSync(path + suffix, { force: true }));
  const damages: Record<string, (path: string) => void> = {
    "pages overwritten": (path) => overwritePages(path, 2),
    "header overwritten": (path) => overwritePages(path, 1),
    "cut off": (path) => truncateSync(path, 4096 * 3 + 100),
    emptied: (path) => truncateSync(path, 0),
    deleted: remove,
  };
  beforeEach(() => startBot({ clock: patientClock, createMaintenance: createJobsBesideBot }));

  async function prepare(): Promise<void> {
    await bot.app.backups!.manager.create({ reason: "manual" });
    for (const id of userIds(30, 0)) await record(id);
    await bot.stopApp();
  }

  async function expectEverythingBack(): Promise<void> {
    await bot.startApp();
    await bot.sandbox.waitFor(() => {
      endGraces();
      return readReports().length === 1;
    }, 30_000);
    await bot.sandbox.waitFor(() => bot.app.degradation.state.kind === "normal", 20_000);
    expect(await listRecorded()).toEqual(userIds(30, 0));
    expect(readReports()).toMatchObject([{ route: "archive", isComplete: true }]);
  }

  // Property 13 meets them all; torture goes through them with a whole bot, too.
  const names = process.env.RECOVERY_RUNS === undefined ? [] : Object.keys(damages);
  for (const name of names) {
    it(`${name}: everything comes back from the archive`, async () => {
      await prepare();
      damages[name]!(bot.databasePath);
      await expectEverythingBack();
    }, 90_000);
  }

  it("is not made empty while nothing brings it back, and comes back from the archive once that is there", async () => {
    await prepare();
    remove(bot.databasePath);
    const backups = join(bot.dataFolder, "backups");
    renameSync(backups, `${backups}.away`);
    await bot.startApp();
    expect(bot.app.degradation.state).toMatchObject({
      kind: "offline",
      reason: { code: "DATABASE_MISSING", hint: expect.stringContaining("begin anew") as string },
    });
    await bot.sandbox.waitFor(() => {
      endGraces();
      return bot.app.databaseRecovery!.status().state.kind === "failed";
    }, 20_000);
    expect(existsSync(bot.databasePath)).toBe(false);
    expect((await use("ping")).status).not.toBe("failed");
    await bot.stopApp();

    rmSync(backups, { recursive: true, force: true });
    renameSync(`${backups}.away`, backups);
    await expectEverythingBack();
  }, 60_000);
});
