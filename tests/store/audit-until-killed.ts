import { systemClock } from "../../src/core/clock.ts";
import { MusterError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { AuditLog } from "../../src/store/audit-log.ts";
import { openTestStore } from "../helpers/database.ts";
import { fallbackPathOf, OWNER } from "./fixtures.ts";

/**
 * Records audit entries, in one log for each server, while the database comes and goes, and reports every durable one,
 * until somebody kills the process.
 */
const [folder = "", firstNumber = "0", ...guildIds] = process.argv.slice(2);
const { store } = await openTestStore({ folder });
const reason = new MusterError("DATABASE_UNAVAILABLE", "sabotage: the database is taken away");
const { audit } = store;

const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));

async function runLog(guildId: string): Promise<void> {
  let isAway = false;
  const append: typeof audit.append = (entry) => (isAway ? Promise.reject(reason) : audit.append(entry));
  const appendAll: typeof audit.appendAll = (input) => (isAway ? Promise.reject(reason) : audit.appendAll(input));
  const auditLog = new AuditLog({
    store: { audit: { ...audit, append, appendAll } },
    fallbackPath: fallbackPathOf(folder, guildId),
    clock: systemClock,
    logger: silentLogger,
    retry: () => ({ maxAttempts: 2, baseDelay: 1, maxDelay: 2, backoffMultiplier: 2 }),
  });
  await auditLog.open();

  async function comeAndGo(): Promise<never> {
    for (;;) {
      await auditLog.sync();
      await pause(Math.random() * 15);
      isAway = true;
      await pause(Math.random() * 8);
      isAway = false;
    }
  }

  async function recordForEver(): Promise<never> {
    for (let number = Number(firstNumber); ;) {
      // A few at once: those behind the first one share its way.
      const numbers = Array.from({ length: 1 + Math.floor(Math.random() * 4) }, () => number++);
      await Promise.all(
        numbers.map(async (it) => {
          const outcome = await auditLog.record({ guildId, actorId: OWNER, action: "test.record", target: String(it) });
          process.send?.([guildId, it, outcome]);
        }),
      );
      // Time for a sync to catch up, sometimes.
      await pause(Math.random() * 3);
    }
  }

  await Promise.all([comeAndGo(), recordForEver()]);
}

await Promise.all(guildIds.map(runLog));
