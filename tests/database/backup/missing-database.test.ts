import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  decideStart,
  readDatabaseState,
  readStartFacts,
  type StartDecision,
} from "../../../src/database/backup/missing-database.ts";
import { withFolder } from "../../helpers/database.ts";

const decide = async (folder: string, hadLock = false): Promise<StartDecision> =>
  decideStart(
    await readStartFacts({
      databasePath: join(folder, "data", "test.db"),
      backupFolder: join(folder, "backups"),
      hadLock,
    }),
  );

describe("a start without a database", () => {
  it("makes one where nothing tells of an earlier one", async () => {
    await withFolder(async (folder) => {
      expect(await decide(folder)).toEqual({ kind: "first-run" });
      mkdirSync(join(folder, "data", "spool"), { recursive: true });
      mkdirSync(join(folder, "backups", "snapshots"), { recursive: true });
      mkdirSync(join(folder, "backups", "wal"));
      writeFileSync(join(folder, "data", "spool", "00000001.ndjson"), "");
      expect(await decide(folder)).toEqual({ kind: "first-run" });
    });
  });

  // Whoever runs the tests may read everything: a file in the folder's place stands for a disk that does not answer.
  it.each(["snapshots", "wal"])("makes none while the folder %s of the backups cannot be read", async (name) => {
    await withFolder(async (folder) => {
      mkdirSync(join(folder, "backups"));
      writeFileSync(join(folder, "backups", name), "not a folder");
      const decision = await decide(folder);
      expect(decision).toMatchObject({ kind: "missing", areBackupsUnreadable: true });
      expect(decision).toMatchObject({ found: expect.stringContaining("the backups cannot be read: ") as string });
    });
  });

  it("makes none where there was one before", async () => {
    await withFolder(async (folder) => {
      expect(await decide(folder, true)).toMatchObject({ kind: "missing", areBackupsUnreadable: false });
      mkdirSync(join(folder, "data", "spool"), { recursive: true });
      writeFileSync(join(folder, "data", "spool", "00000001.ndjson"), "a write");
      expect(await decide(folder)).toMatchObject({ kind: "missing" });
    });
  });

  it("takes a file that was emptied as lost, whatever its log has", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "test.db");
      writeFileSync(path, "");
      writeFileSync(`${path}-wal`, "all of it");
      expect(await readDatabaseState(path)).toBe("empty");
    });
  });

  it("takes a file that cannot be asked for as there", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "test.db");
      expect(await readDatabaseState(path)).toBe("missing");
      symlinkSync(path, path);
      expect(await readDatabaseState(path)).toBe("present");
    });
  });
});
