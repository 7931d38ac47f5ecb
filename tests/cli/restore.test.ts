import { copyFileSync, cpSync, existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { askForYes } from "../../src/cli/confirmation.ts";
import { startTestBot } from "../helpers/bot.ts";
import { withFolder, withRawConnection } from "../helpers/database.ts";
import {
  addBulk,
  damageSnapshot,
  hasRestoreLeftovers,
  makeBotData,
  makeKilledBotData,
  readContent,
  untilFile,
  type BotData,
} from "./bot-data.ts";
import { runMuster, runMusterHere, startMuster } from "./run-muster.ts";

let data: BotData;
beforeAll(async () => {
  data = await makeBotData(await mkdtemp(join(tmpdir(), "muster-cli-")));
});
afterAll(() => rm(data.folder, { recursive: true, force: true }));

function withCopy(body: (folder: string, databasePath: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    cpSync(data.folder, folder, { recursive: true });
    await body(folder, join(folder, "muster.db"));
  });
}

function quarantined(folder: string): string[] {
  const quarantine = join(folder, "quarantine");
  const names = existsSync(quarantine) ? readdirSync(quarantine) : [];
  return names.map((name) => join(quarantine, name, "muster.db")).filter((path) => existsSync(path));
}

interface RestoreDocument {
  readonly plan: { readonly snapshotId: string; readonly warnings: readonly string[] };
  readonly outcome: { readonly quarantineFolder: string; readonly rows: Readonly<Record<string, number>> };
}

describe("muster restore", () => {
  it("brings back the newest state row by row, and keeps what was there", async () =>
    withCopy(async (folder, databasePath) => {
      withRawConnection(databasePath, (raw) => raw.exec("DELETE FROM audit_log"));
      const ruined = readContent(databasePath);
      const { code, stdout } = await runMuster(folder, ["restore", "--force", "--json"]);
      expect(code).toBe(0);
      const { outcome } = JSON.parse(stdout) as RestoreDocument;
      expect(readContent(databasePath)).toBe(data.lastContent);
      expect(outcome.rows.audit_log).toBe(3);
      expect(quarantined(folder)).toEqual([join(outcome.quarantineFolder, "muster.db")]);
      expect(readContent(quarantined(folder)[0]!)).toBe(ruined);
      expect(hasRestoreLeftovers(databasePath)).toBe(false);
      expect(statSync(databasePath).mode & 0o777).toBe(0o600);
    }));

  it("brings back a moment row by row, and says how it was understood and what was done", async () =>
    withCopy(async (folder, databasePath) => {
      const at = new Date(data.middleAt).toISOString();
      const { code, stdout, stderr } = await runMusterHere(folder, ["restore", "--at", at, "--force"]);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toContain(at);
      for (const word of ["Reaches:", "Without:", "Verified:", "quarantine", "Next:"]) expect(stdout).toContain(word);
      expect(readContent(databasePath)).toBe(data.middleContent);
    }));

  it("brings back a backup as it is", async () =>
    withCopy(async (folder, databasePath) => {
      expect((await runMusterHere(folder, ["restore", "--backup", data.snapshotId, "--force"])).code).toBe(0);
      const count = withRawConnection(databasePath, (raw) =>
        raw.prepare("SELECT count(*) FROM audit_log").pluck().get(),
      );
      expect(count).toBe(1);
    }));

  it("brings the database back when its folder is gone", async () =>
    withFolder(async (folder) => {
      cpSync(join(data.folder, "backups"), join(folder, "backups"), { recursive: true });
      const databasePath = join(folder, "data/muster.db");
      const { code, stdout } = await runMuster(folder, ["restore", "--force"], { DATABASE_PATH: databasePath });
      expect(code).toBe(0);
      expect(stdout).toContain("there was no database");
      expect(readContent(databasePath)).toBe(data.lastContent);
      expect(statSync(join(folder, "data")).mode & 0o777).toBe(0o700);
    }));

  it("is in the audit log after the next start, which makes a backup possible and another restore not", async () =>
    withCopy(async (folder) => {
      await runMusterHere(folder, ["restore", "--backup", data.snapshotId, "--force"]);
      const bot = await startTestBot({ dataFolder: folder });
      try {
        await bot.app.audit.sync();
        const { entries } = await bot.store.audit.list({ guildId: "", action: "backup.restore", limit: 10 });
        expect(entries).toMatchObject([{ target: data.snapshotId, actorId: "system", outcome: "success" }]);
        await expect(bot.app.backups!.manager.create({ reason: "manual" })).resolves.toMatchObject({ damage: null });

        // While it runs, another one is refused: it names the bot and what to do, and leaves everything.
        const setAside = quarantined(folder);
        const { code, stderr } = await runMuster(folder, ["restore", "--force"]);
        expect(code).toBe(1);
        expect(stderr).toContain(`process ${process.pid}`);
        expect(stderr).toContain("/dbbackup restore");
        expect(quarantined(folder)).toEqual(setAside);
      } finally {
        await bot.stop();
      }
    }));

  it("brings back what a killed bot had not archived yet, and goes back to it after another restore", async () =>
    withFolder(async (folder) => {
      const { archivedAt, databasePath } = await makeKilledBotData(folder);
      const looked = await runMusterHere(folder, ["restore", "--dry-run"]);
      expect(looked.stdout).not.toContain("Warning:");
      const earlier = await runMusterHere(folder, ["restore", "--at", new Date(archivedAt).toISOString(), "--force"]);
      expect(earlier.stdout).toContain("the folder named above can be deleted");
      expect(readContent(databasePath)).toBe('[["note",["[1]"]]]');
      expect((await runMusterHere(folder, ["restore", "--force"])).code).toBe(0);
      expect(readContent(databasePath)).toBe('[["note",["[1]","[2]"]]]');
    }));

  it("says what to do when the present database may have what no backup has, and what to keep then", async () =>
    withFolder(async (folder) => {
      const { segmentPath } = await makeKilledBotData(folder);
      rmSync(segmentPath);
      const { code, stdout } = await runMusterHere(folder, ["restore", "--force"]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/Warning: .*may have changes that no backup has: .*npm run muster -- backup create/);
      expect(stdout).toContain("Keep the folder named above");
      expect(stdout).not.toContain("can be deleted");
    }));

  it("changes nothing with --dry-run", async () =>
    withCopy(async (folder, databasePath) => {
      const before = readdirSync(folder).sort();
      const { code, stdout } = await runMusterHere(folder, ["restore", "--dry-run", "--json"]);
      expect(code).toBe(0);
      expect((JSON.parse(stdout) as RestoreDocument).plan.snapshotId).toBe(data.snapshotId);
      expect(readdirSync(folder).sort()).toEqual(before);
      expect(readContent(databasePath)).toBe(data.lastContent);
    }));

  it("says that a recovered database is offered, and sets it aside; what another restore had prepared goes", async () =>
    withCopy(async (folder, databasePath) => {
      const look = async (): Promise<string> => (await runMusterHere(folder, ["restore", "--dry-run"])).stdout;
      copyFileSync(databasePath, `${databasePath}.prepared`);
      expect(await look()).not.toContain("offers a database");
      copyFileSync(databasePath, `${databasePath}.offered`);
      expect(await look()).toMatch(/Warning: +The bot offers a database that it recovered .*DB_AUTO_RECOVER=true/);
      const { stdout } = await runMusterHere(folder, ["restore", "--force"]);
      expect(stdout).toContain("it is kept with the former one");
      expect(hasRestoreLeftovers(databasePath)).toBe(false);
      expect(existsSync(`${quarantined(folder)[0]!}.offered`)).toBe(true);
    }));

  it("finishes what a crash left before it begins, so that no copy is lost", async () =>
    withCopy(async (folder, databasePath) => {
      renameSync(databasePath, `${databasePath}.replacement`);
      expect(
        (await runMusterHere(folder, ["restore", "--at", new Date(data.middleAt).toISOString(), "--force"])).code,
      ).toBe(0);
      expect(quarantined(folder).map(readContent)).toEqual([data.lastContent]);
      expect(readContent(databasePath)).toBe(data.middleContent);
    }));

  it("leaves everything as it was when the backup is damaged, with message and hint", async () =>
    withCopy(async (folder, databasePath) => {
      await damageSnapshot(folder, data.snapshotId);
      const { code, stderr } = await runMusterHere(folder, ["restore", "--force"]);
      expect(code).toBe(1);
      expect(stderr).toContain(data.snapshotId);
      expect(stderr).not.toContain("    at ");
      expect(readContent(databasePath)).toBe(data.lastContent);
      expect(hasRestoreLeftovers(databasePath)).toBe(false);
      expect(quarantined(folder)).toEqual([]);
    }));

  it("leaves everything as it was on Ctrl-C", async () =>
    withCopy(async (folder, databasePath) => {
      addBulk(databasePath);
      const large = await runMusterHere(folder, ["backup", "create", "--json"]);
      const { id } = JSON.parse(large.stdout) as { id: string };
      const { child, result } = startMuster(folder, ["restore", "--backup", id, "--force"]);
      await untilFile(child, () => existsSync(`${databasePath}.restoring`));
      child.kill("SIGINT");
      expect(await result).toMatchObject({
        ...{ code: 1, stderr: expect.stringContaining("everything is as it was") as string },
      });
      expect(hasRestoreLeftovers(databasePath)).toBe(false);
      expect(quarantined(folder)).toEqual([]);
      expect(existsSync(join(folder, "audit-fallback.ndjson"))).toBe(false);
    }));

  it.each([
    [["restore"], "--force"],
    [["restore", "--at", "some day", "--force"], "not understood"],
    [["restore", "--at", "yesterday", "--force"], "not understood"],
    [["restore", "--at", "2026-02-30T10:00Z", "--force"], "not understood"],
    [["restore", "--at", "in 3 hours", "--force"], "yet to come"],
    [["restore", "--at", "today", "--backup", "00000000"], "cannot be used with"],
  ])("ends %j with 2", async (args, text) => {
    expect(await runMusterHere(data.folder, args)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(text) as string,
    });
  });

  it.each([
    [["restore"], 2, "--force"],
    [["restore", "--backup", "00000000", "--force"], 1, "What can be restored"],
    [["restore", "--at", "2020-01-01T00:00:00Z", "--force"], 1, "What can be restored"],
  ])("ends %j with %i, and leaves everything as it was", async (args, code, text) => {
    const result = await runMusterHere(data.folder, args);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(text);
    expect(readContent(data.databasePath)).toBe(data.lastContent);
  });
});

describe("the question before a restore", () => {
  const ask = async (answer: string): Promise<boolean> => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    input.end(answer);
    return askForYes("Sure?", new AbortController().signal, { input, output });
  };

  it.each([
    ["yes\n", true],
    [" YES \n", true],
    ["y\n", false],
    ["\n", false],
    ["no\nyes\n", false],
    ["", false],
  ])("takes %j for %s", async (answer, isYes) => expect(await ask(answer)).toBe(isYes));

  it("ends with Ctrl-C", async () => {
    const interruption = new AbortController();
    const answer = askForYes("Sure?", interruption.signal, { input: new PassThrough(), output: new PassThrough() });
    interruption.abort(new Error("stopped"));
    await expect(answer).rejects.toThrow();
  });
});
