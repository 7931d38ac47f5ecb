import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import type { RecoveryReport } from "../../../src/database/backup/recovery-report.ts";
import { startTestBot, type TestBot, type TestBotOptions } from "../../helpers/bot.ts";
import { createJobsBesideBot } from "../../helpers/jobs-here.ts";

let bot: TestBot;
async function startBot(settings: Record<string, string> = {}, options: TestBotOptions = {}): Promise<void> {
  bot = await startTestBot({ settings: { DB_INTEGRITY_SCHEDULE: "0 4 * * *", ...settings }, ...options });
}
/** Where what is asked meanwhile is not the matter. */
const JOBS_HERE = { createMaintenance: createJobsBesideBot };

afterEach(async () => {
  await bot.stop();
});

/** Something that Discord knows nothing of: what members answered is reconciled, and would come back from there. */
async function record(userId: string): Promise<void> {
  await bot.store.users.setReminderMode({ guildId: bot.guildId, id: userId, username: null, mode: "dm" });
}

async function listRecorded(): Promise<string[]> {
  const modes = await bot.store.users.listReminderModes({ guildId: bot.guildId });
  return modes.map(({ id }) => id).sort();
}

/** In another process: closing the file in this one would drop SQLite's locks. */
function overwritePages(path: string, firstPage: number): void {
  const script = `const fs = require("node:fs"); const h = fs.openSync(process.argv[1], "r+"); const size = fs.fstatSync(h).size;
    for (let at = ${firstPage - 1} * 4096; at < size; at += 4096) fs.writeSync(h, Buffer.alloc(4096, 0xa5), 0, 4096, at);
    fs.fsyncSync(h);`;
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
    await startBot();
    for (const id of userIds(200, 0)) await record(id);
    await bot.app.backups!.manager.create({ reason: "manual" });
    const expected = new Set(userIds(200, 0));
    // So that what follows is in the file, and in nobody's cache.
    await bot.restart();
    for (const id of userIds(50, 1_000)) await record(id).then(() => expected.add(id));
    overwritePages(bot.databasePath, 2);
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
  const damages: Record<string, (path: string) => void> = {
    "pages overwritten": (path) => overwritePages(path, 2),
    "header overwritten": (path) => overwritePages(path, 1),
    "cut off": (path) => truncateSync(path, 4096 * 3 + 100),
    emptied: (path) => truncateSync(path, 0),
    deleted: (path) => ["", "-wal", "-shm"].forEach((suffix) => rmSync(path + suffix, { force: true })),
  };
  // Property 13 meets them all; torture goes through them with a whole bot, too.
  const names = process.env.RECOVERY_RUNS === undefined ? ["deleted"] : Object.keys(damages);
  for (const [name, damage] of Object.entries(damages).filter(([name]) => names.includes(name))) {
    it(`${name}: everything comes back from the archive`, async () => {
      await startBot({}, JOBS_HERE);
      await bot.app.backups!.manager.create({ reason: "manual" });
      for (const id of userIds(30, 0)) await record(id);
      await bot.stopApp();
      damage(bot.databasePath);
      await bot.startApp();
      await bot.sandbox.waitFor(() => readReports().length === 1, 30_000);
      await bot.sandbox.waitFor(() => bot.app.degradation.state.kind === "normal", 20_000);
      expect(await listRecorded()).toEqual(userIds(30, 0));
      expect(readReports()).toMatchObject([{ route: "archive", isComplete: true }]);
    }, 90_000);
  }

  it("waits for a person when it may not recover by itself, and takes its place when it is accepted", async () => {
    await startBot({ DB_AUTO_RECOVER: "false" }, JOBS_HERE);
    await bot.app.backups!.manager.create({ reason: "manual" });
    for (const id of userIds(10, 0)) await record(id);
    await bot.stopApp();
    overwritePages(bot.databasePath, 2);
    await bot.startApp();
    const recovery = bot.app.databaseRecovery!;
    await bot.sandbox.waitFor(() => recovery.status().state.kind === "offered", 30_000);
    expect(recovery.status().state).toMatchObject({
      offer: { isComplete: true, warnings: [expect.stringContaining("changed the database's files") as string] },
    });
    expect(existsSync(`${bot.databasePath}.offered`)).toBe(true);
    expect(bot.app.degradation.state.kind).toBe("offline");
    expect(readReports()).toEqual([]);
    expect(await recovery.accept()).toMatchObject({ route: "archive", isComplete: true });
    await bot.sandbox.waitFor(() => bot.app.degradation.state.kind === "normal", 20_000);
    expect(await listRecorded()).toEqual(userIds(10, 0));
  }, 60_000);

  it("makes no empty database where there was one and nothing brings it back, and says how to go on", async () => {
    await startBot({}, JOBS_HERE);
    await record("300000000000000000");
    await bot.stopApp();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(bot.databasePath + suffix, { force: true });
    rmSync(join(bot.dataFolder, "backups"), { recursive: true, force: true });
    await bot.startApp();
    expect(bot.app.degradation.state).toMatchObject({
      kind: "offline",
      reason: { code: "DATABASE_MISSING", hint: expect.stringContaining("begin anew") as string },
    });
    await bot.sandbox.waitFor(() => bot.app.databaseRecovery!.status().state.kind === "failed", 20_000);
    expect(existsSync(bot.databasePath)).toBe(false);
    expect((await use("ping")).status).not.toBe("failed");
  }, 60_000);
});
