import { openSync, closeSync, mkdirSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import type { ConstraintKind } from "../../src/database/constraint-violation.ts";
import { openWriterConnection, type ConnectionOptions } from "../../src/database/sqlite/connection.ts";
import { TransactionManager } from "../../src/database/sqlite/transaction-manager.ts";
import {
  CONNECTION_TIMEOUT_MS,
  createCounterDatabase,
  type TestDatabase,
  type TestDatabaseOptions,
} from "../helpers/database.ts";
import { FAULT_MODULE_URL, type OperationFault } from "./error-handler-data-module.ts";

/** Real failures of SQLite, on real files and, but for those of opening and locking, in real threads. */

export type Fault = OperationFault | "busy" | "notADatabase" | "cannotOpen";

export interface ExpectedFault {
  readonly code: ErrorCode;
  /** What SQLite calls it; undefined = it was not SQLite. */
  readonly sqliteCode: string | undefined;
  readonly constraint?: ConstraintKind;
}

const violation = (constraint: ConstraintKind, sqliteCode: string): ExpectedFault => ({
  ...{ code: "CONSTRAINT_VIOLATED", sqliteCode, constraint },
});

export const EXPECTED_FAULTS: Readonly<Record<Fault, ExpectedFault>> = {
  unique: violation("UNIQUE", "SQLITE_CONSTRAINT_UNIQUE"),
  primaryKey: violation("PRIMARYKEY", "SQLITE_CONSTRAINT_PRIMARYKEY"),
  foreignKey: violation("FOREIGNKEY", "SQLITE_CONSTRAINT_FOREIGNKEY"),
  check: violation("CHECK", "SQLITE_CONSTRAINT_CHECK"),
  notNull: violation("NOTNULL", "SQLITE_CONSTRAINT_NOTNULL"),
  dataType: violation("DATATYPE", "SQLITE_CONSTRAINT_DATATYPE"),
  trigger: violation("CHECK", "SQLITE_CONSTRAINT_TRIGGER"),
  tooBig: { code: "CONSTRAINT_VIOLATED", sqliteCode: "SQLITE_TOOBIG" },
  missingTable: { code: "QUERY_FAILED", sqliteCode: "SQLITE_ERROR" },
  missingColumn: { code: "QUERY_FAILED", sqliteCode: "SQLITE_ERROR" },
  syntax: { code: "QUERY_FAILED", sqliteCode: "SQLITE_ERROR" },
  overflow: { code: "QUERY_FAILED", sqliteCode: "SQLITE_ERROR" },
  readOnly: { code: "DATABASE_READ_ONLY", sqliteCode: "SQLITE_READONLY" },
  full: { code: "DATABASE_FULL", sqliteCode: "SQLITE_FULL" },
  corrupt: { code: "DATABASE_CORRUPT", sqliteCode: "SQLITE_CORRUPT" },
  busy: { code: "DATABASE_BUSY", sqliteCode: "SQLITE_BUSY" },
  notADatabase: { code: "DATABASE_CORRUPT", sqliteCode: "SQLITE_NOTADB" },
  cannotOpen: { code: "DATABASE_UNAVAILABLE", sqliteCode: "SQLITE_CANTOPEN" },
  program: { code: "INTERNAL", sqliteCode: undefined },
};
export const FAULTS = Object.keys(EXPECTED_FAULTS) as Fault[];

async function failureOf(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

function connectionTo(path: string): ConnectionOptions {
  return { path, synchronous: "full", isForeignKeysEnabled: true, cacheSizeBytes: 1024 ** 2 };
}

type Engine = TestDatabase["engine"];

/** A database with the operations that fail, not started. */
export function createFaultDatabase(
  folder: string,
  file: string,
  manager: TestDatabaseOptions["manager"] = {},
): TestDatabase {
  const thread = { dataModuleUrl: FAULT_MODULE_URL, connection: connectionTo(join(folder, file)) };
  return createCounterDatabase({ folder, file, engine: { thread }, manager });
}

async function openEngine(folder: string, file: string): Promise<Engine> {
  const { engine } = createFaultDatabase(folder, file);
  await engine.start();
  return engine;
}

let callCount = 0;

function write(engine: Engine, name: string, input: unknown): Promise<unknown> {
  return engine.write({
    operationId: `call-${callCount++}`,
    requestedAt: systemClock.now(),
    mayBeApplied: false,
    timeoutMs: CONNECTION_TIMEOUT_MS,
    steps: [{ name, input }],
  });
}

const PAGE_BYTES = 4_096;
/** The schema and the first page of each table come before, and stay as they are: the file opens. */
const DAMAGED_PAGES = { first: 20, end: 40 };

async function createDamagedFile(folder: string, file: string): Promise<void> {
  const engine = await openEngine(folder, file);
  await write(engine, "fault.fill", {});
  await engine.stop();
  const fd = openSync(join(folder, file), "r+");
  const garbage = Buffer.alloc(PAGE_BYTES, 0xa5);
  for (let page = DAMAGED_PAGES.first; page < DAMAGED_PAGES.end; page++) {
    writeSync(fd, garbage, 0, PAGE_BYTES, page * PAGE_BYTES);
  }
  closeSync(fd);
}

export class FaultRig {
  readonly #folder: string;
  readonly #sound: Engine;
  readonly #damaged: Engine;

  private constructor(folder: string, sound: Engine, damaged: Engine) {
    this.#folder = folder;
    this.#sound = sound;
    this.#damaged = damaged;
  }

  static async open(folder: string): Promise<FaultRig> {
    writeFileSync(join(folder, "text.db"), "This is no database, whatever its name says. ".repeat(100));
    mkdirSync(join(folder, "folder.db"));
    await createDamagedFile(folder, "damaged.db");
    return new FaultRig(folder, await openEngine(folder, "sound.db"), await openEngine(folder, "damaged.db"));
  }

  /** What is thrown when this goes wrong. `value` is among the parameters. */
  provoke(fault: Fault, value: string): Promise<unknown> {
    if (fault === "busy") return this.#provokeBusy();
    if (fault === "notADatabase") return failureOf(async () => openWriterConnection(connectionTo(this.#in("text.db"))));
    if (fault === "cannotOpen") return failureOf(async () => openWriterConnection(connectionTo(this.#in("folder.db"))));
    const engine = fault === "corrupt" ? this.#damaged : this.#sound;
    return failureOf(() => write(engine, "fault.provoke", { fault, value }));
  }

  async close(): Promise<void> {
    await this.#sound.stop();
    await this.#damaged.stop();
  }

  #in(file: string): string {
    return join(this.#folder, file);
  }

  /** Another connection holds the write lock. */
  async #provokeBusy(): Promise<unknown> {
    const [holder, other] = [0, 1].map(() => openWriterConnection(connectionTo(this.#in("locked.db"))));
    try {
      holder!.database.exec("BEGIN IMMEDIATE");
      const transactions = new TransactionManager(other!, systemClock);
      return await failureOf(() => transactions.executeTransaction(async () => undefined));
    } finally {
      holder!.database.close();
      other!.database.close();
    }
  }
}
