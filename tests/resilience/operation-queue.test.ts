import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { MusterError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import {
  OperationQueue,
  type ApplyOutcome,
  type OperationQueueOptions,
  type QueuedOperation,
} from "../../src/resilience/operation-queue.ts";
import { errorLike, until, withFolder } from "../helpers/database.ts";
import { JumpingClock } from "../helpers/jumping-clock.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const AT = Date.parse("2026-08-01T12:00:00.000Z");
const AWAY = new MusterError("DATABASE_UNAVAILABLE", "use the database: it is away");
const REFUSED = new MusterError("CONSTRAINT_VIOLATED", "do it: it is there already");

const applied: ApplyOutcome = { kind: "applied" };
const unavailable: ApplyOutcome = { kind: "unavailable", error: AWAY };
const failed: ApplyOutcome = { kind: "failed", error: REFUSED };

function operation(id: string, priority: QueuedOperation["priority"] = "MEDIUM", timestamp = AT) {
  return { id, operation: "events.create", parameters: { title: `Event ${id}` }, timestamp, priority };
}

/** An applier that asks `decide` for each operation, keeps what it applied, and ends with the first that it did not. */
function createApplier(decide: (operation: QueuedOperation) => ApplyOutcome = () => applied) {
  const ids: string[] = [];
  const batches: QueuedOperation[][] = [];
  const apply = async (operations: readonly QueuedOperation[]): Promise<ApplyOutcome[]> => {
    batches.push([...operations]);
    const outcomes: ApplyOutcome[] = [];
    for (const operation of operations) {
      const outcome = decide(operation);
      outcomes.push(outcome);
      if (outcome.kind !== "applied") break;
      ids.push(operation.id);
    }
    return outcomes;
  };
  return { apply, ids, batches };
}

/** Runs a test with queues over one folder; `open` is a start of the program. All are closed at the end. */
async function withQueues(
  body: (open: (options: Partial<OperationQueueOptions>) => Promise<OperationQueue>, folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (parent) => {
    const folder = join(parent, "spool");
    const queues: OperationQueue[] = [];
    const open = async (options: Partial<OperationQueueOptions>): Promise<OperationQueue> => {
      const queue = new OperationQueue({
        ...{ folder, clock: new ManualClock(AT), logger: silentLogger, maxRetries: () => 3 },
        apply: createApplier().apply,
        ...options,
      });
      queues.push(queue);
      await queue.open();
      return queue;
    };
    try {
      await body(open, folder);
    } finally {
      for (const queue of queues) await queue.close();
    }
  });
}

function deadLettersIn(folder: string): Record<string, unknown>[] {
  const text = readFileSync(join(folder, "dead-letter.ndjson"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("the operation queue", () => {
  it("applies in order of priority, and within one in order of enqueueing, also after a restart", async () => {
    await withQueues(async (open) => {
      const first = await open({});
      for (const id of ["l1", "m1", "h1"]) await first.enqueue(operation(id, priorityOf(id)));
      await Promise.all(["h2", "l2", "m2", "h3"].map((id) => first.enqueue(operation(id, priorityOf(id)))));
      await first.close();
      const { apply, ids } = createApplier();
      const second = await open({ apply });
      for (const id of ["l3", "h4"]) await second.enqueue(operation(id, priorityOf(id)));
      const order = ["h1", "h2", "h3", "h4", "m1", "m2", "l1", "l2", "l3"];
      expect(second.list(100).map(({ id }) => id)).toEqual(order);
      expect(second.list(4).map(({ id }) => id)).toEqual(order.slice(0, 4));
      expect(await second.drain()).toEqual({ applied: 9, deadLettered: 0, remaining: 0 });
      expect(ids).toEqual(order);
    });
  });

  it("hands over what was enqueued, as plain data of its own", async () => {
    await withQueues(async (open) => {
      const { apply, batches } = createApplier();
      const queue = await open({ apply });
      const parameters = { list: [1, undefined], at: new Date(AT), missing: undefined };
      const saving = queue.enqueue({ ...operation("a"), parameters });
      parameters.list.push(2);
      await saving;
      await queue.drain();
      expect(batches).toEqual([
        [
          {
            ...{ id: "a", operation: "events.create", timestamp: AT, priority: "MEDIUM", retryCount: 0, maxRetries: 3 },
            parameters: { list: [1, null], at: "2026-08-01T12:00:00.000Z" },
          },
        ],
      ]);
    });
  });

  it("lets new urgent ones go ahead between two batches, and drains what comes meanwhile", async () => {
    await withQueues(async (open) => {
      const { apply, ids, batches } = createApplier();
      let isFirst = true;
      const queue: OperationQueue = await open({
        apply: async (operations) => {
          if (isFirst) void queue.enqueue(operation("urgent", "HIGH"));
          isFirst = false;
          await until(() => queue.list(1)[0]?.id === "urgent" || ids.length > 0);
          return apply(operations);
        },
      });
      await Promise.all(Array.from({ length: 450 }, (_, i) => queue.enqueue(operation(`l${i}`, "LOW"))));
      expect(await queue.drain()).toEqual({ applied: 451, deadLettered: 0, remaining: 0 });
      expect(batches.map(({ length }) => length)).toEqual([200, 1, 200, 50]);
      expect(ids[200]).toBe("urgent");
    });
  });

  it("stops when the database is away again, counts nothing, and goes on from there", async () => {
    await withQueues(async (open) => {
      let isAway = true;
      const { apply, ids } = createApplier(({ id }) => (id === "b" && isAway ? unavailable : applied));
      const queue = await open({ apply });
      for (const id of ["a", "b", "c"]) await queue.enqueue(operation(id));
      expect(await queue.drain()).toEqual({ applied: 1, deadLettered: 0, remaining: 2 });
      expect(queue.list(1)).toMatchObject([{ id: "b", retryCount: 0 }]);
      isAway = false;
      expect(await queue.drain()).toEqual({ applied: 2, deadLettered: 0, remaining: 0 });
      expect(ids).toEqual(["a", "b", "c"]);
    });
  });

  it("does not count a refusal because the program is stopping", async () => {
    await withQueues(async (open) => {
      const error = new MusterError("SHUTTING_DOWN", "run it: the database is being closed");
      const queue = await open({ apply: createApplier(() => ({ kind: "failed", error })).apply });
      await queue.enqueue(operation("a"));
      expect(await queue.drain()).toEqual({ applied: 0, deadLettered: 0, remaining: 1 });
      expect(queue.list(1)).toMatchObject([{ retryCount: 0 }]);
    });
  });

  it("does not turn for ever around an applier that says nothing, and passes on what one throws", async () => {
    await withQueues(async (open) => {
      const silent = await open({ apply: async () => [] });
      await silent.enqueue(operation("a"));
      expect(await silent.drain()).toEqual({ applied: 0, deadLettered: 0, remaining: 1 });
      await silent.close();
      const throwing = await open({ apply: () => Promise.reject(AWAY) });
      await expect(throwing.drain()).rejects.toBe(AWAY);
      await expect(throwing.drain()).rejects.toBe(AWAY);
      expect(throwing.size).toBe(1);
    });
  });

  it("tries a failing operation again in its place, at once", async () => {
    await withQueues(async (open) => {
      let failuresLeft = 2;
      const { apply, ids } = createApplier(({ id }) => (id === "b" && failuresLeft-- > 0 ? failed : applied));
      const queue = await open({ apply });
      for (const id of ["a", "b", "c"]) await queue.enqueue(operation(id));
      expect(await queue.drain()).toEqual({ applied: 3, deadLettered: 0, remaining: 0 });
      expect(ids).toEqual(["a", "b", "c"]);
    });
  });

  it("waits before the next try when the failure is temporary, and a close ends the wait", async () => {
    await withQueues(async (open) => {
      const clock = new JumpingClock(AT);
      let failuresLeft = 2;
      const apply = createApplier(() => (failuresLeft-- > 0 ? { ...failed, retryAfterMs: 250 } : applied)).apply;
      const queue = await open({ apply, clock });
      await queue.enqueue(operation("a"));
      expect(await queue.drain()).toMatchObject({ applied: 1 });
      expect(clock.waitsMs).toEqual([250, 250]);
      await queue.close();
      failuresLeft = 1;
      const standing = new ManualClock(AT);
      const waiting = await open({ apply, clock: standing });
      await waiting.enqueue(operation("b"));
      const draining = waiting.drain();
      await until(() => standing.delaysMs.length > 0);
      await waiting.close();
      expect(await draining).toEqual({ applied: 0, deadLettered: 0, remaining: 1 });
    });
  });

  it("moves what fails too often to the dead letters, says so, and goes on with the next", async () => {
    await withQueues(async (open, folder) => {
      const told: [string, number, unknown][] = [];
      const { apply, ids } = createApplier(({ id }) => (id === "b" ? failed : applied));
      const queue = await open({
        ...{ apply, clock: new ManualClock(AT + 5) },
        onDeadLetter: ({ id, retryCount }, error) => told.push([id, retryCount, error]),
      });
      for (const id of ["a", "b", "c"]) await queue.enqueue(operation(id));
      expect(await queue.drain()).toEqual({ applied: 2, deadLettered: 1, remaining: 0 });
      expect(ids).toEqual(["a", "c"]);
      expect(told).toEqual([["b", 3, REFUSED]]);
      const value = { ...operation("b"), retryCount: 3, maxRetries: 3 };
      const error = { name: "MusterError", code: "CONSTRAINT_VIOLATED", message: REFUSED.message };
      expect(deadLettersIn(folder)).toMatchObject([{ at: AT + 5, value, error }]);
    });
  });

  it("remembers over a restart how often an operation failed", async () => {
    await withQueues(async (open, folder) => {
      let tries = 0;
      const first = await open({ apply: createApplier(() => (++tries <= 2 ? failed : unavailable)).apply });
      await first.enqueue(operation("a"));
      await first.drain();
      await first.close();
      const second = await open({ apply: createApplier(() => failed).apply, maxRetries: () => 99 });
      expect(second.list(1)).toMatchObject([{ retryCount: 2, maxRetries: 3 }]);
      expect(await second.drain()).toEqual({ applied: 0, deadLettered: 1, remaining: 0 });
      expect(deadLettersIn(folder)).toHaveLength(1);
    });
  });

  it("drains once at a time, and again for what comes after", async () => {
    await withQueues(async (open) => {
      const { apply, batches } = createApplier();
      const queue = await open({ apply });
      expect(await queue.drain()).toEqual({ applied: 0, deadLettered: 0, remaining: 0 });
      await queue.enqueue(operation("a"));
      const [first, second] = [queue.drain(), queue.drain()];
      expect(first).toBe(second);
      await first;
      await queue.enqueue(operation("b"));
      expect(await queue.drain()).toMatchObject({ applied: 1 });
      expect(batches).toHaveLength(2);
    });
  });

  it("counts what is being saved as waiting, and drains it", async () => {
    await withQueues(async (open) => {
      const queue = await open({});
      const saving = queue.enqueue(operation("a"));
      expect(queue.size).toBe(1);
      expect(await queue.drain()).toEqual({ applied: 1, deadLettered: 0, remaining: 0 });
      await saving;
      expect(queue.size).toBe(0);
    });
  });

  it("says since when the oldest waits, and tells of changes", async () => {
    await withQueues(async (open) => {
      let changeCount = 0;
      const queue = await open({ onChange: () => changeCount++ });
      expect(queue.oldestAt).toBeUndefined();
      await queue.enqueue(operation("a", "LOW", AT - 60_000));
      await queue.enqueue(operation("b", "HIGH", AT));
      expect(queue.oldestAt).toBe(AT - 60_000);
      expect(changeCount).toBe(2);
      await queue.drain();
      expect(queue.oldestAt).toBeUndefined();
      expect(changeCount).toBe(4);
    });
  });

  it("takes no more than it may hold, those being saved included", async () => {
    await withQueues(async (open) => {
      const queue = await open({ maxEntries: () => 2 });
      const results = await Promise.allSettled(["a", "b", "c"].map((id) => queue.enqueue(operation(id))));
      expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
      await expect(queue.enqueue(operation("d"))).rejects.toThrow(errorLike({ code: "QUEUE_FULL" }));
      await queue.drain();
      await queue.enqueue(operation("e"));
    });
  });

  it("refuses what JSON cannot hold, and anything before it is open and after it is closed", async () => {
    await withQueues(async (open, folder) => {
      const queue = await open({});
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      await expect(queue.enqueue({ ...operation("a"), parameters: circular })).rejects.toThrow(
        errorLike({ code: "INPUT_INVALID" }),
      );
      await queue.close();
      await queue.close();
      await expect(queue.enqueue(operation("a"))).rejects.toThrow(errorLike({ code: "SHUTTING_DOWN" }));
      await expect(queue.drain()).rejects.toThrow(errorLike({ code: "SHUTTING_DOWN" }));
      const unopened = new OperationQueue({
        ...{ folder, clock: new ManualClock(AT), logger: silentLogger, maxRetries: () => 3 },
        apply: createApplier().apply,
      });
      await expect(unopened.enqueue(operation("a"))).rejects.toThrow(errorLike({ code: "INTERNAL" }));
    });
  });

  it("finishes what is being saved before it closes", async () => {
    await withQueues(async (open, folder) => {
      const first = await open({});
      const saving = Promise.all(["a", "b"].map((id) => first.enqueue(operation(id))));
      await first.close();
      await saving;
      const second = await open({});
      expect(second.list(9).map(({ id }) => id)).toEqual(["a", "b"]);
      await second.drain();
      await second.close();
      expect(readdirSync(folder)).toEqual([]);
    });
  });
});

function priorityOf(id: string): QueuedOperation["priority"] {
  return id.startsWith("h") ? "HIGH" : id.startsWith("m") ? "MEDIUM" : "LOW";
}
