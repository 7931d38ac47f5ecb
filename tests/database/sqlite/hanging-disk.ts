import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import type { SqliteEngineOptions } from "../../../src/database/sqlite/sqlite-engine.ts";
import { CONNECTION_TIMEOUT_MS } from "../../helpers/database.ts";

/** A disk on which every thread that starts hangs, in a call that nothing ends, while it is told to. */
export class HangingDisk {
  readonly #path: string;
  #connectionTimeoutMs = CONNECTION_TIMEOUT_MS;

  constructor(folder: string) {
    this.#path = join(folder, "test.db");
  }

  get engine(): Pick<SqliteEngineOptions, "thread" | "connectionTimeoutMs"> {
    return {
      thread: {
        dataModuleUrl: new URL("./hanging-data-module.ts", import.meta.url).href,
        connection: { path: this.#path, synchronous: "full", isForeignKeysEnabled: true, cacheSizeBytes: 1024 ** 2 },
      },
      connectionTimeoutMs: () => this.#connectionTimeoutMs,
    };
  }

  /** From now on; a thread is given up after this time. */
  hang(connectionTimeoutMs: number): void {
    this.#connectionTimeoutMs = connectionTimeoutMs;
    execFileSync("mkfifo", [`${this.#path}.pipe`]);
  }

  /** How many threads have begun to hang. */
  get hungCount(): number {
    return statSync(`${this.#path}.hung`, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Threads that start do not hang any more; those that do, go on doing so. */
  mend(): void {
    this.#connectionTimeoutMs = CONNECTION_TIMEOUT_MS;
    renameSync(`${this.#path}.pipe`, `${this.#path}.old-pipe`);
  }

  /** Those that hang come back. */
  release(): void {
    try {
      closeSync(openSync(`${this.#path}.old-pipe`, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch {
      // Nobody waits at it.
    }
  }
}
