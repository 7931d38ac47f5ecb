import { join } from "node:path";
import Database from "better-sqlite3";

/** What everything is measured against: prepared statements, one autocommit each, nothing around them. */
export async function open(folder) {
  const database = new Database(join(folder, "plain.db"));
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  database.exec(`CREATE TABLE answer (id TEXT PRIMARY KEY, eventId TEXT NOT NULL, userId TEXT NOT NULL,
    emoji TEXT NOT NULL, isAnswer INTEGER NOT NULL, createdAt INTEGER NOT NULL)`);
  const insert = database.prepare("INSERT INTO answer VALUES (@id, @eventId, @userId, @emoji, @isAnswer, @createdAt)");
  const select = database.prepare("SELECT * FROM answer WHERE id = ?");
  return {
    settings: "WAL, synchronous FULL; prepared statements",
    write: (record) => insert.run(record),
    read: (id) => select.get(id),
    close: () => database.close(),
  };
}
