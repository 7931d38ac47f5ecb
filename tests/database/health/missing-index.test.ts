import Database from "better-sqlite3";
import { findMissingIndex } from "../../../src/database/health/missing-index.ts";

const database = new Database(":memory:");

function explain(sql: string): string[] {
  const count = sql.split("?").length - 1;
  const rows = database.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`);
  return rows.all(...new Array<null>(count).fill(null)).map(({ detail }) => detail);
}

describe("findMissingIndex", () => {
  beforeAll(() => {
    database.exec("CREATE TABLE event (id TEXT PRIMARY KEY, guild_id TEXT, state TEXT, at INTEGER)");
    database.exec("CREATE INDEX event_guild ON event (guild_id, at)");
    database.exec("CREATE TABLE answer (event_id TEXT, user_id TEXT)");
  });
  afterAll(() => database.close());

  it.each([
    ["SELECT * FROM event WHERE state = ? AND at > ?", "event (state, at)"],
    ["SELECT count(*) FROM event WHERE at BETWEEN ? AND ?", "event (at)"],
    ["SELECT * FROM event AS e WHERE e.state IN (?, ?)", "event (state)"],
    ["DELETE FROM answer WHERE user_id = ?", "answer (user_id)"],
    ["UPDATE event SET state = ? WHERE at < ?", "event (at)"],
    ["SELECT * FROM event JOIN answer ON answer.event_id = event.id WHERE event.id = ?", "answer (event_id)"],
    ["SELECT * FROM event WHERE guild_id = ? ORDER BY state LIMIT ?", "event (guild_id, state)"],
    [
      "SELECT * FROM event WHERE guild_id = (SELECT id FROM event WHERE id = ? AND at = ?) ORDER BY state",
      "event (guild_id, state)",
    ],
  ])("names what would help %s", (sql, expected) => {
    expect(findMissingIndex(sql, explain(sql))).toBe(expected);
  });

  it.each([
    "SELECT * FROM event WHERE id = ?",
    "SELECT * FROM event WHERE guild_id = ? ORDER BY at DESC LIMIT ?",
    "SELECT * FROM event",
    "INSERT INTO event (id) VALUES (?)",
    // What a subquery gives has no index, and needs none.
    `SELECT guild_id FROM (SELECT guild_id, at FROM event WHERE guild_id = ? AND at <= ? ORDER BY at LIMIT 5) AS due
     GROUP BY guild_id ORDER BY min(at), guild_id LIMIT 5`,
    "SELECT due.id FROM (SELECT id, state FROM event WHERE guild_id = ? ORDER BY at LIMIT 5) AS due WHERE due.state = ?",
  ])("has nothing to say against %s", (sql) => {
    expect(findMissingIndex(sql, explain(sql))).toBeUndefined();
  });
});
