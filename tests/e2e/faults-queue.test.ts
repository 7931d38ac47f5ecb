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
