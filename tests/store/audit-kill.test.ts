import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { AuditEntry } from "../../src/store/audit-chain.ts";
import { AuditLog, type RecordOutcome } from "../../src/store/audit-log.ts";
import type { Store } from "../../src/store/store.ts";
import { openTestStore, withFolder } from "../helpers/database.ts";
import { fallbackPathOf, newGuild } from "./fixtures.ts";

const SCRIPT = fileURLToPath(new URL("./audit-until-killed.ts", import.meta.url));
/** Each meets all the logs; a process takes longer to start than to be killed. */
const KILL_COUNT = Number(process.env["AUDIT_KILLS"] ?? 2);
const LOG_COUNT = 5;

interface Acknowledged {
  readonly guildId: string;
  readonly number: number;
  readonly outcome: RecordOutcome;
}

/** Runs the script until it is killed at a moment of chance. What it said was durable. */
async function recordUntilKilled(
  folder: string,
  guildIds: readonly string[],
  firstNumber: number,
): Promise<Acknowledged[]> {
  const acknowledged: Acknowledged[] = [];
  const child = fork(SCRIPT, [folder, String(firstNumber), ...guildIds], { execArgv: [] });
  child.on("message", ([guildId, number, outcome]: [string, number, RecordOutcome]) => {
    acknowledged.push({ guildId, number, outcome });
  });
  const exited = once(child, "exit");
  await once(child, "message");
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 120));
  child.kill("SIGKILL");
  await exited;
  return acknowledged;
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

/** After what the file has was brought to the table: each acknowledged entry is there once, in order, in a sound chain. */
async function expectWhole(store: Store, folder: string, guildId: string, acknowledged: readonly number[]) {
  const fallbackPath = fallbackPathOf(folder, guildId);
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
}

describe("recording audit entries", () => {
  it("leaves every acknowledged entry in its chain once, in order, wherever the process is killed", async () => {
    await withFolder(async (folder) => {
      const setUp = await openTestStore({ folder });
      const guildIds = await Promise.all(Array.from({ length: LOG_COUNT }, () => newGuild(setUp.store)));
      await setUp.close();

      const acknowledged: Acknowledged[] = [];
      let keptByKillCount = 0;
      const outcomes = (): Set<RecordOutcome> => new Set(acknowledged.map(({ outcome }) => outcome));
      // On, if need be, until the kills have met what they are to meet.
      const isEnough = (): boolean => keptByKillCount > 0 && outcomes().size === 2;
      for (let round = 0; round < KILL_COUNT || (!isEnough() && round < 20 * KILL_COUNT); round++) {
        // Numbers of their own for each run: one that was not acknowledged may be there as well.
        acknowledged.push(...(await recordUntilKilled(folder, guildIds, round * 1_000_000)));
        keptByKillCount += guildIds.filter((guildId) => existsSync(fallbackPathOf(folder, guildId))).length;
      }

      const database = await openTestStore({ folder });
      try {
        for (const guildId of guildIds) {
          const ofGuild = acknowledged.filter((it) => it.guildId === guildId).map(({ number }) => number);
          await expectWhole(database.store, folder, guildId, ofGuild);
        }
      } finally {
        await database.close();
      }
      expect(outcomes()).toEqual(new Set(["stored", "kept"]));
      expect(keptByKillCount).toBeGreaterThan(0);
    });
  });
});
