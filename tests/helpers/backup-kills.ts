import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { listSnapshots } from "../../src/database/backup/snapshot-catalogue.ts";
import type { MaintenanceJob } from "../../src/database/maintenance/maintenance-job.ts";
import { ArchivedDatabase, ArchivedProcess, compareRows, NO_DIFFERENCE, type Comparison } from "./archived-process.ts";
import { until, withFolder } from "./database.ts";

/** What is going on when something is killed. */
const ACTIVITIES = ["checkpoints", "snapshot", "exchange", "seal", "prune", "restore"] as const;
type Activity = (typeof ACTIVITIES)[number];

/** Longer than a maintenance process needs to start and to do its job here. */
const KILL_WITHIN_MS = 600;
/** Of acknowledged writes, for what becomes of them to say something. */
export const ENOUGH_COUNT = 50;
const PATIENCE_MS = 60_000;

export interface KillFindings {
  /** The live database at the end, and the newest state in the backups, against all that was acknowledged. */
  readonly live: Comparison;
  readonly restored: Comparison;
  readonly warnings: readonly string[];
  /** Why generations began that no exchange of the database explains. */
  readonly gaps: readonly string[];
  readonly refused: readonly string[];
  readonly acknowledgedCount: number;
  /** Jobs that were killed before they were done, by kind. */
  readonly interrupted: Readonly<Record<string, number>>;
}

class KillRounds {
  readonly #database: ArchivedDatabase;
  readonly gaps: string[] = [];
  readonly refused: string[] = [];
  readonly interrupted: Record<string, number> = {};
  #generation = "";
  #isExchanged = false;

  constructor(database: ArchivedDatabase) {
    this.#database = database;
  }

  async run(round: number): Promise<void> {
    const activity = ACTIVITIES[round % ACTIVITIES.length]!;
    const process = await this.#start(round % 2 === 0 ? 100 : 0, activity === "checkpoints" ? 0 : 4);
    if (activity === "exchange" || activity === "restore") {
      await process.stop();
      await this.#restoreAndExchange(activity);
    } else {
      const jobs = this.#jobsOf(activity, process).map((job) => this.#runUntilKilled(job, pause(randomMs())));
      await Promise.all([...jobs, pause(randomMs())]);
      await process.kill();
    }
    this.#note(process);
  }

  /** Once more without a kill. */
  async finish(): Promise<void> {
    const process = await this.#start(100, 4);
    // On a slow disk so many may take longer than all the rounds.
    await until(() => this.#database.readAcknowledged().length > ENOUGH_COUNT, PATIENCE_MS);
    await process.stop();
    this.#note(process);
  }

  /** As the schedule does it: a generation needs a snapshot to start from. */
  async #start(intervalMs: number, pauseMs: number): Promise<ArchivedProcess> {
    const process = await ArchivedProcess.start(this.#database, { intervalMs, pauseMs });
    while (!process.status?.generation) await pause(10);
    const { generation, gap } = process.status;
    if (generation !== this.#generation) {
      if (this.#generation !== "" && !this.#isExchanged) this.gaps.push(gap ?? "no reason");
      const { snapshots } = await listSnapshots(this.#database.backups);
      if (snapshots[0]?.manifest.archive?.from.generation !== generation) {
        await this.#database.jobs.run(this.#database.snapshotJob());
      }
    }
    this.#generation = generation;
    this.#isExchanged = false;
    return process;
  }

  #note({ refused }: ArchivedProcess): void {
    this.refused.push(...refused);
  }

  #jobsOf(activity: Activity, { status }: ArchivedProcess): MaintenanceJob[] {
    const backupFolder = this.#database.backups;
    const { generation, segment } = status!;
    switch (activity) {
      case "snapshot":
        return [this.#database.snapshotJob()];
      case "seal":
        return [{ kind: "seal-segments", backupFolder, compression: "zstd", writing: { generation, segment } }];
      case "prune": {
        const policy = { newestCount: 1 };
        return [
          { kind: "prune-snapshots", backupFolder, policy, isDryRun: false },
          { kind: "prune-archive", backupFolder, isDryRun: false },
        ];
      }
      default:
        return [];
    }
  }

  async #restoreAndExchange(activity: "exchange" | "restore"): Promise<void> {
    const { path, backups, data, jobs } = this.#database;
    const restore: MaintenanceJob = {
      ...{ kind: "restore", databasePath: path, backupFolder: backups, target: { kind: "newest" } },
      isOffer: true,
    };
    if (activity === "restore") return this.#runUntilKilled(restore, pause(randomMs()));
    await jobs.run(restore);
    this.#isExchanged = true;
    const signs = [
      () => existsSync(`${path}.replacement`),
      () => existsSync(join(data, "quarantine")),
      () => !existsSync(path),
      () => !existsSync(`${path}.offered`) && !existsSync(`${path}.replacement`),
    ];
    const isNow = signs[Math.floor(Math.random() * signs.length)]!;
    const startedAt = Date.now();
    const seen = (async () => {
      while (!isNow() && Date.now() < startedAt + 5_000) await new Promise(setImmediate);
    })();
    const job: MaintenanceJob = {
      ...{ kind: "exchange-database", databasePath: path },
      quarantineFolder: join(data, "quarantine", String(startedAt)),
    };
    await this.#runUntilKilled(job, seen);
  }

  async #runUntilKilled(job: MaintenanceJob, moment: Promise<unknown>): Promise<void> {
    const { runner } = this.#database;
    let isDone = false;
    const killing = moment.then(() => {
      if (!isDone && runner.processId !== undefined) process.kill(runner.processId, "SIGKILL");
    });
    await runner.run(job).catch(() => (this.interrupted[job.kind] = (this.interrupted[job.kind] ?? 0) + 1));
    isDone = true;
    await killing;
  }
}

function randomMs(): number {
  return Math.random() * KILL_WITHIN_MS;
}

/** Kills the bot's process or a job of its backups in each round, and looks at the end for what was acknowledged. */
export function killAroundBackups(rounds: number): Promise<KillFindings> {
  return withFolder(async (folder) => {
    const database = new ArchivedDatabase(folder);
    const kills = new KillRounds(database);
    for (let round = 0; round < rounds; round++) await kills.run(round);
    await kills.finish();
    const acknowledged = database.readAcknowledged();
    const { path, warnings } = await database.restore({ kind: "newest" });
    return {
      live: compareRows(database.path, acknowledged),
      restored: compareRows(path, acknowledged),
      ...{ warnings, gaps: kills.gaps, refused: kills.refused, interrupted: kills.interrupted },
      acknowledgedCount: acknowledged.length,
    };
  });
}

export const NOTHING_LOST = { live: NO_DIFFERENCE, restored: NO_DIFFERENCE, warnings: [], gaps: [], refused: [] };

export interface LossFindings {
  readonly acknowledgedCount: number;
  /** For how long before the kill the ones that are missing had been acknowledged, milliseconds. */
  readonly missingForMs: readonly number[];
  readonly doubled: readonly string[];
}

/** Kills a process that writes, deletes everything but the backups, and restores the newest state from these. */
export function loseEverything(intervalMs: number, killAfterMs: number): Promise<LossFindings> {
  return withFolder(async (folder) => {
    const database = new ArchivedDatabase(folder);
    const process = await ArchivedProcess.start(database, { intervalMs, pauseMs: 4 });
    // One without an archive to go on with would be all that there is.
    while (!process.status?.generation) await pause(10);
    await database.jobs.run(database.snapshotJob());
    await pause(killAfterMs);
    await until(() => database.readAcknowledged().length > ENOUGH_COUNT, PATIENCE_MS);
    await process.kill();
    const killedAt = Date.now();
    rmSync(database.data, { recursive: true });
    const acknowledged = database.readAcknowledged();
    const { path } = await database.restore({ kind: "newest" });
    const { missing, doubled } = compareRows(path, acknowledged);
    const missed = new Set(missing);
    return {
      acknowledgedCount: acknowledged.length,
      missingForMs: acknowledged.filter(({ name }) => missed.has(name)).map(({ at }) => killedAt - at),
      doubled,
    };
  });
}
