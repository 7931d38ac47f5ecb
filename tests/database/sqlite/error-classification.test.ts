import { writeFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { MusterError, type ErrorCode } from "../../../src/core/errors.ts";
import { classifySqliteError, sqliteCodeOf } from "../../../src/database/sqlite/error-classification.ts";
import { withFolder, withRawConnection } from "../../helpers/database.ts";

function failureOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

const EXPECTED: Readonly<Record<string, ErrorCode>> = {
  SQLITE_BUSY: "DATABASE_BUSY",
  SQLITE_BUSY_SNAPSHOT: "DATABASE_BUSY",
  SQLITE_LOCKED: "DATABASE_BUSY",
  SQLITE_PROTOCOL: "DATABASE_BUSY",
  SQLITE_FULL: "DATABASE_FULL",
  SQLITE_READONLY: "DATABASE_READ_ONLY",
  SQLITE_READONLY_DBMOVED: "DATABASE_READ_ONLY",
  SQLITE_PERM: "DATABASE_READ_ONLY",
  SQLITE_CORRUPT: "DATABASE_CORRUPT",
  SQLITE_CORRUPT_INDEX: "DATABASE_CORRUPT",
  SQLITE_NOTADB: "DATABASE_CORRUPT",
  SQLITE_IOERR_FSYNC: "DATABASE_IO",
  SQLITE_CANTOPEN: "DATABASE_UNAVAILABLE",
  SQLITE_CANTOPEN_ISDIR: "DATABASE_UNAVAILABLE",
  SQLITE_NOMEM: "DATABASE_UNAVAILABLE",
  SQLITE_INTERRUPT: "DATABASE_UNAVAILABLE",
  SQLITE_ABORT_ROLLBACK: "TRANSACTION_FAILED",
  SQLITE_SCHEMA: "TRANSACTION_FAILED",
  SQLITE_CONSTRAINT_UNIQUE: "CONSTRAINT_VIOLATED",
  SQLITE_MISMATCH: "CONSTRAINT_VIOLATED",
  SQLITE_TOOBIG: "CONSTRAINT_VIOLATED",
  SQLITE_ERROR: "QUERY_FAILED",
  SQLITE_RANGE: "QUERY_FAILED",
};

describe("classifySqliteError", () => {
  it.each(Object.entries(EXPECTED))("tells %s as %s", (sqliteCode, code) => {
    const error = classifySqliteError(new Database.SqliteError("reason", sqliteCode), "do something");
    expect(error).toMatchObject({ code, message: "do something: reason", details: { sqliteCode } });
  });

  it("keeps an error that is told apart already", () => {
    const error = new MusterError("CONFLICT", "no");
    expect(classifySqliteError(error, "do something")).toBe(error);
  });

  it("takes what is not SQLite's for a fault of the program, and what the system refused for an unavailable file", () => {
    expect(classifySqliteError(new TypeError("x is undefined"), "a").code).toBe("INTERNAL");
    expect(classifySqliteError("just text", "a")).toMatchObject({ code: "INTERNAL", message: "a: just text" });
    const refused = Object.assign(new Error("EACCES"), { code: "EACCES", syscall: "open" });
    expect(classifySqliteError(refused, "a").code).toBe("DATABASE_UNAVAILABLE");
    expect(sqliteCodeOf(refused)).toBeUndefined();
  });

  it("knows what SQLite really reports", async () => {
    await withFolder((folder) => {
      const path = join(folder, "a.db");
      withRawConnection(path, (database) => {
        database.exec("CREATE TABLE t (a TEXT PRIMARY KEY CHECK (a <> 'no')) STRICT");
        const codeOf = (sql: string): ErrorCode =>
          classifySqliteError(
            failureOf(() => database.exec(sql)),
            "x",
          ).code;
        expect(codeOf("INSERT INTO t VALUES ('no')")).toBe("CONSTRAINT_VIOLATED");
        expect(codeOf("INSERT INTO t VALUES ('a'), ('a')")).toBe("CONSTRAINT_VIOLATED");
        expect(codeOf("INSERT INTO t VALUES (x'00')")).toBe("CONSTRAINT_VIOLATED");
        expect(codeOf("SELECT * FROM nowhere")).toBe("QUERY_FAILED");
        const pages = database.pragma("page_count", { simple: true }) as number;
        database.pragma(`max_page_count = ${pages + 1}`);
        expect(codeOf(`INSERT INTO t VALUES ('${"x".repeat(100_000)}')`)).toBe("DATABASE_FULL");
        database.pragma("query_only = ON");
        expect(codeOf("DELETE FROM t")).toBe("DATABASE_READ_ONLY");
      });

      const readOnly = new Database(path, { readonly: true });
      const write = failureOf(() => readOnly.exec("DELETE FROM t"));
      readOnly.close();
      expect(classifySqliteError(write, "x").code).toBe("DATABASE_READ_ONLY");

      const [holder, other] = [new Database(path), new Database(path, { timeout: 0 })];
      holder.exec("BEGIN IMMEDIATE");
      const busy = failureOf(() => other.exec("BEGIN IMMEDIATE"));
      holder.close();
      other.close();
      expect(classifySqliteError(busy, "x").code).toBe("DATABASE_BUSY");

      const foreign = join(folder, "text.db");
      writeFileSync(foreign, "This is no database, whatever its name says. ".repeat(100));
      expect(
        classifySqliteError(
          failureOf(() => withRawConnection(foreign, (it) => it.pragma("user_version"))),
          "x",
        ).code,
      ).toBe("DATABASE_CORRUPT");
      truncateSync(path, 5_000);
      expect(
        classifySqliteError(
          failureOf(() => withRawConnection(path, (it) => it.exec("SELECT * FROM t"))),
          "x",
        ).code,
      ).toBe("DATABASE_CORRUPT");
      const missing = failureOf(() => new Database(join(folder, "none.db"), { fileMustExist: true }));
      expect(classifySqliteError(missing, "x").code).toBe("DATABASE_UNAVAILABLE");
    });
  });
});
