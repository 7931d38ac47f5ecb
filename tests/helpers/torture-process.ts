import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { until, withRawConnection } from "./database.ts";
import { createTortureDatabase, databasePathIn, type TortureFolders } from "./torture-database.ts";

/** What the process under torture tells its parent. */
export type TortureReport =
  | { readonly kind: "applied" | "queued"; readonly number: number }
  | { readonly kind: "refused"; readonly number: number; readonly code: string }
  /** With a code when it failed. */
  | { readonly kind: "read"; readonly code?: string }
  /** An error of SQLite or the operating system that was logged. */
  | { readonly kind: "fault"; readonly code: string }
  | {
      readonly kind: "state";
      readonly state: "normal" | "read-only" | "offline";
      readonly reason: string | undefined;
      readonly engine: string;
      /** Writes in the queue. */
      readonly waiting: number;
      readonly stallMs: number;
    };

const SCRIPT = fileURLToPath(new URL("./torture-load.ts", import.meta.url));
/** Each process counts from a number of its own. */
const NUMBERS_PER_PROCESS = 1_000_000;

/** What became of the writes and reads of one or more processes that used the same folders. */
export class TortureTally {
  acknowledged = new Set<number>();
  readonly refusedByCode = new Map<string, number>();
  readonly failedReadsByCode = new Map<string, number>();
  /** Codes of SQLite and the operating system. */
  readonly faultsByCode = new Map<string, number>();
  readonly states = new Set<string>();
  readonly reasons = new Set<string>();
  appliedCount = 0;
  queuedCount = 0;
  readCount = 0;
  longestStallMs = 0;
  processCount = 0;

  add(report: TortureReport): void {
    switch (report.kind) {
      case "applied":
      case "queued":
        this.acknowledged.add(report.number);
        if (report.kind === "applied") this.appliedCount++;
        else this.queuedCount++;
        break;
      case "refused":
        increment(this.refusedByCode, report.code);
        break;
      case "read":
        if (report.code === undefined) this.readCount++;
        else increment(this.failedReadsByCode, report.code);
        break;
      case "fault":
        increment(this.faultsByCode, report.code);
        break;
      case "state":
        this.states.add(report.state);
        if (report.reason !== undefined) this.reasons.add(report.reason);
        this.longestStallMs = Math.max(this.longestStallMs, report.stallMs);
    }
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

export class TortureProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #last: Extract<TortureReport, { kind: "state" }> | undefined;
  #acknowledgedCount = 0;

  /** Resolves when the first write is acknowledged. */
  static async start(
    folders: TortureFolders,
    tally: TortureTally,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<TortureProcess> {
    const started = new TortureProcess(folders, tally, environment);
    try {
      await until(() => started.#acknowledgedCount > 0, 30_000);
    } catch (error) {
      await started.kill();
      throw error;
    }
    return started;
  }

  private constructor(folders: TortureFolders, tally: TortureTally, environment: Readonly<Record<string, string>>) {
    const firstNumber = String(NUMBERS_PER_PROCESS * tally.processCount++);
    this.#child = fork(SCRIPT, [folders.database, folders.spool, firstNumber], {
      execArgv: [],
      env: { ...process.env, ...environment },
    });
    this.#child.on("message", (report: TortureReport) => {
      tally.add(report);
      if (report.kind === "state") this.#last = report;
      if (report.kind === "applied" || report.kind === "queued") this.#acknowledgedCount++;
    });
    // What it sent before its end is read until the channel closes.
    this.#ended = Promise.all([once(this.#child, "exit"), once(this.#child, "disconnect")]);
  }

  get pid(): number {
    return this.#child.pid!;
  }
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }
  get state(): string | undefined {
    return this.#last?.state;
  }
  /** Everything works, and nothing waits any more. */
  get isNormal(): boolean {
    return (
      this.isRunning && this.#last?.state === "normal" && this.#last.engine === "ready" && this.#last.waiting === 0
    );
  }

  /** Seconds until it is normal, from now on. */
  async awaitNormal(limitMs: number): Promise<number> {
    const startedAt = performance.now();
    // The last report may be of before.
    this.#last = undefined;
    await until(() => this.isNormal, limitMs);
    return (performance.now() - startedAt) / 1_000;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.send("stop");
    await this.#ended;
  }
}

export interface TortureFindings {
  /** Acknowledged, but not there. */
  readonly lost: readonly number[];
  /** There more than once, or in one table only. */
  readonly doubled: readonly string[];
  readonly integrity: unknown;
}

/** Opens the database once more, lets it apply what waits, and looks at what is there. */
export async function inspectAfterTorture(folders: TortureFolders, tally: TortureTally): Promise<TortureFindings> {
  const database = createTortureDatabase(folders);
  try {
    await database.manager.start();
    await until(() => database.manager.health().queue.size === 0, 60_000);
  } finally {
    await database.close();
  }
  return withRawConnection(databasePathIn(folders), (raw) => {
    const rows = raw
      .prepare<[], { name: string; value: number; entries: number }>(
        `SELECT name, value, (SELECT count(*) FROM ledger WHERE ledger.name = counter.name) AS entries FROM counter`,
      )
      .all();
    const present = new Set(rows.map(({ name }) => Number(name)));
    return {
      lost: [...tally.acknowledged].filter((number) => !present.has(number)),
      doubled: rows.filter(({ value, entries }) => value !== 1 || entries !== 1).map(({ name }) => name),
      integrity: raw.pragma("integrity_check", { simple: true }),
    };
  });
}

/** What `inspectAfterTorture` is to find. */
export const NOTHING_LOST: TortureFindings = { lost: [], doubled: [], integrity: "ok" };
