import { join } from "node:path";
import Database from "better-sqlite3";
import { checkIntegrity, type IntegrityReport } from "../../../src/database/maintenance/integrity-check.ts";
import { withFolder } from "../../helpers/database.ts";

/** Checks a database with a table whose rows were written with its rules off. */
function checkRows(names: readonly string[], depth: "quick" | "full"): Promise<IntegrityReport> {
  return withFolder((folder) => {
    const path = join(folder, "test.db");
    const database = new Database(path);
    database.pragma("journal_mode = WAL");
    database.exec("CREATE TABLE note (id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (length(name) > 0)) STRICT");
    database.pragma("ignore_check_constraints = ON");
    for (const name of names) database.prepare("INSERT INTO note (name) VALUES (?)").run(name);
    database.close();
    return checkIntegrity({ kind: "integrity-check", path, depth }, () => undefined);
  });
}

describe("rows that break a rule of their table", () => {
  it.each(["quick", "full"] as const)("are found by the %s check, although it only reads", async (depth) => {
    expect((await checkRows(["a", ""], depth)).lines).toEqual(["CHECK constraint failed in note"]);
    expect((await checkRows(["a", "b"], depth)).lines).toEqual(["ok"]);
  });
});
