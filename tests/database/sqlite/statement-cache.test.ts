import Database from "better-sqlite3";
import { StatementCache } from "../../../src/database/sqlite/statement-cache.ts";

describe("StatementCache", () => {
  const database = new Database(":memory:");
  afterAll(() => database.close());

  it("prepares a statement once", () => {
    const cache = new StatementCache(database);
    expect(cache.prepare("SELECT 1")).toBe(cache.prepare("SELECT 1"));
    expect(cache.size).toBe(1);
  });

  it("drops the least recently used one when it is full, and no other", () => {
    const cache = new StatementCache(database, 2);
    const [first, second] = [cache.prepare("SELECT 1"), cache.prepare("SELECT 2")];
    expect(cache.prepare("SELECT 1")).toBe(first);
    cache.prepare("SELECT 3");
    expect(cache.size).toBe(2);
    expect(cache.prepare("SELECT 1")).toBe(first);
    expect(cache.prepare("SELECT 2")).not.toBe(second);
  });

  it("keeps nothing of SQL that cannot be prepared", () => {
    const cache = new StatementCache(database);
    expect(() => cache.prepare("SELEKT 1")).toThrow();
    expect(cache.size).toBe(0);
  });

  it("answers from the new table when the schema has changed underneath", () => {
    const cache = new StatementCache(database);
    database.exec("CREATE TABLE t (a)");
    database.exec("INSERT INTO t VALUES (1)");
    expect(cache.prepare("SELECT * FROM t").get()).toEqual({ a: 1 });
    database.exec("ALTER TABLE t ADD COLUMN b DEFAULT 2");
    expect(cache.prepare("SELECT * FROM t").get()).toEqual({ a: 1, b: 2 });
  });
});
