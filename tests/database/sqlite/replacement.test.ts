import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  acceptOffer,
  offerPathOf,
  putReplacementInPlace,
  quarantineFolderAt,
  replacementPathOf,
  takeUpReplacement,
  isPutInPlace,
} from "../../../src/database/sqlite/replacement.ts";
import { createCounterDatabase, errorLike, withFolder } from "../../helpers/database.ts";

const FILES = ["test.db", "test.db-shm", "test.db-wal"];

function prepare(folder: string): { readonly path: string; readonly quarantine: string } {
  const path = join(folder, "test.db");
  for (const name of FILES) writeFileSync(join(folder, name), `old ${name}`);
  writeFileSync(replacementPathOf(path), "new");
  return { path, quarantine: quarantineFolderAt(path, 0) };
}

describe("a replacement", () => {
  it("takes the database's place, and what stood there is kept with its companions", async () => {
    await withFolder((folder) => {
      const { path, quarantine } = prepare(folder);
      expect(putReplacementInPlace(path, quarantine)).toEqual({ quarantineFolder: quarantine });
      expect(readdirSync(folder).sort()).toEqual(["quarantine", "test.db", "test.db.placed"]);
      expect(readFileSync(path, "utf8")).toBe("new");
      expect(readdirSync(quarantine).sort()).toEqual(FILES);
    });
  });

  it("is taken up at whatever step a crash interrupted it", async () => {
    // After so many of the files were moved aside.
    for (const movedCount of [0, 1, 2, 3]) {
      await withFolder((folder) => {
        const { path, quarantine } = prepare(folder);
        const early = quarantineFolderAt(path, 1);
        mkdirSync(early, { recursive: true });
        for (const name of ["test.db-shm", "test.db-wal", "test.db"].slice(0, movedCount)) {
          renameSync(join(folder, name), join(early, name));
        }
        takeUpReplacement(path, quarantine);
        expect(readdirSync(folder).sort()).toEqual(["quarantine", "test.db", "test.db.placed"]);
        expect(readFileSync(path, "utf8")).toBe("new");
        const kept = [early, quarantine].flatMap((place) => (existsSync(place) ? readdirSync(place) : []));
        expect(kept.sort()).toEqual(FILES);
        expect(takeUpReplacement(path, quarantine)).toBeUndefined();
      });
    }
  });

  it("is not what is only offered, until somebody accepts it", async () => {
    await withFolder((folder) => {
      const { path, quarantine } = prepare(folder);
      renameSync(replacementPathOf(path), offerPathOf(path));
      expect(takeUpReplacement(path, quarantine)).toBeUndefined();
      acceptOffer(path);
      takeUpReplacement(path, quarantine);
      expect(readFileSync(path, "utf8")).toBe("new");
      expect(() => acceptOffer(path)).toThrow(errorLike({ code: "BACKUP_NOT_FOUND" }));
    });
  });

  it("is known for what it is until something is moved into the file", async () => {
    await withFolder((folder) => {
      const path = join(folder, "test.db");
      writeFileSync(path, "old");
      expect(isPutInPlace(path)).toBe(false);
      writeFileSync(replacementPathOf(path), "new");
      putReplacementInPlace(path, quarantineFolderAt(path, 0));
      expect(isPutInPlace(path)).toBe(true);
      writeFileSync(path, "newer");
      expect(isPutInPlace(path)).toBe(false);
    });
  });

  it("is one like any other as soon as the archive has begun anew with it", async () => {
    await withFolder(async (folder) => {
      const archive = { folder: join(folder, "wal"), intervalMs: 0 };
      const write = async (isRestored: boolean): Promise<void> => {
        const database = createCounterDatabase({ folder });
        const { path, engine, manager } = database;
        engine.setArchive(archive);
        await manager.start();
        expect(isPutInPlace(path)).toBe(isRestored);
        await manager.call("counter.add", { name: "a", amount: 1 });
        expect(isPutInPlace(path)).toBe(false);
        await database.close();
        copyFileSync(path, replacementPathOf(path));
        putReplacementInPlace(path, quarantineFolderAt(path, 0));
      };
      await write(false);
      await write(true);
    });
  });
});
