import { join } from "node:path";
import KeyvSqlite from "@keyv/sqlite";
import Keyv from "keyv";

const AS_IT_COMES = "a rollback journal, synchronous FULL, which are SQLite's defaults and as durable";

export async function open(folder, { isTuned }) {
  const store = new KeyvSqlite({ uri: `sqlite://${join(folder, "keyv.db")}`, busyTimeout: 10_000 });
  if (isTuned) {
    await store.query("PRAGMA journal_mode = WAL");
    await store.query("PRAGMA synchronous = FULL");
  }
  const keyv = new Keyv({ store });
  return {
    settings: `@keyv/sqlite on node-sqlite3; ${isTuned ? "WAL, synchronous FULL set on its connection" : AS_IT_COMES}`,
    write: (record) => keyv.set(record.id, record),
    read: (id) => keyv.get(id),
    close: () => keyv.disconnect(),
  };
}
