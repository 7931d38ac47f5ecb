import { cpSync, existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { acquireInstanceLock } from "../../src/database/sqlite/instance-lock.ts";
import { openTestStore, withFolder, withRawConnection } from "../helpers/database.ts";
import { runMuster, runMusterHere } from "./run-muster.ts";

let template: string;
beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), "muster-cli-"));
  const store = await openTestStore({ folder: template, file: "muster.db" });
  await store.close();
  withRawConnection(store.path, (raw) => {
    raw.exec("INSERT INTO guild (id, name, created_at, updated_at) VALUES ('1', 'Server', 0, 0)");
  });
});
afterAll(() => rm(template, { recursive: true, force: true }));

/** A copy of a database as the bot leaves it, with a server in it. */
async function withData(body: (folder: string, path: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    cpSync(template, folder, { recursive: true });
    await body(folder, join(folder, "muster.db"));
  });
}

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

describe("muster migrate", () => {
  it("lists what is applied, and says what differs, with 1 for what is wrong", async () => {
    await withData(async (folder, path) => {
      const sound = await runMusterHere(folder, ["migrate", "status", "--json"]);
      expect(sound.code).toBe(0);
      expect(json(sound.stdout)).toMatchObject({ path, version: 2, latestVersion: 2, pending: [] });
      expect(json(sound.stdout).applied).toMatchObject([
        {
          version: 1,
          checksum: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
          appliedAt: expect.any(Number) as number,
        },
        { version: 2 },
      ]);

      withRawConnection(path, (raw) =>
        raw.exec("DROP INDEX event_due; CREATE VIEW mine AS SELECT 1; CREATE TABLE x (a)"),
      );
      const wrong = await runMusterHere(folder, ["migrate", "status"]);
      expect(wrong.code).toBe(1);
      expect(wrong.stdout).toContain("The database has version 2 of 2.");
      expect(wrong.stdout).toContain("WRONG: table x is unexpected");
      expect(wrong.stdout).toContain("index event_due is missing: the next start makes it again");
      expect(wrong.stdout).toContain("view mine is unexpected: it may stay");
    });
  });

  it("takes the newest version back after a backup, tests and applies it again", async () => {
    await withData(async (folder, path) => {
      const newest = await runMusterHere(folder, ["migrate", "down", "--json"]);
      expect(json(newest.stdout)).toMatchObject({ from: 2, to: 1, versions: [2] });
      const refused = await runMusterHere(folder, ["migrate", "down"]);
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("give --to 0") as string]);
      // The database, its backup and their processes, all as an operator has them.
      const down = await runMuster(folder, ["migrate", "down", "--to", "0", "--json"]);
      expect(down).toMatchObject({ code: 0 });
      const { backupId, ...result } = json(down.stdout);
      expect(result).toEqual({ from: 1, to: 0, versions: [1] });
      const snapshots = await readdir(join(folder, "backups/snapshots"));
      expect(snapshots.some((name) => name.endsWith(`${String(backupId)}.json`))).toBe(true);
      const tested = await runMusterHere(folder, ["migrate", "test", "--json"]);
      expect(tested.code).toBe(0);
      expect(json(tested.stdout)).toMatchObject({ from: 0, to: 2, applied: [{ version: 1 }, { version: 2 }] });
      expect((await readdir(folder)).filter((name) => name.includes("migration-test"))).toEqual([]);
      withRawConnection(path, (raw) => {
        expect(raw.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'guild'").all()).toEqual([]);
      });

      expect(await runMusterHere(folder, ["migrate", "up"])).toMatchObject({
        code: 0,
        stdout: "Migrated from version 0 to 2.\n",
      });
    });
  });

  it("refuses to change a database that a bot holds, and says what is there meanwhile", async () => {
    await withData(async (folder, path) => {
      const lock = acquireInstanceLock({ path: join(folder, "muster.lock"), clock: systemClock });
      try {
        const { code, stderr } = await runMusterHere(folder, ["migrate", "down"]);
        expect([code, stderr]).toEqual([1, expect.stringContaining("a bot is running on this data") as string]);
        expect(stderr).toContain("Stop the bot first");
        expect(await runMusterHere(folder, ["migrate", "test"])).toMatchObject({ code: 0 });
      } finally {
        lock.release();
      }
      expect(withRawConnection(path, (raw) => raw.prepare("SELECT id FROM guild").all())).toEqual([{ id: "1" }]);
      expect(existsSync(join(folder, "backups/snapshots"))).toBe(false);
    });
  });

  it("ends with 2 for a version that is none, and with 1 for one that cannot be gone back to", async () => {
    await withData(async (folder) => {
      expect(await runMusterHere(folder, ["migrate", "down", "--to", "one"])).toMatchObject({ code: 2 });
      const { code, stderr } = await runMusterHere(folder, ["migrate", "down", "--to", "2"]);
      expect([code, stderr]).toEqual([1, expect.stringContaining("the database has version 2") as string]);
    });
  });
});
