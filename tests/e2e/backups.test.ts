import { execFileSync } from "node:child_process";
import { MusterError } from "../../src/core/errors.ts";
import { SYSTEM_CHAIN } from "../../src/store/audit.ts";
import { startTestBot, type TestBot } from "../helpers/bot.ts";
import { createJobsBesideBot } from "../helpers/jobs-here.ts";

const CHECK = "✅";

let bot: TestBot;
beforeEach(async () => {
  bot = await startTestBot({ createMaintenance: createJobsBesideBot });
});
afterEach(async () => {
  await bot.stop();
});

async function createEvent(title: string): Promise<void> {
  const outcome = await bot
    .as(bot.ids.moderatorId)
    .command("event create", { title, every: "1h" }, { channelId: bot.channelId });
  await outcome.settled();
}

async function listTitles(): Promise<string[]> {
  const { events } = await bot.store.events.list({ guildId: bot.guildId, state: "all", limit: 25 });
  return events.map(({ title }) => title).sort();
}

const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));

describe("backups of a running bot", () => {
  it("bring back a moment of the past, and the newest state, while the bot goes on", async () => {
    const backups = bot.app.backups!;
    await createEvent("before the backup");
    const manifest = await backups.manager.create({ reason: "manual", comment: "first" });
    expect(manifest.rows).toMatchObject({ event: 1 });
    expect(manifest.archive?.from.generation).toBe(bot.app.engine.archiveStatus?.generation);
    await createEvent("after the backup");
    const moment = Date.now();
    await pause(20);
    await createEvent("a mistake");
    expect(await listTitles()).toEqual(["a mistake", "after the backup", "before the backup"]);

    const outcome = await backups.restorer.restore({ kind: "instant", at: moment });
    expect(outcome.warnings).toEqual([]);
    expect(outcome.reachedAt).toBeLessThanOrEqual(moment);
    expect(await listTitles()).toEqual(["after the backup", "before the backup"]);

    // The bot goes on with the restored one: what is asked and answered now counts.
    await createEvent("after the restore");
    const [member] = bot.ids.memberIds as [string];
    const { events } = await bot.store.events.list({ guildId: bot.guildId, state: "open", limit: 25 });
    const event = events.find(({ title }) => title === "after the restore")!;
    await bot.as(member).react(event.channelId, event.messageId, CHECK);
    await bot.sandbox.waitFor(
      async () => (await bot.store.reactions.list({ guildId: bot.guildId, eventId: event.id })).length === 1,
    );

    // It is not complete until the archive has a backup to start from again, and says so.
    expect(await backups.manager.drill()).toMatchObject({ isComplete: false });

    // A restored database begins a generation of the archive, which needs a backup to start from.
    await backups.manager.create({ reason: "new-generation" });
    await createEvent("the last one");
    expect(await backups.manager.drill()).toMatchObject({ isComplete: true, skipped: [], warnings: [] });
    expect(await backups.canary.measure()).toBeLessThan(3_000);
    const newest = await backups.restorer.restore({ kind: "newest" });
    expect(newest.skipped).toEqual([]);
    expect(await listTitles()).toEqual(["after the backup", "after the restore", "before the backup", "the last one"]);
  }, 60_000);

  it("mend a byte that the disk has changed inside a value, which no check of SQLite's sees, while the bot goes on", async () => {
    await createEvent("what was written");
    await bot.restart();
    const { backups, engine, integrity } = bot.app;
    const { id } = await backups!.manager.create({ reason: "manual" });
    expect(await backups!.scrubber.scrub()).toMatchObject({ kind: "sound", result: { damagedPages: [] } });
    const generation = engine.archiveStatus?.generation;

    // While the check of the start runs, whoever asks for another gets its result.
    await bot.sandbox.waitFor(() => integrity.last !== undefined, 30_000);
    changeOnDisk(bot.databasePath, "what was written", "what was wrotten");
    // As the check that is scheduled each night.
    const result = await integrity.check("scheduled");

    expect(result).toMatchObject({ outcome: "repaired", findings: [expect.stringMatching(/^pages that were not/)] });
    expect(await listTitles()).toEqual(["what was written"]);
    expect(bot.app.recovery.list({ action: "repair-pages" })).toMatchObject([{ outcome: "succeeded" }]);
    await createEvent("afterwards");
    expect(await listTitles()).toEqual(["afterwards", "what was written"]);
    // The archive goes on where it was, and the newest state can be restored from the backup of before.
    await bot.sandbox.waitFor(() => (engine.archiveStatus?.generation ?? "") !== "", 30_000);
    expect(engine.archiveStatus?.generation).toBe(generation);
    expect(await backups!.manager.drill()).toMatchObject({ isComplete: true, warnings: [], snapshotId: id });
    const entries = await bot.store.audit.list({ guildId: SYSTEM_CHAIN, limit: 25 });
    expect(entries.entries.map(({ action }) => action)).toContain("integrity.pages-repaired");

    // In the text of a table's definition, where it looks like another program's database.
    changeOnDisk(bot.databasePath, "users_notified", "users_notifiee");
    engine.reconnect(new MusterError("DATABASE_UNAVAILABLE", "use the database: somebody wants it opened anew"));
    await bot.sandbox.waitFor(() => bot.app.recovery.list({ action: "repair-pages" }).length === 2, 30_000);
    await bot.sandbox.waitFor(() => bot.app.degradation.state.kind === "normal", 30_000);
    expect(await listTitles()).toEqual(["afterwards", "what was written"]);
  }, 60_000);

  it("have a page mended that the next backup is the first to read", async () => {
    await createEvent("what was written");
    await bot.app.backups!.manager.create({ reason: "manual" });
    // Its end has moved all of the log to the file.
    await bot.restart();
    const { backups, degradation, integrity, recovery } = bot.app;
    await bot.sandbox.waitFor(() => integrity.last !== undefined, 30_000);
    changeOnDisk(bot.databasePath, "what was written", "\0".repeat(4096), 4096);
    await expect(backups!.manager.create({ reason: "manual" })).rejects.toMatchObject({ code: "BACKUP_FAILED" });
    // From the archive, page by page, or altogether where that cannot tell at this moment.
    const isMended = (): boolean =>
      recovery
        .list({})
        .some(({ action, outcome }) => ["repair-pages", "recover"].includes(action) && outcome === "succeeded");
    await bot.sandbox.waitFor(() => isMended() && degradation.state.kind === "normal", 30_000);
    await backups!.manager.create({ reason: "manual" });
    expect(await listTitles()).toEqual(["what was written"]);
  }, 60_000);
});

describe("a moment at which an index was damaged", () => {
  it("is restored with all its rows, and the index rebuilt", async () => {
    const { backups, engine } = bot.app;
    await createEvent("before the backup");
    await backups!.manager.create({ reason: "manual" });
    await createEvent("after the backup");
    emptyIndex(bot.databasePath, "event_guild");
    await engine.flushArchive();
    const at = Date.now();
    const outcome = await backups!.restorer.restore({ kind: "instant", at });
    expect(outcome.warnings).toContain("The index event_guild was damaged at that moment, and was rebuilt.");
    expect(await listTitles()).toEqual(["after the backup", "before the backup"]);
  }, 60_000);
});

describe("a moment at which a table was damaged", () => {
  it("is restored up to shortly before it became so, and not to the last backup alone", async () => {
    const { backups, engine } = bot.app;
    await createEvent("before the backup");
    await backups!.manager.create({ reason: "manual" });
    for (const number of [1, 2, 3]) await createEvent(`after the backup ${number}`);
    await engine.flushArchive();
    loseTable(bot.databasePath, "flag");
    await engine.flushArchive();
    const outcome = await backups!.restorer.restore({ kind: "instant", at: Date.now() });
    expect(outcome.skipped[0]).toMatch(/with the archive .* up to .* gives a database that is not sound/);
    expect(outcome.warnings).toContainEqual(expect.stringMatching(/cannot be restored: .* not sound/));
    expect(outcome.appliedSegmentCount).toBeGreaterThan(0);
    const titles = await listTitles();
    expect(titles).toEqual(expect.arrayContaining(["after the backup 1", "after the backup 2", "before the backup"]));
  }, 60_000);
});

/** As a bit that changed in the page which says where a table is, and which was then written once more. */
function loseTable(path: string, name: string): void {
  const script = `
    const Database = require("better-sqlite3");
    const [path, name] = JSON.parse(process.argv[1]);
    const database = new Database(path);
    database.unsafeMode().pragma("writable_schema = 1");
    database.exec("UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'guild') WHERE name = '" + name + "'");
    database.close();`;
  execFileSync(process.execPath, ["-e", script, JSON.stringify([path, name])], { cwd: import.meta.dirname });
}

/** As a bit that changed in a page of it, which was then written once more: its entries are gone, and the archive has that. */
function emptyIndex(path: string, name: string): void {
  const script = `
    const Database = require("better-sqlite3");
    const [path, name] = JSON.parse(process.argv[1]);
    const change = (sql) => {
      const database = new Database(path);
      database.unsafeMode().pragma("writable_schema = 1");
      database.exec(sql);
      database.close();
    };
    change("UPDATE sqlite_schema SET sql = sql || ' WHERE 0' WHERE name = '" + name + "'");
    change("REINDEX " + name);
    change("UPDATE sqlite_schema SET sql = replace(sql, ' WHERE 0', '') WHERE name = '" + name + "'");`;
  execFileSync(process.execPath, ["-e", script, JSON.stringify([path, name])], { cwd: import.meta.dirname });
}

/**
 * Wherever it stands in the file, or from the multiple of `step` before it on; from another process, because closing the
 * file in this one would take the locks of the bot's.
 */
function changeOnDisk(path: string, text: string, other: string, step = 1): void {
  const script = `
    const { openSync, readFileSync, writeSync } = require("node:fs");
    const [path, text, other, step] = JSON.parse(process.argv[1]);
    const content = readFileSync(path), file = openSync(path, "r+");
    let count = 0;
    for (let at = content.indexOf(text); at >= 0; at = content.indexOf(text, at + 1)) {
      writeSync(file, other, at - (at % step));
      count++;
    }
    if (count === 0) throw new Error("it is not in the file");`;
  execFileSync(process.execPath, ["-e", script, JSON.stringify([path, text, other, step])]);
}
