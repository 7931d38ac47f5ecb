import Database from "better-sqlite3";
import { listCheckExpressions } from "../../../src/database/integrity/check-expressions.ts";
import { migrations } from "../../../src/store/data-module.ts";

describe("listCheckExpressions", () => {
  it("finds the constraints of columns and of the table, whole", () => {
    const sql = `CREATE TABLE t (a INTEGER CHECK (a IN (1, (2))), b TEXT constraint c check(b <> ''), CHECK ((a) = 1))`;
    expect(listCheckExpressions(sql)).toEqual(["a IN (1, (2))", "b <> ''", "(a) = 1"]);
  });

  it("takes nothing for one that stands in a name, a text or a comment", () => {
    const sql = `CREATE TABLE "check (1)" (
      [check (2)] TEXT, \`check (3)\` TEXT DEFAULT 'it''s check (4)', recheck TEXT, checks TEXT, -- CHECK (5)
      /* CHECK (6) */ CHECK /* :-) */ (recheck <> ')' AND "(" = [)] AND \`)\` -- )
      ), "a ""check (7)""" TEXT)`;
    expect(listCheckExpressions(sql)).toEqual([`recheck <> ')' AND "(" = [)] AND \`)\` -- )`]);
  });

  it("finds every one of the program's own tables, and SQLite can tell whether a row breaks it", () => {
    const database = new Database(":memory:");
    for (const { migrations: statements } of migrations) for (const sql of statements) database.exec(sql);
    const tables = database
      .prepare<[], { name: string; sql: string }>("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
      .all();
    let count = 0;
    for (const { name, sql } of tables) {
      const expressions = listCheckExpressions(sql);
      expect(expressions).toHaveLength(sql.split("CHECK (").length - 1);
      for (const expression of expressions)
        database.prepare(`SELECT 1 FROM "${name}" WHERE NOT (${expression}\n)`).all();
      count += expressions.length;
    }
    expect(count).toBeGreaterThan(10);
    database.close();
  });
});
