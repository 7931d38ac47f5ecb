import Database from "better-sqlite3";
import { createInsert } from "./snapshot-rig.ts";

/**
 * Writes 1,000 rows a second into the sample database, a transaction each, with a checkpoint now and then, until it is
 * killed; reports the id that it has come to.
 */
const [path = "", firstId = "1"] = process.argv.slice(2);
const database = new Database(path);
database.pragma("wal_autocheckpoint = 0");
const insert = createInsert(database);
let id = Number(firstId);
setInterval(() => {
  for (let count = 0; count < 10; count++) insert(id++);
  if (id % 500 === 1) database.pragma("wal_checkpoint(RESTART)");
  process.send?.(id - 1);
}, 10);
