import { copyFileSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  openReaderConnection,
  openWriterConnection,
  requireSafeSqlite,
  type ConnectionOptions,
} from "../../../src/database/sqlite/connection.ts";
import { errorLike, withCounterDatabase, withFolder } from "../../helpers/database.ts";

const optionsFor = (path: string): ConnectionOptions => ({
  path,
  synchronous: "full",
  isForeignKeysEnabled: true,
  cacheSizeBytes: 8 * 1024 ** 2,
});

const SETTINGS = { synchronous: 2, foreign_keys: 1, wal_autocheckpoint: 0, journal_mode: "wal", cache_size: -8_192 };

describe("a connection", () => {
  it.each(["3.51.2", "3.7.0", "2.99.99", "3.51"])("refuses SQLite %s, which can lose committed pages", (version) => {
    expect(() => requireSafeSqlite(version)).toThrow(errorLike({ code: "SQLITE_TOO_OLD" }));
  });

  it.each(["3.51.3", "3.52.0", "4.0.0", "3.53"])("accepts SQLite %s", (version) => {
    expect(() => requireSafeSqlite(version)).not.toThrow();
  });

  it("is set as it says, reader and writer", async () => {
    await withFolder((folder) => {
      const options = optionsFor(join(folder, "data", "a.db"));
      const writer = openWriterConnection(options);
      const reader = openReaderConnection(options);
      for (const { database } of [writer, reader]) {
        const actual = Object.keys(SETTINGS).map((name) => [name, database.pragma(name, { simple: true })]);
        expect(Object.fromEntries(actual)).toEqual(SETTINGS);
      }
      expect(() => reader.database.exec("CREATE TABLE t (a)")).toThrow("readonly");
      reader.database.close();
      writer.database.close();
    });
  });

  it("is set as it says in the threads, too", async () => {
    await withCounterDatabase({}, async ({ manager }) => {
      const read = (name: string): Promise<unknown> => manager.call("counter.readPragma", { name });
      expect(await read("synchronous")).toBe(2);
      expect(await read("foreign_keys")).toBe(1);
      expect(await read("journal_mode")).toBe("wal");
    });
  });

  it("keeps the file, its companions and a folder it makes to the bot's user", async () => {
    await withFolder((folder) => {
      const path = join(folder, "data", "deep", "a.db");
      const { database } = openWriterConnection(optionsFor(path));
      database.exec("CREATE TABLE t (a)");
      for (const file of [path, `${path}-wal`, `${path}-shm`]) expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(statSync(join(folder, "data")).mode & 0o777).toBe(0o700);
      expect(statSync(join(folder, "data", "deep")).mode & 0o777).toBe(0o700);
      database.close();
    });
  });

  it("says what is wrong with a path it cannot open", async () => {
    await withFolder((folder) => {
      writeFileSync(join(folder, "file"), "");
      mkdirSync(join(folder, "folder"));
      for (const path of [join(folder, "file", "a.db"), join(folder, "folder")]) {
        expect(() => openWriterConnection(optionsFor(path))).toThrow(
          errorLike({ code: "DATABASE_UNAVAILABLE", hint: expect.any(String) as string }),
        );
      }
      expect(() => openReaderConnection(optionsFor(join(folder, "none.db")))).toThrow(
        errorLike({ code: "DATABASE_UNAVAILABLE" }),
      );
    });
  });

  it("does not make an empty file where one has to exist", async () => {
    await withFolder((folder) => {
      const path = join(folder, "a.db");
      expect(() => openWriterConnection({ ...optionsFor(path), mustExist: true })).toThrow("is not there");
      expect(() => statSync(path)).toThrow();
    });
  });

  it("leaves a file that was emptied, and the log beside it, which SQLite would delete", async () => {
    await withFolder((folder) => {
      const [path, emptied] = [join(folder, "a.db"), join(folder, "b.db")];
      const { database } = openWriterConnection(optionsFor(path));
      database.exec("CREATE TABLE row (id INTEGER PRIMARY KEY)");
      copyFileSync(`${path}-wal`, `${emptied}-wal`);
      database.close();
      writeFileSync(emptied, "");
      const logBytes = statSync(`${emptied}-wal`).size;
      expect(logBytes).toBeGreaterThan(0);
      for (const open of [openWriterConnection, openReaderConnection]) {
        expect(() => open({ ...optionsFor(emptied), mustExist: true })).toThrow(
          errorLike({ code: "DATABASE_MISSING" }),
        );
      }
      expect([statSync(emptied).size, statSync(`${emptied}-wal`).size]).toEqual([0, logBytes]);
    });
  });
});
