import { execFileSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { listGenerationsSync } from "../../src/database/backup/archive-index.ts";
import { createCounterDatabase, until, withFolder, withRawConnection, type TestDatabase } from "../helpers/database.ts";
import { fillDisk, withTmpfs } from "../helpers/full-disk.ts";

const isRoot = process.getuid?.() === 0;
const CHECKPOINT_BYTES = 4 * 1024 ** 2;

interface Rig {
  readonly disk: string;
  readonly archiveFolder: string;
  readonly database: TestDatabase;
}

/** A database whose archive has a small disk of its own. Not started. */
async function withArchiveOnDisk(intervalMs: number, body: (rig: Rig) => Promise<void>): Promise<void> {
  await withFolder((folder) =>
    withTmpfs(folder, 48, async (disk) => {
      const archiveFolder = join(disk, "wal");
      mkdirSync(archiveFolder);
      const database = createCounterDatabase({ folder });
      database.engine.setArchive({ folder: archiveFolder, intervalMs });
      try {
        await body({ disk, archiveFolder, database });
      } finally {
        await database.close();
      }
    }),
  );
}

async function add({ manager }: TestDatabase, count: number, name = "a"): Promise<void> {
  for (let done = 0; done < count; done += 20) {
    await Promise.all(Array.from({ length: 20 }, () => manager.call("counter.add", { name, amount: 1 })));
  }
}

async function readStatus({ engine }: TestDatabase) {
  await engine.flushArchive();
  return engine.archiveStatus!;
}

function countEntries({ path }: TestDatabase): number {
  return withRawConnection(path, (raw) => raw.prepare<[], number>("SELECT count(*) FROM ledger").pluck().get()!);
}

(isRoot ? describe : describe.skip)("an archive whose disk", () => {
  it("is full and has space again: writes go on, no checkpoint takes what is missing, and the archive goes on", async () => {
    await withArchiveOnDisk(50, async ({ disk, database }) => {
      await database.manager.start();
      await add(database, 100);
      const { generation } = await readStatus(database);
      const free = fillDisk(disk);
      while (statSync(`${database.path}-wal`).size < 2 * CHECKPOINT_BYTES) await add(database, 200);
      const behind = await readStatus(database);
      expect(behind.lastError).toContain("ENOSPC");
      expect(behind.pendingSince).toBeLessThan(Date.now());
      free();
      expect(await readStatus(database)).toMatchObject({
        ...{ generation, gap: undefined, pendingSince: undefined, lastError: undefined },
      });
    });
  });

  it("is full when everything has to be archived before it is acknowledged: writes are refused, and apply once", async () => {
    await withArchiveOnDisk(0, async ({ disk, database }) => {
      await database.manager.start();
      await add(database, 20);
      const { generation } = await readStatus(database);
      const free = fillDisk(disk);
      // The last page of a file may have room for some more.
      const codes = new Set<string>();
      let acknowledged = 20;
      for (let count = 0; count < 50; count++) {
        await database.manager.call("counter.add", { name: "a", amount: 1 }).then(
          () => acknowledged++,
          (error: unknown) => codes.add((error as { code: string }).code),
        );
      }
      expect(codes).toContain("DATABASE_FULL");
      // Of what was refused before anybody tried.
      expect([...codes].filter((code) => !["DATABASE_FULL", "DATABASE_READ_ONLY"].includes(code))).toEqual([]);
      free();
      await until(() => database.degradation.state.kind === "normal");
      await add(database, 20);
      expect(await readStatus(database)).toMatchObject({ generation, gap: undefined, lastError: undefined });
      await database.close();
      expect(countEntries(database)).toBeGreaterThanOrEqual(acknowledged + 20);
    });
  });

  it("is full from the start: no folders pile up, and the archive begins when there is space", async () => {
    await withArchiveOnDisk(20, async ({ disk, archiveFolder, database }) => {
      const free = fillDisk(disk);
      await database.manager.start();
      await add(database, 20);
      for (let count = 0; count < 10; count++) expect((await readStatus(database)).lastError).toContain("ENOSPC");
      expect(listGenerationsSync(archiveFolder)).toEqual([]);
      free();
      expect(await readStatus(database)).toMatchObject({ gap: undefined, lastError: undefined });
      expect(listGenerationsSync(archiveFolder)).toHaveLength(1);
    });
  });

  it("is read-only at the start and writable later: the archive goes on where it was", async () => {
    await withArchiveOnDisk(50, async ({ disk, archiveFolder, database }) => {
      await database.manager.start();
      await add(database, 20);
      const { generation } = await readStatus(database);
      // So that the log on the disk is the one that the archive has the beginning of.
      const again = await withReaderHeld(database);
      execFileSync("mount", ["-o", "remount,ro", disk]);
      again.engine.setArchive({ folder: archiveFolder, intervalMs: 50 });
      await again.manager.start();
      await add(again, 20);
      expect((await readStatus(again)).lastError).toContain("EROFS");
      execFileSync("mount", ["-o", "remount,rw", disk]);
      expect(await readStatus(again)).toMatchObject({ generation, gap: undefined, lastError: undefined });
      await again.close();
    });
  });
});

/** Stops the database while somebody reads it, so that its log stays; returns it anew, not started. */
async function withReaderHeld(database: TestDatabase): Promise<TestDatabase> {
  const folder = join(database.path, "..");
  const reader = new Database(database.path, { readonly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM ledger").get();
  await database.close();
  reader.close();
  return createCounterDatabase({ folder });
}
