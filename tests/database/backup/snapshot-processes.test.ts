import { fork, type ChildProcess } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { systemClock } from "../../../src/core/clock.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { getSnapshot, listSnapshots } from "../../../src/database/backup/snapshot-catalogue.ts";
import { cleanSnapshotLeftovers } from "../../../src/database/backup/snapshot-files.ts";
import { snapshotFolderOf } from "../../../src/database/backup/snapshot-manifest.ts";
import { decodeFile } from "../../../src/database/backup/stored-file.ts";
import { verifySnapshot } from "../../../src/database/backup/verify-snapshot.ts";
import { MaintenanceRunner } from "../../../src/database/maintenance/maintenance-runner.ts";
import { until, withFolder } from "../../helpers/database.ts";
import { bodyOf, jobFor, openSample } from "./snapshot-rig.ts";

const WRITER = fileURLToPath(new URL("./write-steadily.ts", import.meta.url));
const HOUR_MS = 3_600_000;
/** More than one step of the copy. */
const ROW_COUNT = 50_000;
const KILL_COUNT = 6;

interface Writer {
  readonly process: ChildProcess;
  readonly lastId: () => number;
  stop(): Promise<void>;
}

function startWriter(path: string): Writer {
  const process = fork(WRITER, [path, String(ROW_COUNT + 1)], { execArgv: [] });
  let lastId = ROW_COUNT;
  process.on("message", (id) => (lastId = Number(id)));
  const exited = new Promise<void>((resolve) => process.once("exit", () => resolve()));
  return {
    ...{ process, lastId: () => lastId },
    stop: () => {
      process.kill("SIGKILL");
      return exited;
    },
  };
}

/** The sample, a process that writes into it, and a runner of jobs; all gone at the end. */
async function withWriter(
  body: (rig: { folder: string; backupFolder: string; writer: Writer; runner: MaintenanceRunner }) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    openSample(join(folder, "sample.db"), ROW_COUNT).close();
    const writer = startWriter(join(folder, "sample.db"));
    const runner = new MaintenanceRunner({ clock: systemClock, logger: silentLogger });
    try {
      await until(() => writer.lastId() > ROW_COUNT);
      await body({ folder, backupFolder: join(folder, "backups"), writer, runner });
    } finally {
      await runner.stop();
      await writer.stop();
    }
  });
}

describe("a snapshot made while another process writes", () => {
  it("is one state of the database, row by row, and no older than the job", async () => {
    await withWriter(async ({ folder, backupFolder, writer, runner }) => {
      for (const compression of ["zstd", "none"] as const) {
        const idBefore = writer.lastId();
        const { manifest } = await runner.run(jobFor(folder, { compression }));
        await until(() => writer.lastId() > idBefore + 10);
        const { dataPath } = await getSnapshot(backupFolder, manifest.id);
        const target = join(folder, `restored-${compression}.db`);
        await decodeFile(dataPath, { compression, isEncrypted: false, key: undefined, target });
        const copy = new Database(target, { readonly: true });
        const rows = copy.prepare<[], { id: number; body: string }>("SELECT id, body FROM row ORDER BY id").all();
        const total = copy.prepare("SELECT row_count FROM total").pluck().get();
        copy.close();
        expect(rows.length).toBeGreaterThanOrEqual(idBefore);
        expect(rows.findIndex(({ id, body }, index) => id !== index + 1 || body !== bodyOf(id))).toBe(-1);
        expect(total).toBe(rows.length);
        expect(manifest.rows).toMatchObject({ row: rows.length });
      }
    });
  });

  it("counts only if it is sound, at whatever moment its process is killed", async () => {
    await withWriter(async ({ folder, backupFolder, runner }) => {
      const job = jobFor(folder, { comment: "a test" });
      const startedAt = performance.now();
      await runner.run(job);
      const durationMs = performance.now() - startedAt;
      let killedCount = 0;
      for (let kill = 0; kill < KILL_COUNT; kill++) {
        const unwanted = new AbortController();
        const running = runner.run(job, { signal: unwanted.signal }).catch(() => killedCount++);
        // Not before it is at work: from a third of the time, in even steps, so that every step of it is met.
        await sleep(durationMs * (0.3 + (0.8 * kill) / KILL_COUNT));
        unwanted.abort();
        await running;
        const { problems } = await listSnapshots(backupFolder);
        expect(problems.filter(({ kind }) => kind !== "data-without-manifest")).toEqual([]);
      }
      expect(killedCount).toBeGreaterThan(0);
      await cleanSnapshotLeftovers(backupFolder, Date.now() + 2 * HOUR_MS);
      const { snapshots, problems } = await listSnapshots(backupFolder);
      expect(problems).toEqual([]);
      expect(readdirSync(snapshotFolderOf(backupFolder)).length).toBe(2 * snapshots.length);
      for (const { manifest } of snapshots) {
        const verdict = await verifySnapshot(
          { kind: "verify-snapshot", backupFolder, id: manifest.id },
          () => undefined,
        );
        expect(verdict).toMatchObject({ outcome: "sound" });
      }
    });
  });
});
