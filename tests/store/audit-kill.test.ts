import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { AuditEntry } from "../../src/store/audit-chain.ts";
import { AuditLog, type RecordOutcome } from "../../src/store/audit-log.ts";
import type { Store } from "../../src/store/store.ts";
import { openTestStore, withFolder } from "../helpers/database.ts";
import { newGuild } from "./fixtures.ts";

const SCRIPT = fileURLToPath(new URL("./audit-until-killed.ts", import.meta.url));
const KILL_COUNT = 8;

/** Runs the script until it is killed at a moment of chance. What it said was durable, by number. */
async function recordUntilKilled(
  folder: string,
  guildId: string,
  firstNumber: number,
): Promise<Map<number, RecordOutcome>> {
  const outcomes = new Map<number, RecordOutcome>();
  const child = fork(SCRIPT, [folder, guildId, String(firstNumber)], { execArgv: [] });
  child.on("message", ([number, outcome]: [number, RecordOutcome]) => outcomes.set(number, outcome));
  const exited = once(child, "exit");
  await once(child, "message");
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 120));
  child.kill("SIGKILL");
  await exited;
  return outcomes;
}

async function listAll(store: Store, guildId: string): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  let page = await store.audit.list({ guildId, limit: 100 });
  for (;;) {
    entries.push(...page.entries);
    const oldest = page.entries.at(-1);
    if (!oldest || !page.hasOlder) break;
    page = await store.audit.list({ guildId, limit: 100, sequence: oldest.sequence });
  }
  return entries.toSorted((a, b) => a.sequence - b.sequence);
}

describe("recording audit entries", () => {
  it("leaves every acknowledged entry in the chain once, in order, wherever the process is killed", async () => {
    await withFolder(async (folder) => {
      const setUp = await openTestStore({ folder });
      const guildId = await newGuild(setUp.store);
      await setUp.close();
      const fallbackPath = join(folder, "audit-fallback.ndjson");

      const acknowledged: number[] = [];
      const outcomes: RecordOutcome[] = [];
      let keptByKillCount = 0;
      // On, if need be, until a kill has left entries in the file.
      for (let round = 0; round < KILL_COUNT || (keptByKillCount === 0 && round < 5 * KILL_COUNT); round++) {
        // Numbers of their own for each run: one that was not acknowledged may be there as well.
        const run = await recordUntilKilled(folder, guildId, round * 1_000_000);
        acknowledged.push(...run.keys());
        outcomes.push(...run.values());
        if (existsSync(fallbackPath)) keptByKillCount++;
      }

      const database = await openTestStore({ folder });
      try {
        const { store } = database;
        const auditLog = new AuditLog({
          ...{ store, fallbackPath, clock: systemClock, logger: silentLogger },
          retry: () => ({ maxAttempts: 1, baseDelay: 1, maxDelay: 1, backoffMultiplier: 1 }),
        });
        await auditLog.open();
        expect((await auditLog.sync()).remaining).toBe(0);
        await auditLog.close();
        expect(existsSync(fallbackPath)).toBe(false);

        const entries = await listAll(store, guildId);
        const numbers = entries.map(({ target }) => Number(target));
        expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
        const present = new Set(numbers);
        expect(acknowledged.filter((number) => !present.has(number))).toEqual([]);

        let step = await store.audit.verify({ guildId });
        while (!step.isDone) step = await store.audit.verify({ guildId, end: step.end });
        expect(step).toEqual({ end: expect.objectContaining({ sequence: entries.length }) as unknown, isDone: true });
      } finally {
        await database.close();
      }
      // The kills met what they were to meet.
      expect(new Set(outcomes)).toEqual(new Set(["stored", "kept"]));
      expect(keptByKillCount).toBeGreaterThan(0);
    });
  }, 120_000);
});
