import { rmSync, truncateSync, writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { OperationQueue, type OperationQueueOptions } from "../../src/resilience/operation-queue.ts";
import { errorLike, until } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { applyAll, AT, enqueueAll, ids, idsIn, operation, segmentsIn, withSpool } from "./spool-fixtures.ts";

function create(folder: string, options: Partial<OperationQueueOptions> = {}): OperationQueue {
  const clock = new ManualClock(AT);
  return new OperationQueue({ folder, clock, logger: silentLogger, maxRetries: () => 1, apply: applyAll, ...options });
}

describe("opening a queue", () => {
  it("lets the event loop go on while thousands of operations are read", async () => {
    await withSpool(async (open, folder) => {
      const first = await open();
      await Promise.all(ids(8_000).map((id) => first.enqueue(operation(id))));
      await first.close();
      let turnCount = 0;
      let isOpening = true;
      const count = (): void => {
        turnCount++;
        if (isOpening) setImmediate(count);
      };
      setImmediate(count);
      const second = create(folder, { clock: systemClock });
      await second.open();
      isOpening = false;
      expect(second.size).toBe(8_000);
      // 2 MB in pieces of 128 KB.
      expect(turnCount).toBeGreaterThan(15);
      await second.close();
    });
  });

  it("holds what is enqueued meanwhile, and saves it behind what waits, in its order", async () => {
    await withSpool(async (open, folder) => {
      const first = await open();
      await enqueueAll(first, ids(3));
      await first.close();
      const queue = create(folder);
      const opening = queue.open();
      const saving = Promise.all(["a", "b", "a"].map((id) => queue.enqueue(operation(id))));
      expect(queue.size).toBe(2);
      const draining = queue.drain();
      await opening;
      const late = queue.enqueue(operation("c"));
      await Promise.all([saving, late]);
      expect(await draining).toMatchObject({ applied: 6, remaining: 0 });
      await queue.close();
    });
  });

  it("refuses what has waited for it for ten seconds, and never saves it", async () => {
    await withSpool(async (open, folder) => {
      const clock = new ManualClock(AT);
      const queue = create(folder, { clock });
      const opening = queue.open();
      const refused = queue.enqueue(operation("a"));
      clock.advance(10_000);
      await expect(refused).rejects.toThrow(errorLike({ code: "QUEUE_WRITE_FAILED" }));
      await opening;
      expect(queue.size).toBe(0);
      await queue.enqueue(operation("b"));
      await queue.close();
      const reopened = await open();
      expect(idsIn(reopened)).toEqual(["b"]);
    });
  });

  it("says why it cannot be used, and is tried again by the next enqueue", async () => {
    await withSpool(async (_open, folder) => {
      writeFileSync(folder, "a file where the folder is to be");
      const queue = create(folder);
      await expect(queue.open()).rejects.toThrow(errorLike({ code: "QUEUE_WRITE_FAILED" }));
      await expect(queue.enqueue(operation("a"))).rejects.toThrow(errorLike({ code: "QUEUE_WRITE_FAILED" }));
      rmSync(folder);
      await queue.enqueue(operation("b"));
      expect(idsIn(queue)).toEqual(["b"]);
      await queue.close();
    });
  });

  it("cuts off a long tail that nobody wrote", async () => {
    await withSpool(async (open, folder) => {
      const first = await open();
      await enqueueAll(first, ["a", "b"]);
      await first.close();
      const path = join(folder, segmentsIn(folder)[0]!);
      const { length } = readFileSync(path);
      truncateSync(path, 16 * 1024 ** 2 + 10);
      const second = await open();
      expect(idsIn(second)).toEqual(["a", "b"]);
      expect(readFileSync(path)).toHaveLength(length);
    });
  });

  it("keeps the order in which operations came when the wall clock goes back", async () => {
    await withSpool(async (open) => {
      const first = await open();
      await first.enqueue({ ...operation("a"), timestamp: AT });
      await first.enqueue({ ...operation("b"), timestamp: AT - 3_600_000 });
      await first.close();
      const second = await open({ clock: new ManualClock(AT - 86_400_000) });
      await second.enqueue({ ...operation("c"), timestamp: AT - 86_400_000 });
      expect(idsIn(second)).toEqual(["a", "b", "c"]);
    });
  });
});

describe("what waits in the queue", () => {
  it("is listed without parameters, and in bounded number", async () => {
    await withSpool(async (open) => {
      const queue = await open();
      await Promise.all(ids(1_200).map((id) => queue.enqueue(operation(id))));
      expect(queue.list()).toHaveLength(100);
      expect(queue.list(Infinity)).toHaveLength(1_000);
      const [first] = queue.list(1);
      expect(first).toEqual({
        ...{ id: "o0", operation: "reactions.record", timestamp: AT, priority: "HIGH", retryCount: 0, maxRetries: 1 },
      });
    });
  });

  it("has each id once, also when it is enqueued twice at once, later, or stands in the files twice", async () => {
    await withSpool(async (open, folder) => {
      const first = await open();
      await Promise.all(["a", "a", "b"].map((id) => first.enqueue(operation(id))));
      await first.enqueue(operation("a"));
      expect(idsIn(first)).toEqual(["a", "b"]);
      await first.close();
      const other = create(join(folder, "other"));
      await other.open();
      await enqueueAll(other, ["c", "d", "a"]);
      await other.close();
      const [segment] = segmentsIn(join(folder, "other"));
      writeFileSync(join(folder, "segment-0000000009.ndjson"), readFileSync(join(folder, "other", segment!)));
      const second = await open();
      expect(new Set(idsIn(second)).size).toBe(idsIn(second).length);
    });
  });

  it("is refused when it is too large to be written without holding up the program", async () => {
    await withSpool(async (open) => {
      const queue = await open();
      const parameters = { text: "x".repeat(1024 ** 2) };
      await expect(queue.enqueue({ ...operation("a"), parameters })).rejects.toThrow(
        errorLike({ code: "INPUT_INVALID" }),
      );
      expect(queue.size).toBe(0);
    });
  });
});

describe("draining the queue", () => {
  it("is tried once more when it was asked for while the database was just away", async () => {
    await withSpool(async (open) => {
      let answer = (): void => undefined;
      let tryCount = 0;
      const queue = await open({
        apply: async (operations) => {
          if (++tryCount > 1) return applyAll(operations);
          await new Promise<void>((resolve) => (answer = resolve));
          return [{ kind: "unavailable", error: new Error("away") }];
        },
      });
      await queue.enqueue(operation("a"));
      const draining = queue.drain();
      await until(() => tryCount === 1);
      // The database is back, and who notices asks for a drain while the first still waits for its answer.
      void queue.drain();
      answer();
      expect(await draining).toEqual({ applied: 1, deadLettered: 0, remaining: 0 });
    });
  });

  it("goes on for what comes right after everything was applied, and not after the database was away", async () => {
    await withSpool(async (open) => {
      let isAway = false;
      let tryCount = 0;
      const queue = await open({
        apply: async (operations) => {
          tryCount++;
          return isAway ? [{ kind: "unavailable", error: new Error("away") }] : applyAll(operations);
        },
      });
      await queue.enqueue(operation("a"));
      await queue.drain();
      await queue.enqueue(operation("b"));
      await until(() => queue.size === 0);
      isAway = true;
      await queue.enqueue(operation("c"));
      await until(() => tryCount === 3);
      await queue.enqueue(operation("d"));
      await queue.enqueue(operation("e"));
      expect({ tryCount, waiting: idsIn(queue) }).toEqual({ tryCount: 3, waiting: ["c", "d", "e"] });
    });
  });
});
