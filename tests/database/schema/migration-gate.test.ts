import { join } from "node:path";
import { parseDailyWindow } from "../../../src/config/daily-window.ts";
import { MusterError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { MigrationGate, type MigrationEvent } from "../../../src/database/schema/migration-gate.ts";
import type { SchemaVersion } from "../../../src/database/schema/schema-version.ts";
import { until, withFolder, withRawConnection, type TestDatabase } from "../../helpers/database.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { createEngineAt, createFile, dump } from "../../helpers/schema-rig.ts";

const first: SchemaVersion = {
  version: 1,
  description: "notes",
  migrations: ["CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"],
};
const second: SchemaVersion = {
  version: 2,
  description: "notes have a colour",
  migrations: ["ALTER TABLE note ADD COLUMN colour TEXT NOT NULL DEFAULT 'green'"],
};
const broken: SchemaVersion = { ...second, migrations: [...second.migrations, "SELEKT 1"] };

const versionOf = (path: string): number =>
  withRawConnection(path, (raw) => raw.prepare<[], number>("SELECT max(version) FROM schema_version").pluck().get()!);

interface Rig {
  readonly path: string;
  readonly database: TestDatabase;
  readonly gate: MigrationGate;
  readonly clock: ManualClock;
  readonly events: MigrationEvent[];
  /** What each backup found in the file, and what becomes of the next. */
  readonly backups: { readonly foundVersions: number[]; failure: MusterError | undefined };
  readonly setWindow: (text: string | undefined) => void;
}

/** A database of version 1 with a row, and a program that knows two versions and does not migrate by itself. */
async function withRig(versions: readonly SchemaVersion[], body: (rig: Rig) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "test.db");
    await createFile(path, [first], "INSERT INTO note VALUES (1, 'first')");

    const database = createEngineAt(path, versions, false);
    const clock = new ManualClock(new Date("2026-11-20T12:00").getTime());
    const events: MigrationEvent[] = [];
    const backups: Rig["backups"] = { foundVersions: [], failure: undefined };
    let window: string | undefined;
    const gate = new MigrationGate({
      engine: database.engine,
      backups: {
        create() {
          backups.foundVersions.push(versionOf(path));
          return backups.failure ? Promise.reject(backups.failure) : Promise.resolve({ id: "1a2b3c4d" });
        },
      },
      window: () => (window === undefined ? undefined : parseDailyWindow(window)),
      onEvent: (event) => events.push(event),
      clock,
      logger: silentLogger,
    });
    try {
      await body({ path, database, gate, clock, events, backups, setWindow: (text) => (window = text) });
    } finally {
      gate.stop();
      await database.close();
    }
  });
}

const isReady = ({ engine }: TestDatabase): boolean => engine.status().state.kind === "ready";

function reasonOf({ degradation }: TestDatabase): string {
  return degradation.state.kind === "normal"
    ? ""
    : `${degradation.state.reason.code} ${degradation.state.reason.message}`;
}

const pending = { from: 1, to: 2, descriptions: ["2: notes have a colour"] };

describe("an engine that may not migrate", () => {
  it("leaves a database with rows as it is, offline, and says what waits", async () => {
    await withRig([first, second], async ({ path, database }) => {
      const before = dump(path);
      await expect(database.manager.start()).rejects.toMatchObject({ code: "MIGRATION_PENDING", details: pending });
      expect(database.degradation.state.kind).toBe("offline");
      expect(dump(path)).toEqual(before);
    });
  });

  it("creates the tables of a new database all the same", async () => {
    await withFolder(async (folder) => {
      const database = createEngineAt(join(folder, "new.db"), [first, second], false);
      await database.manager.start();
      await database.close();
      expect(versionOf(join(folder, "new.db"))).toBe(2);
    });
  });

  it("starts as before when nothing is pending", async () => {
    await withRig([first], async ({ database }) => {
      await database.manager.start();
      expect(isReady(database)).toBe(true);
    });
  });
});

describe("MigrationGate", () => {
  it.each([true, false])("has a backup made, then lets the engine migrate (started first: %s)", async (isFirst) => {
    await withRig([first, second], async ({ path, database, gate, events, backups }) => {
      if (isFirst) gate.start();
      await expect(database.manager.start()).rejects.toMatchObject({ code: "MIGRATION_PENDING" });
      if (!isFirst) gate.start();
      await until(() => isReady(database));
      expect(backups.foundVersions).toEqual([1]);
      expect(events).toEqual([{ kind: "migrated", pending, backupId: "1a2b3c4d" }]);
      expect(database.degradation.state.kind).toBe("normal");
      await database.close();
      withRawConnection(path, (raw) => {
        expect(raw.prepare("SELECT * FROM note").all()).toEqual([{ id: 1, text: "first", colour: "green" }]);
      });
    });
  });

  it("migrates nothing when the backup fails, says why, and tries again later", async () => {
    await withRig([first, second], async ({ path, database, gate, clock, events, backups }) => {
      const before = dump(path);
      backups.failure = new MusterError("BACKUP_FAILED", "make a backup: the disk is full", { hint: "Free space." });
      gate.start();
      await database.manager.start().catch(() => undefined);
      await until(() => events.length === 1);
      expect(events).toEqual([{ kind: "backup-failed", pending, error: backups.failure }]);
      expect(reasonOf(database)).toBe(
        "MIGRATION_PENDING migrate the database from version 1 to 2: the backup before it failed: make a backup: the disk is full",
      );
      expect(dump(path)).toEqual(before);

      backups.failure = undefined;
      clock.advance(5 * 60_000);
      await until(() => isReady(database));
      expect(backups.foundVersions).toEqual([1, 1]);
      expect(events.at(-1)).toMatchObject({ kind: "migrated" });
    });
  });

  it("waits for the maintenance window, says until when, and takes a changed one at once", async () => {
    await withRig([first, second], async ({ database, gate, clock, events, backups, setWindow }) => {
      setWindow("02:00-05:00");
      gate.start();
      await database.manager.start().catch(() => undefined);
      const opening = new Date("2026-11-21T02:00").getTime();
      expect(events).toEqual([{ kind: "waiting", pending, until: opening }]);
      expect(reasonOf(database)).toBe(
        `MIGRATION_PENDING migrate the database from version 1 to 2: it waits for the maintenance window 02:00-05:00, until ${new Date(opening).toISOString()}`,
      );
      clock.advance(13 * 3_600_000);
      expect(backups.foundVersions).toEqual([]);

      setWindow("01:30-01:40");
      gate.reconsider();
      expect(events).toHaveLength(2);
      clock.advance(30 * 60_000);
      await until(() => isReady(database));
      expect(backups.foundVersions).toEqual([1]);
    });
  });

  it("tells of a migration that fails, once, with the database as it was", async () => {
    await withRig([first, broken], async ({ path, database, gate, events }) => {
      const before = dump(path);
      gate.start();
      await database.manager.start().catch(() => undefined);
      await until(() => events.length > 0);
      expect(events).toMatchObject([{ kind: "failed", pending, error: { code: "MIGRATION_FAILED" } }]);
      expect(reasonOf(database)).toMatch(/^MIGRATION_FAILED migrate to 2: statement 2 of 2 failed: /);
      expect(dump(path)).toEqual(before);
    });
  });

  it("allows nothing once it is stopped", async () => {
    await withRig([first, second], async ({ path, database, gate, clock, backups }) => {
      backups.failure = new MusterError("BACKUP_FAILED", "make a backup: the disk is full");
      gate.start();
      await database.manager.start().catch(() => undefined);
      await until(() => reasonOf(database).includes("the disk is full"));
      gate.stop();
      backups.failure = undefined;
      clock.advance(24 * 3_600_000);
      expect(backups.foundVersions).toHaveLength(1);
      expect(versionOf(path)).toBe(1);
    });
  });
});
