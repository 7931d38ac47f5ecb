import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OperationQueue, OperationQueueOptions } from "../../src/resilience/operation-queue.ts";
import { errorLike } from "../helpers/database.ts";
import {
  applyAll,
  AT,
  damagedOf,
  deadIdsIn,
  Disk,
  enqueueAll,
  ids,
  idsIn,
  Messages,
  operation,
  refuseAll,
  withSpool,
} from "./spool-fixtures.ts";

const LETTERS = "dead-letter.ndjson";

/** Refuses everything as long as it is told to. */
class Database {
  isRefusing = true;
  readonly applied: string[] = [];

  readonly apply: OperationQueueOptions["apply"] = async (operations) => {
    if (this.isRefusing) return refuseAll(operations);
    this.applied.push(...operations.map(({ id }) => id));
    return applyAll(operations);
  };
}

async function fillWithDead(queue: OperationQueue, names: readonly string[]): Promise<void> {
  await enqueueAll(queue, names);
  await queue.drain();
}

describe("the dead letters of the queue", () => {
  it("are listed newest first, with the reason and without parameters, also after a restart", async () => {
    await withSpool(async (open) => {
      const first = await open({ apply: refuseAll });
      await fillWithDead(first, ["a", "b"]);
      await first.close();
      const second = await open();
      for (const queue of [first, second]) {
        expect(deadIdsIn(queue)).toEqual(["b", "a"]);
        expect(queue.listDeadLetters(1)).toEqual([
          {
            ...{ id: "b", operation: "reactions.record", timestamp: AT, priority: "HIGH" },
            ...{ retryCount: 1, maxRetries: 1, deadAt: AT, error: { name: "Error", message: "refused" } },
          },
        ]);
        expect(queue.listDeadLetters(0)).toEqual([]);
      }
    });
  });

  it("are put back with their id, priority and all tries, once, and applied", async () => {
    await withSpool(async (open) => {
      const database = new Database();
      const queue = await open({ apply: database.apply, maxRetries: () => 2 });
      await fillWithDead(queue, ["a", "b"]);
      await queue.enqueue(operation("c", "LOW"));
      await Promise.all([queue.replayDeadLetter("a"), queue.replayDeadLetter("a")]);
      expect(queue.list()).toMatchObject([
        { id: "a", priority: "HIGH", retryCount: 0, maxRetries: 2 },
        { id: "c", priority: "LOW" },
      ]);
      expect(deadIdsIn(queue)).toEqual(["b"]);
      await expect(queue.replayDeadLetter("a")).rejects.toThrow(errorLike({ code: "NOT_FOUND" }));
      database.isRefusing = false;
      await queue.drain();
      expect(database.applied).toEqual(["a", "c"]);
    });
  });

  it("are put back all together, oldest first, and stay gone after a restart", async () => {
    await withSpool(async (open) => {
      const database = new Database();
      const first = await open({ apply: database.apply });
      await fillWithDead(first, ids(250));
      expect(await first.replayDeadLetters()).toBe(250);
      expect(await first.replayDeadLetters()).toBe(0);
      expect(idsIn(first)).toEqual(ids(250));
      await first.close();
      const second = await open({ apply: database.apply });
      expect({ waiting: idsIn(second), dead: deadIdsIn(second) }).toEqual({ waiting: ids(250), dead: [] });
      database.isRefusing = false;
      expect(await second.drain()).toMatchObject({ applied: 250 });
      await second.close();
      const third = await open();
      expect([...idsIn(third), ...deadIdsIn(third)]).toEqual([]);
    });
  });

  it("become dead letters again when they fail again", async () => {
    await withSpool(async (open) => {
      const queue = await open({ apply: refuseAll });
      await fillWithDead(queue, ["a", "b"]);
      await queue.replayDeadLetter("a");
      await queue.drain();
      expect(deadIdsIn(queue)).toEqual(["a", "b"]);
      await queue.close();
      const reopened = await open();
      expect(deadIdsIn(reopened)).toEqual(["a", "b"]);
    });
  });

  it("wait once when the process ended after they were saved and before it was noted", async () => {
    await withSpool(async (open, folder) => {
      const first = await open({ apply: refuseAll });
      await fillWithDead(first, ["a", "b"]);
      copyFileSync(join(folder, LETTERS), join(folder, "before"));
      await first.replayDeadLetter("a");
      await first.close();
      copyFileSync(join(folder, "before"), join(folder, LETTERS));
      const second = await open();
      expect({ waiting: idsIn(second), dead: deadIdsIn(second) }).toEqual({ waiting: ["a"], dead: ["b"] });
      await second.drain();
      await second.close();
      const third = await open();
      expect({ waiting: idsIn(third), dead: deadIdsIn(third) }).toEqual({ waiting: [], dead: ["b"] });
    });
  });

  it("stay where they are when the disk takes only half of what putting them back needs", async () => {
    await withSpool(async (open) => {
      const disk = new Disk();
      const queue = await open({ apply: refuseAll, openHandle: disk.open });
      await fillWithDead(queue, ["a"]);
      for (const freeBytes of [0, 100, 300]) {
        disk.freeBytes = freeBytes;
        await expect(queue.replayDeadLetter("a")).rejects.toThrow(errorLike({ code: "QUEUE_WRITE_FAILED" }));
        expect({ waiting: idsIn(queue), dead: deadIdsIn(queue) }).toEqual({ waiting: [], dead: ["a"] });
      }
      disk.freeBytes = Infinity;
      await queue.replayDeadLetter("a");
      expect({ waiting: idsIn(queue), dead: deadIdsIn(queue) }).toEqual({ waiting: ["a"], dead: [] });
    });
  });

  it("are not put back beyond what the queue may hold", async () => {
    await withSpool(async (open) => {
      const database = new Database();
      const queue = await open({ apply: database.apply, maxEntries: () => 2 });
      await fillWithDead(queue, ["a", "b"]);
      await queue.enqueue(operation("c"));
      await expect(queue.replayDeadLetters()).rejects.toThrow(errorLike({ code: "QUEUE_FULL" }));
      expect(deadIdsIn(queue)).toEqual(["b", "a"]);
    });
  });

  it("are bounded: the oldest are dropped for newer ones, and the log has how many", async () => {
    await withSpool(async (open, folder) => {
      const { lines, logger } = new Messages();
      const queue = await open({ apply: refuseAll, deadLetterBytes: 12_000, logger });
      for (const name of ids(60)) {
        await fillWithDead(queue, [name]);
        expect(statSync(join(folder, LETTERS)).size).toBeLessThanOrEqual(12_000);
      }
      const dead = deadIdsIn(queue);
      expect(dead.length).toBeGreaterThan(3);
      expect(dead).toEqual(ids(60).slice(-dead.length).toReversed());
      expect(lines).toContain("warn: the oldest dead letters were dropped for newer ones");
      await queue.close();
      const reopened = await open();
      expect(deadIdsIn(reopened)).toEqual(dead);
    });
  });

  it.each([1, 2, 40])("are not glued to a line of which the last %i bytes are missing", async (missingBytes) => {
    await withSpool(async (open, folder) => {
      const first = await open({ apply: refuseAll });
      await fillWithDead(first, ["a", "b"]);
      await first.close();
      const content = readFileSync(join(folder, LETTERS));
      writeFileSync(join(folder, LETTERS), content.subarray(0, -missingBytes));
      const second = await open({ apply: refuseAll });
      await fillWithDead(second, ["c"]);
      await second.close();
      const third = await open();
      expect(deadIdsIn(third)).toEqual(missingBytes === 1 ? ["c", "b", "a"] : ["c", "a"]);
    });
  });

  it("that are damaged are passed over with a report, and kept aside before the file is written anew", async () => {
    await withSpool(async (open, folder) => {
      const first = await open({ apply: refuseAll });
      await fillWithDead(first, ["a", "b", "c"]);
      await first.close();
      const content = readFileSync(join(folder, LETTERS), "utf8");
      const damaged = content.split("\n")[1]!.replace('"b"', '"B"');
      writeFileSync(join(folder, LETTERS), content.replace('"b"', '"B"'));
      const { lines, logger } = new Messages();
      const second = await open({ apply: refuseAll, logger });
      expect(deadIdsIn(second)).toEqual(["c", "a"]);
      expect(lines).toEqual(["error: dead letters are damaged and passed over"]);
      await second.replayDeadLetter("a");
      expect(readFileSync(join(folder, damagedOf(LETTERS)), "utf8")).toBe(`${damaged}\n`);
      await second.close();
      const third = await open({ logger });
      expect(deadIdsIn(third)).toEqual(["c"]);
      expect(lines).toHaveLength(1);
    });
  });

  it("that cannot be read are kept aside, and new ones have a file of their own", async () => {
    await withSpool(async (open, folder) => {
      const first = await open();
      await first.close();
      // A folder cannot be read as a file, by nobody.
      mkdirSync(join(folder, LETTERS));
      const { lines, logger } = new Messages();
      const second = await open({ apply: refuseAll, logger });
      await fillWithDead(second, ["a"]);
      expect(lines[0]).toBe("error: the dead letters cannot be read; their file is kept aside");
      expect(deadIdsIn(second)).toEqual(["a"]);
      expect(readdirSync(folder)).toContain(`${LETTERS}.unreadable-2026-08-01T12-00-00-000Z`);
    });
  });

  it("are written anew, with all of them, when somebody removed their file", async () => {
    await withSpool(async (open, folder) => {
      const first = await open({ apply: refuseAll });
      await fillWithDead(first, ["a"]);
      rmSync(join(folder, LETTERS));
      await fillWithDead(first, ["b"]);
      await first.close();
      const second = await open();
      expect(deadIdsIn(second)).toEqual(["b", "a"]);
    });
  });
});
