import { join } from "node:path";
import { QuickDB, SqliteDriver } from "quick.db";

export async function open(folder) {
  const driver = new SqliteDriver(join(folder, "quick.db"));
  // Neither is its default: without them it writes a rollback journal, which is slower.
  driver.database.pragma("journal_mode = WAL");
  driver.database.pragma("synchronous = FULL");
  const database = new QuickDB({ driver });
  await database.init();
  return {
    settings: "SqliteDriver on better-sqlite3; WAL, synchronous FULL set on its connection",
    write: (record) => database.set(record.id, record),
    read: (id) => database.get(id),
    close: () => driver.database.close(),
  };
}
