import { copyFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { systemClock } from "../../../src/core/clock.ts";
import type { MusterError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import {
  IntegrityMonitor,
  type CheckResult,
  type IntegrityIncident,
  type IntegrityMonitorOptions,
} from "../../../src/database/integrity/integrity-monitor.ts";
import { MaintenanceRunner } from "../../../src/database/maintenance/maintenance-runner.ts";
import { SchemaValidator } from "../../../src/database/schema/schema-validator.ts";
import { createCounterDatabase, type TestDatabase } from "../../helpers/database.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { INTEGRITY_MODULE_URL, migrations, operations } from "./integrity-data-module.ts";

/** A file with the schema of the data module and what `fill` puts into it, closed, without a -wal. */
export function createTemplate(path: string, fill: (database: Database.Database) => void): void {
  const database = new Database(path);
  try {
    database.pragma("journal_mode = WAL");
    new SchemaValidator(migrations, systemClock).applyMigrations(database);
    database.transaction(() => fill(database)).immediate();
    database.pragma("wal_checkpoint(TRUNCATE)");
  } finally {
    database.close();
  }
}

/** Teams with members, badges and notes; everything refers to something. */
export function fillSoundly(database: Database.Database, teamCount: number, noteBytes = 20): void {
  const team = database.prepare("INSERT INTO team VALUES (?, ?, ?, ?)");
  const member = database.prepare('INSERT INTO "team ""member""" VALUES (?, ?, ?)');
  const badge = database.prepare('INSERT INTO badge (rowid, team_id, "order", value) VALUES (?, ?, ?, ?)');
  const note = database.prepare("INSERT INTO note (team_id, text) VALUES (?, ?)");
  for (let index = 0; index < teamCount; index++) {
    const id = `t${index}`;
    team.run(id, `Team ${index}`, index, 1_000 + index);
    for (let order = 0; order < 3; order++) member.run(id, order, `Member ${order}`);
    badge.run(`b${index}`, id, 1, Buffer.from([index % 256, 0, 255]));
    note.run(id, "n".repeat(noteBytes));
  }
}

/** Changes the file as a program without foreign keys would, or one that writes into indexes. */
export function tamper(path: string, change: (database: Database.Database) => void): void {
  const database = new Database(path);
  try {
    database.pragma("foreign_keys = OFF");
    database.pragma("synchronous = OFF");
    change(database);
  } finally {
    database.close();
  }
}

/** Lets `change` see an index under the name `entries`, as a table (k1, …, place) of which it is the b-tree. */
export function tamperWithIndex(path: string, index: string, change: (database: Database.Database) => void): void {
  tamper(path, (database) => {
    const rootPage = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").pluck().get(index);
    const width = (database.pragma(`index_info("${index}")`) as unknown[]).length;
    const keys = Array.from({ length: width }, (_, at) => `k${at + 1}`);
    const columns = [...keys, "place"].join(", ");
    database.unsafeMode(true);
    database.pragma("writable_schema = ON");
    database
      .prepare(
        "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('table', 'entries', 'entries', ?, ?)",
      )
      .run(rootPage, `CREATE TABLE entries (${columns}, PRIMARY KEY (${columns})) WITHOUT ROWID`);
    database.pragma("writable_schema = RESET");
    change(database);
    database.pragma("writable_schema = ON");
    database.prepare("DELETE FROM sqlite_schema WHERE name = 'entries'").run();
    database.pragma("writable_schema = RESET");
    database.unsafeMode(false);
  });
}

/** Lets `change` write past the rules of a table, which is for as long what `looseSql` creates. */
export function tamperPastRules(
  path: string,
  { table, looseSql }: { readonly table: string; readonly looseSql: string },
  change: (database: Database.Database) => void,
): void {
  tamper(path, (database) => {
    const declare = (sql: string): void => {
      database.pragma("writable_schema = ON");
      database.prepare("UPDATE sqlite_schema SET sql = ? WHERE name = ?").run(sql, table);
      database.pragma("writable_schema = RESET");
    };
    const sql = database.prepare<[string], string>("SELECT sql FROM sqlite_schema WHERE name = ?").pluck().get(table)!;
    database.unsafeMode(true);
    declare(looseSql);
    change(database);
    declare(sql);
    database.unsafeMode(false);
  });
}

/** For teams, of whose rules those of the unique indexes stay. */
export function tamperWithTeams(path: string, change: (database: Database.Database) => void): void {
  const looseSql = "CREATE TABLE team (id PRIMARY KEY, name UNIQUE, size, updated_at)";
  tamperPastRules(path, { table: "team", looseSql }, change);
}

export interface MonitorRig {
  readonly monitor: IntegrityMonitor;
  readonly maintenance: MaintenanceRunner;
  readonly incidents: IntegrityIncident[];
  readonly corruptions: MusterError[];
  /** Runs the check that a start, or the schedule, brings. */
  readonly run: (kind: "start" | "scheduled") => Promise<CheckResult | undefined>;
}

/** A monitor, started, with a clock and a schedule that go when they are told. */
export function createMonitor(
  database: Pick<TestDatabase, "path" | "manager" | "degradation">,
  options: Partial<IntegrityMonitorOptions> = {},
): MonitorRig {
  const { path, manager, degradation } = database;
  const clock = new ManualClock();
  const maintenance = new MaintenanceRunner({ clock: systemClock, logger: silentLogger });
  const [incidents, corruptions]: [IntegrityIncident[], MusterError[]] = [[], []];
  let tick = (): void => undefined;
  const monitor = new IntegrityMonitor({
    ...{ path, database: manager, degradation, expression: "0 4 * * *" },
    inspect: (job, options) => maintenance.run(job, options),
    schedule: (_expression, run) => {
      tick = run;
      return () => undefined;
    },
    onIncident: (incident) => void incidents.push(incident),
    onCorrupt: (error) => void corruptions.push(error),
    clock,
    logger: silentLogger,
    ...options,
  });
  monitor.start();
  return {
    ...{ monitor, maintenance, incidents, corruptions },
    run(kind) {
      if (kind === "start") clock.advance(2_000);
      else tick();
      if (!monitor.isRunning) throw new Error(`no check has begun for ${kind}`);
      return monitor.check("requested");
    },
  };
}

/** A database of real threads that is not started, over the schema of the data module. */
export function createIntegrityDatabase(folder: string, file = "test.db"): TestDatabase {
  const path = file === ":memory:" ? file : join(folder, file);
  const connection = { path, synchronous: "full", isForeignKeysEnabled: true, cacheSizeBytes: 1024 ** 2 } as const;
  return createCounterDatabase({
    ...{ folder, file },
    engine: { thread: { dataModuleUrl: INTEGRITY_MODULE_URL, connection } },
    manager: { operations },
  });
}

export interface IntegrityRig extends TestDatabase, MonitorRig {
  call<Result>(name: string, input?: unknown): Promise<Result>;
}

/** A monitor over a database of real threads; both are started. `template` is copied to be the database. */
export async function openRig(
  folder: string,
  template: string,
  options: Partial<IntegrityMonitorOptions> = {},
): Promise<IntegrityRig> {
  copyFileSync(template, join(folder, "test.db"));
  const database = createIntegrityDatabase(folder);
  const { manager } = database;
  await manager.start();
  const monitorRig = createMonitor(database, options);
  return {
    ...database,
    ...monitorRig,
    call: async <Result>(name: string, input: unknown = {}) => (await manager.call(name, input)) as Result,
    async close() {
      await monitorRig.monitor.stop();
      await monitorRig.maintenance.stop();
      await manager.stop();
    },
  };
}
