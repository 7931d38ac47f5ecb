import { join } from "node:path";
import Database from "better-sqlite3";
import { eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/better-sqlite3";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

const answer = sqliteTable("answer", {
  id: text().primaryKey(),
  eventId: text().notNull(),
  userId: text().notNull(),
  emoji: text().notNull(),
  isAnswer: integer().notNull(),
  createdAt: integer().notNull(),
});
const NAMES = ["id", "eventId", "userId", "emoji", "isAnswer", "createdAt"];

export async function open(folder) {
  const connection = new Database(join(folder, "drizzle.db"));
  connection.pragma("journal_mode = WAL");
  connection.pragma("synchronous = FULL");
  connection.exec(`CREATE TABLE answer (id TEXT PRIMARY KEY, eventId TEXT NOT NULL, userId TEXT NOT NULL,
    emoji TEXT NOT NULL, isAnswer INTEGER NOT NULL, createdAt INTEGER NOT NULL)`);
  const database = drizzle(connection);
  const values = Object.fromEntries(NAMES.map((name) => [name, sql.placeholder(name)]));
  const insert = database.insert(answer).values(values).prepare();
  const select = database
    .select()
    .from(answer)
    .where(eq(answer.id, sql.placeholder("id")))
    .prepare();
  return {
    settings: "on better-sqlite3; WAL, synchronous FULL; prepared queries, synchronous as it offers them",
    write: (record) => insert.run(record),
    read: (id) => select.get({ id }),
    close: () => connection.close(),
  };
}
