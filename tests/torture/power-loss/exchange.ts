import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { createSnapshot } from "../../../src/database/backup/create-snapshot.ts";
import { exchangeDatabase } from "../../../src/database/backup/exchange-database.ts";
import { executeRestore } from "../../../src/database/backup/execute-restore.ts";
import { fingerprintOf } from "../../../src/database/sqlite/archive-take-up.ts";
import { offerPathOf } from "../../../src/database/sqlite/replacement.ts";
import { createCounterDatabase } from "../../helpers/database.ts";
import { silentProgress } from "../../helpers/silent-progress.ts";
import type { ExchangeReport } from "./exchange-cuts.ts";

/*
 * The process that loses its power while a restored database takes the place of the present one. The restored one has
 * one row, the present one a second.
 */
const [root = ""] = process.argv.slice(2);
const send = (report: ExchangeReport): Promise<void> =>
  new Promise((resolve) => void process.send!(report, () => resolve()));

const data = join(root, "data");
const backupFolder = join(root, "backups");
mkdirSync(backupFolder, { recursive: true });
const database = createCounterDatabase({ folder: data });
await database.manager.start();
await database.manager.call("counter.add", { name: "restored", amount: 1 });
const job = { databasePath: database.path, backupFolder, reason: "manual", comment: "", compression: "none" } as const;
await createSnapshot({ kind: "create-snapshot", ...job, hasArchive: false }, silentProgress);
await database.manager.call("counter.add", { name: "present", amount: 1 });
await send({ kind: "present" });
await database.close();
// As a crash leaves it: with a log beside it that must not overlay what comes in its place.
const raw = new Database(database.path);
raw.pragma("wal_autocheckpoint = 0");
raw.pragma("synchronous = FULL");
raw.exec("UPDATE counter SET value = 2 WHERE name = 'present'");

const target = { kind: "newest" } as const;
const restored = { kind: "restore", databasePath: database.path, backupFolder, target, isOffer: true } as const;
await executeRestore(restored, silentProgress);
await send({ kind: "offered", fingerprint: fingerprintOf(offerPathOf(database.path))! });
exchangeDatabase({
  ...{ kind: "exchange-database", databasePath: database.path },
  quarantineFolder: join(data, "quarantine", "then"),
});
await send({ kind: "exchanged" });
process.exit(0);
