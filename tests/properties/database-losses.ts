import { renameSync, rmSync, writeFileSync } from "node:fs";
import Database from "better-sqlite3";
import { MusterError } from "../../src/core/errors.ts";
import type { SqliteEngine } from "../../src/database/sqlite/sqlite-engine.ts";
import type { GracefulDegradation } from "../../src/resilience/graceful-degradation.ts";
import type { RecoveryLog } from "../../src/resilience/recovery-log.ts";
import { until } from "../helpers/database.ts";

export const SABOTAGE = new MusterError("DATABASE_UNAVAILABLE", "sabotage: the thread is ended");

/** What takes a database away: its threads end, its file is no longer at its path, another program holds its lock. */
export const THREAD_LOSSES = ["writer ends", "readers end", "all threads end"] as const;
export const FILE_LOSSES = ["file deleted", "file deleted with companions", "file replaced by junk"] as const;
export const PASSING_LOSSES = ["foreign lock", "file out of reach"] as const;
export type Loss = (typeof THREAD_LOSSES)[number] | (typeof FILE_LOSSES)[number] | (typeof PASSING_LOSSES)[number];

export interface LosableDatabase {
  readonly path: string;
  readonly engine: SqliteEngine;
  readonly degradation: GracefulDegradation;
  readonly recovery: RecoveryLog;
}

/** Takes a running database away in any of the ways, one at a time. */
export class DatabaseLosses {
  readonly #database: LosableDatabase;
  #wantedRescues = 0;
  #rescues = 0;
  #undo: (() => void) | undefined;

  constructor(database: LosableDatabase) {
    this.#database = database;
    database.recovery.onAction(({ action, outcome }) => {
      if (action === "rescue" && outcome === "succeeded") this.#rescues++;
    });
  }

  begin(loss: Loss): void {
    const { path, engine } = this.#database;
    const { connections } = engine;
    switch (loss) {
      case "writer ends":
        void connections.reconnect(SABOTAGE);
        break;
      case "readers end":
        for (const reader of [...connections.readers]) void reader.terminate(SABOTAGE);
        break;
      case "all threads end":
        for (const reader of [...connections.readers]) void reader.terminate(SABOTAGE);
        void connections.reconnect(SABOTAGE);
        break;
      case "file deleted":
        rmSync(path);
        this.#wantedRescues++;
        break;
      case "file deleted with companions":
        for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
        this.#wantedRescues++;
        break;
      case "file replaced by junk":
        writeFileSync(`${path}.junk`, "This is no database. ".repeat(100));
        renameSync(`${path}.junk`, path);
        this.#wantedRescues++;
        break;
      case "foreign lock":
        this.#undo = holdWriteLock(path);
        break;
      case "file out of reach":
        // As when its disk is not mounted: every try to open it fails until it is back.
        renameSync(path, `${path}.away`);
        void connections.reconnect(SABOTAGE);
        this.#undo = () => renameSync(`${path}.away`, path);
    }
  }

  /** Takes the cause away where it lasts, and waits for the database to come back by itself. */
  async end(): Promise<void> {
    const { engine, degradation } = this.#database;
    this.#undo?.();
    this.#undo = undefined;
    await until(() => this.#rescues >= this.#wantedRescues);
    await until(() => engine.connections.isHealthy() && degradation.state.kind === "normal");
  }
}

function holdWriteLock(path: string): () => void {
  const other = new Database(path);
  other.exec("BEGIN IMMEDIATE");
  return () => other.close();
}
