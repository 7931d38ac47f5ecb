import Database from "better-sqlite3";
import { failureTexts } from "../../../src/bot/texts/failure-texts.ts";
import { ERROR_CODES, MusterError, type ErrorCode } from "../../../src/core/errors.ts";
import type { DatabaseErrorType } from "../../../src/database/error-classes.ts";
import { markOutcomeUnknown } from "../../../src/database/unknown-outcome.ts";
import { migrations } from "../../../src/store/data-module.ts";

const REFERENCE = "7K3QW9ZB";

const EXPECTED: Readonly<Record<DatabaseErrorType, RegExp>> = {
  CONNECTION_LOST: /not available for the moment.*try again shortly/,
  QUERY_FAILED: /could not be processed.*try again/,
  SCHEMA_MISMATCH: /being updated.*wait a moment/,
  TRANSACTION_FAILED: /not completed.*nothing was changed/,
  CORRUPTION_DETECTED: /problem with the stored data.*recovery is running/,
  BACKUP_FAILED: /data is safe.*tell an administrator/,
  MIGRATION_FAILED: /update of the database failed.*tell an administrator/,
};

describe("what a member is told", () => {
  it.each(Object.entries(EXPECTED))("has its own sentence for %s", (type, expected) => {
    expect(failureTexts.forType(type as DatabaseErrorType, REFERENCE)).toMatch(expected);
  });

  it("is a sentence and a reference, for every code", () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      expect(failureTexts.forCode(code, REFERENCE)).toMatch(/^⚠️ [A-Z][^\n]+\.\n-# Reference: `7K3QW9ZB`$/);
    }
  });

  it("goes by the type of the failure where the code says no more", () => {
    expect(failureTexts.forCode("DATABASE_UNAVAILABLE", REFERENCE)).toMatch(EXPECTED.CONNECTION_LOST);
    expect(failureTexts.forCode("DATABASE_BUSY", REFERENCE)).toMatch(EXPECTED.TRANSACTION_FAILED);
    expect(failureTexts.forCode("DATABASE_CORRUPT", REFERENCE)).toMatch(EXPECTED.CORRUPTION_DETECTED);
    expect(failureTexts.forCode("SCHEMA_NEWER", REFERENCE)).toMatch(EXPECTED.SCHEMA_MISMATCH);
    expect(failureTexts.forCode("MIGRATION_FAILED", REFERENCE)).toMatch(EXPECTED.MIGRATION_FAILED);
    expect(failureTexts.forCode("QUERY_FAILED", REFERENCE)).toMatch(EXPECTED.QUERY_FAILED);
    expect(failureTexts.forCode("INTERNAL", REFERENCE)).toContain("Something went wrong here.");
  });

  it("never says that nothing was changed of what may have been", () => {
    const error = markOutcomeUnknown(new MusterError("QUEUE_WRITE_FAILED", "save it: the disk is full"));
    expect(failureTexts.forCode(error.code, REFERENCE, error)).toContain("not certain whether this was saved");
  });

  it("explains which kind of rule was broken, each in its own words", () => {
    const kinds = ["UNIQUE", "PRIMARYKEY", "FOREIGNKEY", "CHECK", "NOTNULL", "DATATYPE", "SOMETHING_ELSE"];
    const texts = kinds.map((kind) => {
      const details = { sqliteCode: `SQLITE_CONSTRAINT_${kind}` };
      const error = new MusterError("CONSTRAINT_VIOLATED", "run x: y constraint failed: a.b", { details });
      return failureTexts.forCode("CONSTRAINT_VIOLATED", REFERENCE, error);
    });
    expect(new Set(texts).size).toBe(kinds.length);
    for (const text of texts) expect(text).toContain("nothing was changed");
    expect(texts.at(-1)).toBe(failureTexts.forCode("CONSTRAINT_VIOLATED", REFERENCE));
  });

  it("says more of the constraints that it knows, and those are constraints of the tables", () => {
    const database = new Database(":memory:");
    for (const version of migrations) for (const sql of version.migrations) database.exec(sql);
    const unique = new Set<string>();
    for (const table of database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all()) {
      for (const { name, unique: isUnique } of database.pragma(`index_list("${String(table)}")`) as {
        name: string;
        unique: number;
      }[]) {
        const columns = (database.pragma(`index_info("${name}")`) as { name: string }[]).map(({ name }) => name);
        if (isUnique === 1) unique.add(columns.map((column) => `${String(table)}.${column}`).join(", "));
      }
    }
    database.close();
    for (const [subject, sentence] of Object.entries(failureTexts.byConstraintSubject)) {
      expect(unique).toContain(subject);
      const error = new MusterError("CONSTRAINT_VIOLATED", `run x: UNIQUE constraint failed: ${subject}`, {
        details: { sqliteCode: "SQLITE_CONSTRAINT_UNIQUE" },
      });
      expect(failureTexts.forCode("CONSTRAINT_VIOLATED", REFERENCE, error)).toContain(sentence);
    }
  });
});
