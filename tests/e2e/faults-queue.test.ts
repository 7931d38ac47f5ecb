import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { until, withFolder } from "../helpers/database.ts";
import { createTortureDatabase, databasePathIn } from "../helpers/torture-database.ts";

describe("a single write that meets a foreign lock, which takes no service away", () => {
  it("is queued and applied once the lock is gone, without another write or fault that asks for it", async () => {
    await withFolder(async (folder) => {
      const folders = { database: folder, spool: join(folder, "spool") };
      const database = createTortureDatabase(folders);
      const { manager, degradation } = database;
      try {
        await manager.start();
        const other = new Database(databasePathIn(folders));
        other.exec("BEGIN IMMEDIATE");
        expect(await manager.call("counter.add", { name: "a", amount: 1 })).toBeUndefined();
        expect(degradation.state.kind).toBe("normal");
        other.exec("ROLLBACK");
        other.close();
        await until(() => manager.health().queue.size === 0, 30_000);
        expect(await manager.call("counter.get", { name: "a" })).toBe(1);
      } finally {
        await database.close();
      }
    });
  });
});

describe("a queue that cannot be opened at the start", () => {
  it("lets reads work and no write, and what waits in it comes first when it can be opened", async () => {
    await withFolder(async (folder) => {
      const folders = { database: folder, spool: join(folder, "spool") };
      const hidden = `${folders.spool}.away`;
      const before = createTortureDatabase(folders);
      await before.manager.start();
      await before.manager.call("counter.add", { name: "a", amount: 1 });
      const other = new Database(databasePathIn(folders));
      other.exec("BEGIN IMMEDIATE");
      expect(await before.manager.call("counter.add", { name: "a", amount: 2 })).toBeUndefined();
      await before.close();
      other.close();

      renameSync(folders.spool, hidden);
      writeFileSync(folders.spool, "not a folder");
      const database = createTortureDatabase(folders);
      const { manager, degradation } = database;
      try {
        await expect(manager.start()).rejects.toMatchObject({ code: "QUEUE_WRITE_FAILED" });
        await until(() => degradation.state.kind === "read-only");
        expect(await manager.call("counter.get", { name: "a" })).toBe(1);
        const refused = manager.call("counter.add", { name: "a", amount: 4 });
        await expect(refused).rejects.toMatchObject({ code: "QUEUE_WRITE_FAILED" });
        rmSync(folders.spool);
        renameSync(hidden, folders.spool);
        await until(() => degradation.state.kind === "normal" && manager.health().queue.size === 0, 30_000);
        expect(await manager.call("counter.get", { name: "a" })).toBe(3);
      } finally {
        await database.close();
      }
    });
  });
});
