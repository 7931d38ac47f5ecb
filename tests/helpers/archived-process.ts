import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { CreateSnapshotJob } from "../../src/database/backup/create-snapshot.ts";
import { executeRestore, type RestoreResult } from "../../src/database/backup/execute-restore.ts";
import type { RestoreTarget } from "../../src/database/backup/restore-facts.ts";
import { MaintenanceRunner } from "../../src/database/maintenance/maintenance-runner.ts";
import type { ArchiveStatus } from "../../src/database/sqlite/wal-archive.ts";
import { until, withRawConnection } from "./database.ts";
import { JobsHere } from "./jobs-here.ts";
import { silentProgress } from "./silent-progress.ts";

export type ArchivedReport =
  | { readonly kind: "started" }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "status"; readonly status: ArchiveStatus | undefined };

const SCRIPT = fileURLToPath(new URL("./archived-load.ts", import.meta.url));
/** Each process counts from a number of its own. */
const NUMBERS_PER_PROCESS = 1_000_000;
/** The kernel's clock for files goes in ticks. */
const FILE_CLOCK_MS = 10;

export interface Acknowledged {
  readonly name: string;
  readonly at: number;
}

/** A time for which it is not known what was acknowledged: what a kill interrupted, between two copies to the archive. */
export interface BlindSpan {
  readonly from: number;
  readonly to: number;
}

export interface Comparison {
  /** Acknowledged by the moment, and not there. */
  readonly missing: readonly string[];
  /** There, though asked for only after the moment. */
  readonly early: readonly string[];
  /** There more than once, or in one table only. */
  readonly doubled: readonly string[];
}

export const NO_DIFFERENCE: Comparison = { missing: [], early: [], doubled: [] };

/** Folders of an archived database, what its processes have acknowledged, and the jobs on its backups. */
export class ArchivedDatabase {
  readonly data: string;
  readonly backups: string;
  readonly journal: string;
  readonly runner = new MaintenanceRunner({ clock: systemClock, logger: silentLogger });
  /** For jobs that nobody kills: the database is open in other processes only. */
  readonly jobs = new JobsHere();
  readonly blindSpans: BlindSpan[] = [];
  processCount = 0;
  readonly #restored: string;

  constructor(folder: string) {
    this.data = join(folder, "data");
    this.backups = join(folder, "backups");
    this.journal = join(folder, "journal");
    this.#restored = join(folder, "restored");
    for (const path of [this.data, join(this.backups, "wal"), this.#restored]) mkdirSync(path, { recursive: true });
  }

  get path(): string {
    return join(this.data, "test.db");
  }

  readAcknowledged(): Acknowledged[] {
    if (!existsSync(this.journal)) return [];
    const lines = readFileSync(this.journal, "utf8").split("\n");
    // The last one is unfinished or empty.
    return lines.slice(0, -1).map((line) => {
      const [name = "", at = ""] = line.split(" ");
      return { name, at: Number(at) };
    });
  }

  snapshotJob(): CreateSnapshotJob {
    return {
      ...{ kind: "create-snapshot", databasePath: this.path, backupFolder: this.backups, reason: "manual" },
      ...{ comment: "", compression: "none", hasArchive: true },
    };
  }

  /** In this process, which has no connection to the database, and beside it. */
  restore(target: RestoreTarget): Promise<RestoreResult> {
    const databasePath = join(this.#restored, "test.db");
    return executeRestore({ kind: "restore", databasePath, backupFolder: this.backups, target }, silentProgress);
  }

  /** Restores a moment and compares it row by row with what was acknowledged by then. */
  async compareAt(
    at: number,
    acknowledged: readonly Acknowledged[],
  ): Promise<Comparison & { warnings: readonly string[] }> {
    const { path, warnings } = await this.restore({ kind: "instant", at });
    const blind = this.blindSpans.find((span) => span.from <= at && at <= span.to);
    const wanted = acknowledged.filter((one) => one.at <= (blind?.from ?? at));
    return { ...compareRows(path, wanted, at + (blind ? FILE_CLOCK_MS : 0)), warnings };
  }
}

/** The rows of a database file against what must be there, and the last moment at which the others were asked for. */
export function compareRows(path: string, wanted: readonly Acknowledged[], at = Infinity): Comparison {
  return withRawConnection(path, (raw) => {
    const rows = raw
      .prepare<[], { name: string; value: number; entries: number; at: number }>(
        `SELECT counter.name, value, count(ledger.id) AS entries, max(ledger.at) AS at
        FROM counter LEFT JOIN ledger ON ledger.name = counter.name GROUP BY counter.name`,
      )
      .all();
    const present = new Set(rows.map(({ name }) => name));
    return {
      missing: wanted.filter(({ name }) => !present.has(name)).map(({ name }) => name),
      early: rows.filter((row) => row.at > at).map(({ name }) => name),
      doubled: rows.filter(({ value, entries }) => value !== 1 || entries !== 1).map(({ name }) => name),
    };
  });
}

export interface ArchivedProcessOptions {
  readonly intervalMs: number;
  /** Between the writes of each of its writers. Default 4. */
  readonly pauseMs?: number;
}

/** A process that writes, archives and notes what is acknowledged. */
export class ArchivedProcess {
  readonly refused: string[] = [];
  readonly statuses: ArchiveStatus[] = [];
  readonly #database: ArchivedDatabase;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #intervalMs: number;
  #isStarted = false;

  static async start(database: ArchivedDatabase, options: ArchivedProcessOptions): Promise<ArchivedProcess> {
    const started = new ArchivedProcess(database, options);
    await until(() => started.#isStarted || !started.isRunning, 30_000);
    if (!started.isRunning) throw new Error("the process that writes did not start");
    return started;
  }

  private constructor(database: ArchivedDatabase, { intervalMs, pauseMs = 4 }: ArchivedProcessOptions) {
    const { data, backups, journal } = database;
    const firstNumber = NUMBERS_PER_PROCESS * database.processCount++;
    const numbers = [intervalMs, firstNumber, pauseMs].map(String);
    this.#database = database;
    this.#intervalMs = intervalMs;
    this.#child = fork(SCRIPT, [data, join(backups, "wal"), journal, ...numbers], { execArgv: [] });
    this.#child.on("message", (report: ArchivedReport) => {
      if (report.kind === "started") this.#isStarted = true;
      if (report.kind === "refused") this.refused.push(report.message);
      if (report.kind === "status" && report.status) this.statuses.push(report.status);
    });
    this.#ended = once(this.#child, "exit");
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get status(): ArchiveStatus | undefined {
    return this.statuses.at(-1);
  }

  /** Ends the writer thread; another one is started in its place. */
  crashThread(): void {
    this.#blind();
    this.#child.send("crash");
  }

  async kill(): Promise<void> {
    this.#blind();
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.send("stop");
    await this.#ended;
  }

  #blind(): void {
    const now = Date.now();
    // A timer may come a little late, and a thread does not end at once.
    this.#database.blindSpans.push({ from: now - this.#intervalMs - 100, to: now + 100 });
  }
}
