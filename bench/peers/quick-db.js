import { join } from "node:path";
import { QuickDB, SqliteDriver } from "quick.db";

const AS_IT_COMES = "a rollback journal, synchronous FULL, which are SQLite's defaults and as durable";

export async function open(folder, { isTuned }) {
  const driver = new SqliteDriver(join(folder, "quick.db"));
  if (isTuned) {
    driver.database.pragma("journal_mode = WAL");
    driver.database.pragma("synchronous = FULL");
  }
  const database = new QuickDB({ driver });
  await database.init();
  return {
    settings: `SqliteDriver on better-sqlite3; ${isTuned ? "WAL, synchronous FULL set on its connection" : AS_IT_COMES}`,
    write: (record) => database.set(record.id, record),
    read: (id) => database.get(id),
    close: () => driver.database.close(),
  };
}
