import { inspect } from "node:util";
import type { Clock } from "../core/clock.ts";
import { MusterError, toError, type ErrorCode } from "../core/errors.ts";
import { createIdSequence } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import type { ErrorSeverity } from "../resilience/retry-manager.ts";
import { describeConstraint, findSqliteCode, type ConstraintViolation } from "./constraint-violation.ts";
import { ERROR_CLASSES, type ErrorClass, type ErrorRecordType } from "./error-classes.ts";
import { classifySqliteError } from "./sqlite/error-classification.ts";

export interface ErrorClassification extends ErrorClass {
  readonly code: ErrorCode;
  /** The extended result code, when SQLite said no. */
  readonly sqliteCode?: string;
  readonly constraint?: ConstraintViolation;
}

export interface DatabaseErrorRecord {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly errorType: ErrorRecordType;
  readonly sqliteCode?: string;
  readonly message: string;
  /** SQL and values: kept at debug level only. */
  readonly query?: string;
  readonly parameters?: unknown;
  readonly stackTrace: string;
  readonly resolved: boolean;
  /** How many times the call had been retried when it failed. */
  readonly retryCount: number;
}

export interface ErrorContext {
  readonly operation?: string;
  readonly operationId?: string;
  /** 1 = the first. */
  readonly attempt?: number;
  /** SQL and values: to be given at debug level only, and kept at that level only. */
  readonly query?: string | undefined;
  readonly parameters?: unknown;
}

export interface ErrorHandlerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Asked anew for each error: the level applies live. */
  readonly isDebug: () => boolean;
  /** How many records are remembered. Default 200. */
  readonly capacity?: number;
}

const DEFAULT_CAPACITY = 200;

const LEVEL_BY_SEVERITY = { LOW: "info", MEDIUM: "warn", HIGH: "error", CRITICAL: "error" } as const satisfies Record<
  ErrorSeverity,
  keyof Logger
>;

/** Tells failures apart, writes their technical side to the log, and remembers the last of them. */
export class ErrorHandler {
  readonly #options: ErrorHandlerOptions;
  readonly #capacity: number;
  readonly #createId: () => string;
  /** By id, oldest first. */
  readonly #records = new Map<string, DatabaseErrorRecord>();

  constructor(options: ErrorHandlerOptions) {
    this.#options = options;
    this.#capacity = options.capacity ?? DEFAULT_CAPACITY;
    this.#createId = createIdSequence(() => options.clock.now());
  }

  /** Whether SQL and values may be written down now. */
  get isDebug(): boolean {
    return this.#options.isDebug();
  }

  /** What an error means and whether trying again can help. Takes anything thrown. */
  classify(error: unknown): ErrorClassification {
    const { code } = classifySqliteError(asError(error), "use the database");
    const sqliteCode = findSqliteCode(error);
    const constraint = code === "CONSTRAINT_VIOLATED" ? describeConstraint(error) : undefined;
    return {
      code,
      ...ERROR_CLASSES[code],
      ...(sqliteCode === undefined ? {} : { sqliteCode }),
      ...(constraint === undefined ? {} : { constraint }),
    };
  }

  /** Whether the database failed, rather than the request: counts for the breaker and for health. */
  isDatabaseFault(error: unknown): boolean {
    return this.classify(error).isDatabaseFault;
  }

  /** Logs the technical detail, at a level by severity, and remembers it. */
  handle(thrown: unknown, context: ErrorContext = {}): DatabaseErrorRecord {
    const { isDebug } = this;
    const error = asError(thrown);
    const classification = this.classify(error);
    const record = this.#createRecord(error, classification, context, isDebug);
    this.#remember(record);

    const { code, type, severity, sqliteCode, constraint } = classification;
    this.#options.logger[LEVEL_BY_SEVERITY[severity]]("database operation failed", {
      errorId: record.id,
      code,
      type,
      severity,
      sqliteCode,
      operation: context.operation,
      operationId: context.operationId,
      attempt: context.attempt,
      constraint: constraint?.explanation,
      ...(isDebug ? { query: record.query, parameters: record.parameters } : {}),
      error: isDebug ? error : withoutStatements(error),
    });
    return record;
  }

  /** Marks a record as dealt with. False when it is not remembered any more. */
  resolve(id: string): boolean {
    const record = this.#records.get(id);
    if (record === undefined) return false;
    this.#records.set(id, { ...record, resolved: true });
    return true;
  }

  /** The last records, newest first; SQL and values that were kept at debug level are not given out at another. */
  recent(limit: number = this.#capacity): DatabaseErrorRecord[] {
    const records = [...this.#records.values()].reverse().slice(0, Math.max(0, limit));
    return this.isDebug ? records : records.map(withoutDebugData);
  }

  #createRecord(
    error: Error,
    { recordType, sqliteCode }: ErrorClassification,
    context: ErrorContext,
    isDebug: boolean,
  ): DatabaseErrorRecord {
    const query = isDebug ? (findStatement(error) ?? context.query) : undefined;
    return {
      id: this.#createId(),
      timestamp: this.#options.clock.now(),
      errorType: recordType,
      ...(sqliteCode === undefined ? {} : { sqliteCode }),
      message: error.message,
      ...(query === undefined ? {} : { query }),
      ...(isDebug && context.parameters !== undefined ? { parameters: context.parameters } : {}),
      stackTrace: error.stack ?? `${error.name}: ${error.message}`,
      resolved: false,
      retryCount: Math.max(0, (context.attempt ?? 1) - 1),
    };
  }

  #remember(record: DatabaseErrorRecord): void {
    this.#records.set(record.id, record);
    if (this.#records.size > this.#capacity) this.#records.delete(this.#records.keys().next().value!);
  }
}

function withoutDebugData({
  query: _query,
  parameters: _parameters,
  ...record
}: DatabaseErrorRecord): DatabaseErrorRecord {
  return record;
}

/** As `toError`; what has no text of its own (an object without a prototype) must not hide the failure that it stands for. */
function asError(thrown: unknown): Error {
  try {
    return toError(thrown);
  } catch {
    return new Error(`something without a text was thrown: ${inspect(thrown)}`);
  }
}

/** The SQL that an error was raised with, where whoever raised it knew. */
function findStatement(error: unknown): string | undefined {
  if (!(error instanceof MusterError)) return undefined;
  const statement = error.details?.statement;
  return typeof statement === "string" ? statement : findStatement(error.cause);
}

/** The same error, and its causes, without SQL among the details: that is for the debug level. */
function withoutStatements(error: Error): Error {
  if (!(error instanceof MusterError) || findStatement(error) === undefined) return error;
  const { statement: _statement, ...details } = error.details ?? {};
  const cause = error.cause instanceof Error ? withoutStatements(error.cause) : error.cause;
  const clean = new MusterError(error.code, error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(cause === undefined ? {} : { cause }),
    details,
  });
  if (error.stack !== undefined) clean.stack = error.stack;
  return clean;
}
