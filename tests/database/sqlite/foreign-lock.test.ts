import { fork } from "node:child_process";
import { once } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { isMusterError } from "../../../src/core/errors.ts";
import { shareCounterDatabase, until, withCounterDatabase, type TestDatabase } from "../../helpers/database.ts";

const SCRIPT = fileURLToPath(new URL("./hold-write-lock.ts", import.meta.url));

/** Another process takes the write lock now and gives it back after `holdMs`; resolves twice: held, and released. */
async function holdInProcess(path: string, holdMs: number): Promise<{ released: Promise<unknown> }> {
  const child = fork(SCRIPT, [path, String(holdMs)], { execArgv: [] });
  await once(child, "message");
  return { released: once(child, "exit") };
}

/** Another connection, which to SQLite is the same. Returns what gives the lock back. */
function holdWriteLock(path: string): () => void {
  const other = new Database(path);
  other.exec("BEGIN IMMEDIATE");
  return () => other.close();
}

const add = ({ manager }: TestDatabase, name: string): Promise<unknown> =>
  manager.call("counter.add", { name, amount: 1 });

const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));

describe("a write lock held by somebody else", () => {
  const shared = shareCounterDatabase({ readerCount: 1 });

  it("is waited for, and the write done when it is given back", async () => {
    const { released } = await holdInProcess(shared().path, 400);
    const startedAt = performance.now();
    expect(await add(shared(), "a")).toBe(1);
    expect(performance.now() - startedAt).toBeGreaterThan(200);
    await released;
  });

  it("refuses each write when its own time is over, and none of them is applied later", async () => {
    const TIMEOUT_MS = 300;
    await withCounterDatabase({ operationTimeoutMs: TIMEOUT_MS }, async (database) => {
      const release = holdWriteLock(database.path);
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
        expect(durationMs).toBeLessThan(TIMEOUT_MS * 6);
      }
      release();
      expect(await add(database, "after")).toBe(1);
      const ledger = (await database.manager.call("counter.listLedger", {})) as { name: string }[];
      expect(ledger.map(({ name }) => name)).toEqual(["after"]);
    });
  });

  it("is not applied when its time is over by the time that the lock is free", async () => {
    const { engine, manager } = shared();
    const steps = [{ name: "counter.add", input: { name: "late", amount: 1 } }];
    const late = { operationId: "late", requestedAt: 1, mayBeApplied: false, timeoutMs: -1, steps };
    await expect(engine.write(late)).rejects.toMatchObject({ code: "DATABASE_BUSY" });
    expect(await manager.call("counter.get", { name: "late" })).toBeNull();
  });

  it("lets no write of a chain go past an earlier one that was refused, and others go", async () => {
    const { engine, path } = shared();
    const release = holdWriteLock(path);
    const send = (operationId: string, timeoutMs: number, chain?: string): Promise<unknown> => {
      const steps = [{ name: "counter.add", input: { name: operationId, amount: 1 } }];
      const request = { operationId, requestedAt: 1, mayBeApplied: false, timeoutMs, steps };
      const order = chain === undefined ? {} : { chain, chainEndsOn: "fault" as const };
      return engine
        .write({ ...request, ...order })
        .catch((error: unknown) => (isMusterError(error) ? error.code : error));
    };
    const outcomes = [
      send("free-1", 30_000),
      send("ordered-1", 200, "order-1"),
      send("ordered-2", 30_000, "order-1"),
      send("free-2", 30_000),
    ];
    await outcomes[1];
    release();
    expect(await Promise.all(outcomes)).toEqual([[1], "DATABASE_BUSY", "DATABASE_BUSY", [1]]);
  });

  it("holds up neither the main thread nor the reads", async () => {
    const database = shared();
    await add(database, "a");
    const release = holdWriteLock(database.path);
    const delays = monitorEventLoopDelay({ resolution: 5 });
    delays.enable();
    let isWritten = false;
    const writing = add(database, "a").finally(() => (isWritten = true));
    // The writer thread is waiting for the lock by then.
    await until(() => database.engine.status().pendingWrites === 1);
    for (let readCount = 0; readCount < 25; readCount++) {
      expect(await database.manager.call("counter.get", { name: "a" })).toBe(1);
      await pause(5);
    }
    delays.disable();
    expect(isWritten).toBe(false);
    expect(delays.max / 1e6).toBeLessThan(250);
    release();
    expect(await writing).toBe(2);
  });
});
