import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export async function open(folder) {
  const database = new DatabaseSync(join(folder, "node.db"));
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
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
