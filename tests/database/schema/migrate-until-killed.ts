import Database from "better-sqlite3";
import { systemClock } from "../../../src/core/clock.ts";
import { SchemaValidator } from "../../../src/database/schema/schema-validator.ts";
import { killedVersions } from "./killed-versions.ts";

/** Says when it begins, migrates a file, says when it is done, and stays until somebody kills the process. */
const [path = ""] = process.argv.slice(2);
const database = new Database(path);
database.pragma("synchronous = FULL");
database.pragma("wal_autocheckpoint = 0");
process.send?.("begin", () => {
  new SchemaValidator(killedVersions, systemClock).applyMigrations(database);
  process.send?.("done");
});
process.on("message", () => undefined);
