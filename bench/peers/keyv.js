import { join } from "node:path";
import KeyvSqlite from "@keyv/sqlite";
import Keyv from "keyv";

export async function open(folder) {
  const store = new KeyvSqlite({ uri: `sqlite://${join(folder, "keyv.db")}`, busyTimeout: 10_000 });
  await store.query("PRAGMA journal_mode = WAL");
  await store.query("PRAGMA synchronous = FULL");
  const keyv = new Keyv({ store });
  return {
    settings: "@keyv/sqlite on node-sqlite3; WAL, synchronous FULL set on its connection",
    write: (record) => keyv.set(record.id, record),
    read: (id) => keyv.get(id),
    close: () => keyv.disconnect(),
  };
}
