import { fork } from "node:child_process";
import { once } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { isMusterError } from "../../../src/core/errors.ts";
import { withCounterDatabase, type TestDatabase } from "../../helpers/database.ts";

const SCRIPT = fileURLToPath(new URL("./hold-write-lock.ts", import.meta.url));

/** Another process takes the write lock now and gives it back after `holdMs`; resolves twice: held, and released. */
async function holdWriteLock(path: string, holdMs: number): Promise<{ released: Promise<unknown> }> {
  const child = fork(SCRIPT, [path, String(holdMs)], { execArgv: [] });
  await once(child, "message");
  return { released: once(child, "exit") };
}

const add = ({ manager }: TestDatabase, name: string): Promise<unknown> =>
  manager.call("counter.add", { name, amount: 1 });

const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));

describe("a write lock held by another process", () => {
  it("is waited for, and the write done when it is given back", async () => {
    await withCounterDatabase({}, async (database) => {
      const { released } = await holdWriteLock(database.path, 400);
      const startedAt = performance.now();
      expect(await add(database, "a")).toBe(1);
      expect(performance.now() - startedAt).toBeGreaterThan(200);
      await released;
    });
  });

  it("refuses each write when its own time is over, and none of them is applied later", async () => {
    const TIMEOUT_MS = 400;
    await withCounterDatabase({ operationTimeoutMs: TIMEOUT_MS }, async (database) => {
      const { released } = await holdWriteLock(database.path, 1_500);
      const measure = async (name: string): Promise<number> => {
        const startedAt = performance.now();
        await expect(add(database, name)).rejects.toMatchObject({
          code: "DATABASE_BUSY",
          hint: expect.any(String) as string,
        });
        return performance.now() - startedAt;
      };
      // The second and the third wait behind the first and make one group, with two ends of their time.
      const durations = [measure("first")];
      await pause(50);
      durations.push(measure("second"));
      await pause(TIMEOUT_MS - 80);
      durations.push(measure("third"));
      for (const durationMs of await Promise.all(durations)) {
        expect(durationMs).toBeGreaterThanOrEqual(TIMEOUT_MS * 0.9);
        expect(durationMs).toBeLessThan(TIMEOUT_MS * 4);
      }
      await released;
      expect(await add(database, "after")).toBe(1);
      const ledger = (await database.manager.call("counter.listLedger", {})) as { name: string }[];
      expect(ledger.map(({ name }) => name)).toEqual(["after"]);
    });
  });

  it("is not applied when its time is over by the time that the lock is free", async () => {
    await withCounterDatabase({}, async (database) => {
      const steps = [{ name: "counter.add", input: { name: "late", amount: 1 } }];
      const late = { operationId: "late", requestedAt: 1, mayBeApplied: false, timeoutMs: -1, steps };
      await expect(database.engine.write(late)).rejects.toMatchObject({ code: "DATABASE_BUSY" });
      expect(await database.manager.call("counter.get", { name: "late" })).toBeNull();
    });
  });

  it("lets no ordered write go past an earlier one that was refused, and others go", async () => {
    await withCounterDatabase({}, async (database) => {
      await add(database, "a");
      const { released } = await holdWriteLock(database.path, 900);
      const send = (operationId: string, timeoutMs: number, isOrdered: boolean): Promise<unknown> => {
        const steps = [{ name: "counter.add", input: { name: operationId, amount: 1 } }];
        const request = { operationId, requestedAt: 1, mayBeApplied: false, timeoutMs, steps, isOrdered };
        return database.engine.write(request).catch((error: unknown) => (isMusterError(error) ? error.code : error));
      };
      const outcomes = await Promise.all([
        send("free-1", 5_000, false),
        send("ordered-1", 200, true),
        send("ordered-2", 5_000, true),
        send("free-2", 5_000, false),
      ]);
      expect(outcomes).toEqual([[1], "DATABASE_BUSY", "DATABASE_BUSY", [1]]);
      await released;
    });
  });

  it("holds up neither the main thread nor the reads", async () => {
    await withCounterDatabase({}, async (database) => {
      await add(database, "a");
      const { released } = await holdWriteLock(database.path, 800);
      const delays = monitorEventLoopDelay({ resolution: 5 });
      delays.enable();
      const writing = add(database, "a");
      let readCount = 0;
      for (let isWriting = true; isWriting; readCount++) {
        expect(await database.manager.call("counter.get", { name: "a" })).toBeGreaterThanOrEqual(1);
        isWriting = await Promise.race([writing.then(() => false), pause(5).then(() => true)]);
      }
      delays.disable();
      expect(readCount).toBeGreaterThan(20);
      expect(delays.max / 1e6).toBeLessThan(250);
      expect(await writing).toBe(2);
      await released;
    });
  });
});
