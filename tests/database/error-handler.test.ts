import Database from "better-sqlite3";
import { ERROR_CODES, MusterError, type ErrorCode } from "../../src/core/errors.ts";
import { silentLogger, type LogFields, type Logger } from "../../src/core/logger.ts";
import { describeConstraint } from "../../src/database/constraint-violation.ts";
import { ERROR_CLASSES } from "../../src/database/error-classes.ts";
import { ErrorHandler, type ErrorHandlerOptions } from "../../src/database/error-handler.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

function createHandler(options: Partial<ErrorHandlerOptions> = {}) {
  const lines: { level: string; message: string; fields: LogFields }[] = [];
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}): void =>
      void lines.push({ level, message, fields });
  const logger: Logger = { ...silentLogger, error: at("error"), warn: at("warn"), info: at("info") };
  const clock = new ManualClock();
  return { handler: new ErrorHandler({ clock, logger, isDebug: () => false, ...options }), lines, clock };
}

/** As it arrives from a database thread. */
function violation(sqliteCode: string, text: string): MusterError {
  return new MusterError("CONSTRAINT_VIOLATED", `run events.create: ${text}`, { details: { sqliteCode } });
}

const codes = Object.keys(ERROR_CODES) as ErrorCode[];

describe("classes of errors", () => {
  it("cover every code, and tell what may be retried by severity, faults of the database only", () => {
    for (const code of codes) {
      const { severity, isDatabaseFault, isRetryable } = ERROR_CLASSES[code];
      const bySeverity = { LOW: "at-once", MEDIUM: "backoff", HIGH: false, CRITICAL: false }[severity];
      expect([code, isRetryable]).toEqual([code, isDatabaseFault ? bySeverity : false]);
    }
  });

  it("tell temporary failures from permanent ones", () => {
    const retryable = codes.filter((code) => ERROR_CLASSES[code].isRetryable !== false);
    expect(retryable.sort()).toEqual(
      ["DATABASE_BUSY", "DATABASE_IO", "DATABASE_UNAVAILABLE", "OPERATION_TIMEOUT", "TRANSACTION_FAILED"].sort(),
    );
  });

  it("do not hold the fault of a request, or of a statement, against the database", () => {
    const { handler } = createHandler();
    const others = [
      "NOT_FOUND",
      "CONFLICT",
      "INPUT_INVALID",
      "CONSTRAINT_VIOLATED",
      "QUERY_FAILED",
      "INTERNAL",
    ] as const;
    for (const code of [...others, "SHUTTING_DOWN"] as const) {
      expect([code, handler.isDatabaseFault(new MusterError(code, "x"))]).toEqual([code, false]);
    }
    for (const code of ["DATABASE_IO", "DATABASE_BUSY", "DATABASE_CORRUPT", "OPERATION_TIMEOUT"] as const) {
      expect([code, handler.isDatabaseFault(new MusterError(code, "x"))]).toEqual([code, true]);
    }
    expect(handler.isDatabaseFault(new TypeError("x is undefined"))).toBe(false);
    expect(handler.isDatabaseFault(undefined)).toBe(false);
  });
});

describe("ErrorHandler", () => {
  it("classifies what comes from a thread, from SQLite itself, and anything else that was thrown", () => {
    const { handler } = createHandler();
    expect(handler.classify(violation("SQLITE_CONSTRAINT_UNIQUE", "UNIQUE constraint failed: a.b"))).toMatchObject({
      code: "CONSTRAINT_VIOLATED",
      sqliteCode: "SQLITE_CONSTRAINT_UNIQUE",
      constraint: { kind: "UNIQUE", subject: "a.b" },
    });
    expect(handler.classify(new Database.SqliteError("disk I/O error", "SQLITE_IOERR_WRITE"))).toMatchObject({
      ...{ code: "DATABASE_IO", sqliteCode: "SQLITE_IOERR_WRITE", type: "CONNECTION_LOST", isRetryable: "backoff" },
    });
    const wrapped = new MusterError("DATABASE_UNAVAILABLE", "use the database: it is away", {
      cause: new MusterError("DATABASE_CORRUPT", "read", { details: { sqliteCode: "SQLITE_CORRUPT" } }),
    });
    expect(handler.classify(wrapped)).toMatchObject({ code: "DATABASE_UNAVAILABLE", sqliteCode: "SQLITE_CORRUPT" });
    for (const thrown of [undefined, null, "text", 7, {}, Object.create(null), { toString: 1 }, new Error("x")]) {
      expect(handler.classify(thrown)).toMatchObject({ code: "INTERNAL", isRetryable: false });
      expect(handler.handle(thrown).message).not.toBe("");
    }
  });

  it("logs code, operation and stack, at a level by severity", () => {
    const { handler, lines } = createHandler();
    const expected = { NOT_FOUND: "info", DATABASE_BUSY: "warn", DATABASE_FULL: "error", DATABASE_CORRUPT: "error" };
    for (const [code, level] of Object.entries(expected)) {
      const error = new MusterError(code as ErrorCode, "why", { details: { sqliteCode: "SQLITE_X" } });
      const context = { operation: "events.find", operationId: "id", attempt: 3, parameters: { secret: 1 } };
      const record = handler.handle(error, context);
      expect(lines.pop()).toEqual({
        level,
        message: "database operation failed",
        fields: {
          errorId: record.id,
          code,
          type: ERROR_CLASSES[code as ErrorCode].type,
          severity: ERROR_CLASSES[code as ErrorCode].severity,
          sqliteCode: "SQLITE_X",
          operation: "events.find",
          operationId: "id",
          attempt: 3,
          constraint: undefined,
          error,
        },
      });
      expect(record).toMatchObject({ sqliteCode: "SQLITE_X", message: "why", resolved: false, retryCount: 2 });
      expect(record.stackTrace).toContain("error-handler.test");
    }
  });

  it("keeps and logs SQL and values at debug level only", () => {
    let isDebug = false;
    const { handler, lines } = createHandler({ isDebug: () => isDebug });
    const cause = new MusterError("MIGRATION_FAILED", "migrate", { details: { statement: "DROP TABLE x", at: 1 } });
    const error = new MusterError("DATABASE_UNAVAILABLE", "use the database", { hint: "wait", cause });
    const record = handler.handle(error, { parameters: { title: "T" } });
    expect(record).not.toHaveProperty("query");
    expect(record).not.toHaveProperty("parameters");
    const { fields } = lines.pop()!;
    expect(fields).not.toHaveProperty("parameters");
    expect(fields.error).toMatchObject({ code: "DATABASE_UNAVAILABLE", hint: "wait", stack: error.stack });
    const logged = (fields.error as Error).cause as MusterError;
    expect(logged.details).toEqual({ at: 1 });
    expect(logged.stack).toBe(cause.stack);

    isDebug = true;
    const detailed = { query: "DROP TABLE x", parameters: { title: "T" } };
    expect(handler.handle(error, { parameters: { title: "T" } })).toMatchObject(detailed);
    expect(lines.pop()!.fields).toMatchObject({ ...detailed, error });
  });

  it("remembers the last of them, newest first, and which are resolved", () => {
    const { handler } = createHandler({ capacity: 3 });
    const ids = Array.from({ length: 5 }, (_, index) => handler.handle(new Error(String(index))).id);
    expect(handler.recent().map(({ message }) => message)).toEqual(["4", "3", "2"]);
    expect(handler.recent(1).map(({ message }) => message)).toEqual(["4"]);
    expect(handler.recent(0)).toEqual([]);
    expect(handler.resolve(ids[3]!)).toBe(true);
    expect(handler.resolve(ids[0]!)).toBe(false);
    expect(handler.recent().map(({ message, resolved }) => [message, resolved])).toEqual([
      ["4", false],
      ["3", true],
      ["2", false],
    ]);
  });
});

describe("a contradicted constraint", () => {
  it("is told by SQLite's extended code, with what it is about", () => {
    const database = new Database(":memory:");
    database.pragma("foreign_keys = ON");
    database.exec(`
      CREATE TABLE parent (id TEXT PRIMARY KEY) STRICT;
      CREATE TABLE child (
        id TEXT PRIMARY KEY, number INTEGER NOT NULL, name TEXT UNIQUE CONSTRAINT short_name CHECK (length(name) < 9),
        parent_id TEXT REFERENCES parent (id), a TEXT, b TEXT, UNIQUE (a, b)
      ) STRICT;
      CREATE UNIQUE INDEX child_next ON child (number + 1);
      CREATE TRIGGER child_stays BEFORE DELETE ON child BEGIN SELECT RAISE(ABORT, 'it stays'); END;
      INSERT INTO child VALUES ('1', 1, 'one', NULL, 'a', 'b');
    `);
    const violate = (sql: string) => {
      try {
        database.exec(sql);
      } catch (error) {
        const { kind, subject } = describeConstraint(error)!;
        return [kind, subject];
      }
      throw new Error("it was allowed");
    };
    const insert = (values: string) => violate(`INSERT INTO child VALUES (${values})`);
    expect(insert("'1', 2, NULL, NULL, NULL, NULL")).toEqual(["PRIMARYKEY", "child.id"]);
    expect(insert("'2', 2, 'one', NULL, NULL, NULL")).toEqual(["UNIQUE", "child.name"]);
    expect(insert("'2', 2, NULL, NULL, 'a', 'b'")).toEqual(["UNIQUE", "child.a, child.b"]);
    expect(insert("'2', 1, NULL, NULL, NULL, NULL")).toEqual(["UNIQUE", "child_next"]);
    expect(insert("'2', NULL, NULL, NULL, NULL, NULL")).toEqual(["NOTNULL", "child.number"]);
    expect(insert("'2', 'x', NULL, NULL, NULL, NULL")).toEqual(["DATATYPE", "child.number"]);
    expect(insert("'2', 2, 'much too long', NULL, NULL, NULL")).toEqual(["CHECK", "short_name"]);
    expect(insert("'2', 2, NULL, 'none', NULL, NULL")).toEqual(["FOREIGNKEY", undefined]);
    expect(violate("DELETE FROM child")).toEqual(["CHECK", undefined]);
    database.close();
  });

  it("is explained in plain words, in the log", () => {
    const { handler, lines } = createHandler();
    handler.handle(violation("SQLITE_CONSTRAINT_UNIQUE", "UNIQUE constraint failed: event.message_id"));
    expect(lines[0]!.fields.constraint).toBe("must be unique (event.message_id): another row has this value already");
    handler.handle(violation("SQLITE_CONSTRAINT_FOREIGNKEY", "FOREIGN KEY constraint failed"));
    expect(lines[1]!.fields.constraint).toMatch(/^must refer to an existing row: /);
    expect(describeConstraint(new Database.SqliteError("x", "SQLITE_FULL"))).toBeUndefined();
    expect(describeConstraint(new Error("UNIQUE constraint failed: a.b"))).toBeUndefined();
  });
});
