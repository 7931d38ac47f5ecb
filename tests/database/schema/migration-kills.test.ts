import { fork } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../../src/core/clock.ts";
import { SchemaValidator } from "../../../src/database/schema/schema-validator.ts";
import { withFolder, withRawConnection } from "../../helpers/database.ts";
import { dump } from "../../helpers/schema-rig.ts";
import { killedVersions, ROW_COUNT } from "./killed-versions.ts";

const SCRIPT = fileURLToPath(new URL("./migrate-until-killed.ts", import.meta.url));
const KILL_COUNT = 6;

/** Migrates in a process that is killed at a moment of chance; whether it had said that it was done. */
async function migrateUntilKilled(path: string, longestMs: number): Promise<{ isDone: boolean; durationMs: number }> {
  const child = fork(SCRIPT, [path], { execArgv: [] });
  const exited = once(child, "exit");
  await once(child, "message");
  const startedAt = performance.now();
  let durationMs = Number.NaN;
  const done = once(child, "message").then(
    () => (durationMs = performance.now() - startedAt),
    () => undefined,
  );
  if (longestMs === Infinity) await done;
  else await Promise.race([done, new Promise((resolve) => setTimeout(resolve, Math.random() * longestMs))]);
  child.kill("SIGKILL");
  await exited;
  return { isDone: !Number.isNaN(durationMs), durationMs };
}

describe("a migration", () => {
  it("is there as a whole or not at all, wherever the process is killed, and is done by the next start", async () => {
    await withFolder(async (folder) => {
      const template = join(folder, "template.db");
      withRawConnection(template, (raw) => {
        raw.pragma("synchronous = OFF");
        new SchemaValidator(killedVersions.slice(0, 1), systemClock).applyMigrations(raw);
        raw
          .prepare(
            `INSERT INTO note (id, text) WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < ?)
             SELECT n, 'note ' || n * 7919 FROM r`,
          )
          .run(ROW_COUNT);
        raw.pragma("wal_checkpoint(TRUNCATE)");
      });
      const before = JSON.stringify(dump(template));
      const prepare = (name: string): string => {
        const path = join(folder, name);
        copyFileSync(template, path);
        withRawConnection(path, (raw) => raw.pragma("journal_mode = WAL"));
        return path;
      };
      const validator = new SchemaValidator(killedVersions, systemClock);
      const { durationMs } = await migrateUntilKilled(prepare("whole.db"), Infinity);

      const states = { old: 0, new: 0 };
      // On, if need be, until a kill has come before the end.
      for (let round = 0; round < KILL_COUNT || (states.old === 0 && round < 5 * KILL_COUNT); round++) {
        const path = prepare(`${round}.db`);
        const { isDone } = await migrateUntilKilled(path, durationMs * 1.1);
        const version = withRawConnection(path, (raw) => validator.checkHistory(raw));
        states[version === 1 ? "old" : "new"]++;
        if (isDone) expect(version).toBe(2);
        if (version === 1) expect(JSON.stringify(dump(path)) === before).toBe(true);

        withRawConnection(path, (raw) => {
          raw.pragma("synchronous = OFF");
          validator.applyMigrations(raw);
          expect(validator.validateSchema(raw)).toEqual([]);
          expect(raw.pragma("integrity_check", { simple: true })).toBe("ok");
          const sums = raw.prepare("SELECT count(*) AS rows, sum(length) AS length FROM note").get();
          const copied = raw.prepare("SELECT count(*) AS rows, sum(length(text)) AS length FROM _backup_note_v2").get();
          expect(sums).toEqual(copied);
          expect(sums).toMatchObject({ rows: ROW_COUNT });
        });
      }
      expect(states.old).toBeGreaterThan(0);
    });
  }, 120_000);
});
