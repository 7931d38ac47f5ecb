import { join } from "node:path";
import Database from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";

export async function open(folder) {
  const connection = new Database(join(folder, "kysely.db"));
  connection.pragma("journal_mode = WAL");
  connection.pragma("synchronous = FULL");
  const database = new Kysely({ dialect: new SqliteDialect({ database: connection }) });
  const text = (column) => column.notNull();
  await database.schema
    .createTable("answer")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("eventId", "text", text)
    .addColumn("userId", "text", text)
    .addColumn("emoji", "text", text)
    .addColumn("isAnswer", "integer", text)
    .addColumn("createdAt", "integer", text)
    .execute();
  return {
    settings: "on better-sqlite3; WAL, synchronous FULL",
    write: (record) => database.insertInto("answer").values(record).execute(),
    read: (id) => database.selectFrom("answer").selectAll().where("id", "=", id).executeTakeFirst(),
    close: () => database.destroy(),
  };
}
