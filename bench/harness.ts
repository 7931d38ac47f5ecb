import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Remote, type StartOptions } from "./processes/rpc.ts";

/** What every row of the benchmark is made of, and what a row may use while it runs. */

export type Unit = "per second" | "ms" | "s" | "MB" | "count" | "times";

/** What must hold, of the ratio to the baseline or of the value itself. */
export interface Goal {
  readonly of: "ratio" | "value";
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** One line of a table: a subject, measured several times. */
export interface Figure {
  readonly subject: string;
  readonly unit: Unit;
  /** In the order of the repetitions. */
  readonly samples: readonly number[];
  /** What it is divided by, repetition by repetition: what disturbs a machine then disturbs both. */
  readonly baseline?: { readonly subject: string; readonly samples: readonly number[] };
  readonly goal?: Goal;
  /** How the samples become one figure. Default "median"; "worst" where the longest of all is what counts. */
  readonly summary?: "median" | "worst";
  /** How the subject was set, where it could be set otherwise. */
  readonly settings?: string;
}

export interface Findings {
  readonly figures: readonly Figure[];
  readonly notes?: readonly string[];
}

export interface Row {
  /** What is typed on the command line. */
  readonly name: string;
  readonly title: string;
  /** Whether it needs the packages of bench/package.json. */
  readonly usesPeers?: boolean;
  /** Why it cannot be measured on this machine; undefined when it can. */
  readonly findObstacle?: () => string | undefined;
  run(bench: Bench): Promise<Findings>;
}

export interface RowResult extends Findings {
  readonly row: string;
  readonly title: string;
  readonly seconds: number;
}

export interface BenchOptions {
  /** On a real disk; made and removed by whoever made the bench. */
  readonly folder: string;
  readonly isQuick: boolean;
  readonly repetitions: number;
  readonly onProgress: (text: string) => void;
}

export class Bench {
  readonly isQuick: boolean;
  readonly repetitions: number;
  readonly progress: (text: string) => void;
  readonly #folder: string;
  readonly #remotes = new Set<Remote>();
  #environment: Readonly<Record<string, string>> = {};
  #folderCount = 0;

  constructor({ folder, isQuick, repetitions, onProgress }: BenchOptions) {
    this.#folder = folder;
    this.isQuick = isQuick;
    this.repetitions = repetitions;
    this.progress = onProgress;
  }

  /** Of two sizes the one for this run. */
  choose<Value>(full: Value, quick: Value): Value {
    return this.isQuick ? quick : full;
  }

  /** Adds to the environment of every process that is started from now on. */
  addEnvironment(environment: Readonly<Record<string, string>>): void {
    this.#environment = { ...this.#environment, ...environment };
  }

  async createFolder(name: string): Promise<string> {
    const folder = join(this.#folder, `${this.#folderCount++}-${name}`);
    await mkdir(folder, { recursive: true });
    return folder;
  }

  /** A process of `processes/`; ended with the row at the latest. */
  start(script: string, { environment = {}, ...options }: StartOptions = {}): Remote {
    const remote = new Remote(new URL(`processes/${script}`, import.meta.url), {
      ...options,
      environment: { ...this.#environment, ...environment },
    });
    this.#remotes.add(remote);
    return remote;
  }

  async stop(remote: Remote): Promise<void> {
    this.#remotes.delete(remote);
    await remote.stop();
  }

  /** Runs a row, then ends its processes and removes its files, whatever came of it. */
  async measure(row: Row): Promise<RowResult> {
    const startedAt = performance.now();
    try {
      const findings = await row.run(this);
      return { row: row.name, title: row.title, seconds: (performance.now() - startedAt) / 1_000, ...findings };
    } finally {
      await Promise.all([...this.#remotes].map((remote) => this.stop(remote)));
      await rm(this.#folder, { recursive: true, force: true });
    }
  }

  /**
   * Measures every subject once per repetition, in turn and each time beginning with another: what warms up, fills up or
   * slows down meanwhile is shared out evenly.
   */
  async interleave<Name extends string>(
    subjects: Readonly<Record<Name, () => Promise<number>>>,
    title = "",
  ): Promise<Record<Name, number[]>> {
    const names = Object.keys(subjects) as Name[];
    const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
    for (let repetition = 0; repetition < this.repetitions; repetition++) {
      const first = repetition % names.length;
      for (const name of [...names.slice(first), ...names.slice(0, first)]) {
        this.progress(`${title} ${repetition + 1}/${this.repetitions}: ${name}`.trim());
        samples[name].push(await subjects[name]());
      }
    }
    return samples;
  }
}

export const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));
