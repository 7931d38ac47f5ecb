import { join } from "node:path";
import knex from "knex";

export async function open(folder) {
  const database = knex({
    client: "better-sqlite3",
    connection: { filename: join(folder, "knex.db") },
    useNullAsDefault: true,
    pool: {
      afterCreate(connection, done) {
        connection.pragma("journal_mode = WAL");
        connection.pragma("synchronous = FULL");
        done();
      },
    },
  });
  await database.schema.createTable("answer", (table) => {
    table.text("id").primary();
    for (const name of ["eventId", "userId", "emoji"]) table.text(name).notNullable();
    for (const name of ["isAnswer", "createdAt"]) table.integer(name).notNullable();
  });
  return {
    settings: "on better-sqlite3; WAL, synchronous FULL; its pool of one connection",
    write: (record) => database("answer").insert(record),
    read: (id) => database("answer").where({ id }).first(),
    close: () => database.destroy(),
  };
}
