import Database from "better-sqlite3";

/** Another program that holds the write lock of a database for as long as it is told to. */
const [path = "", holdMs = "0"] = process.argv.slice(2);
const database = new Database(path, { timeout: 5_000 });
database.exec("BEGIN IMMEDIATE");
process.send?.("held");
setTimeout(() => {
  database.close();
  process.send?.("released", () => process.disconnect());
}, Number(holdMs));
