import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import type { OperationQueueOptions, QueuedOperation } from "../../src/resilience/operation-queue.ts";
import type { OpenSpoolHandle } from "../../src/resilience/spool-file.ts";
import { errorLike } from "../helpers/database.ts";
import {
  applyAll,
  damagedOf,
  Disk,
  enqueueAll,
  ids,
  idsIn,
  Messages,
  operation,
  segmentsIn,
  withSpool,
} from "./spool-fixtures.ts";

describe("the queue's files", () => {
  it("belong to the bot alone, and go when everything in them is done", async () => {
    await withSpool(async (open, folder) => {
      const queue = await open();
      await queue.enqueue(operation("a"));
      const [segment] = segmentsIn(folder);
      expect(statSync(join(folder, segment!)).mode & 0o777).toBe(0o600);
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      await queue.drain();
      await queue.close();
      expect(readdirSync(folder)).toEqual([]);
    });
  });

  it("are fsynced once for those that come together, and before any of them is acknowledged", async () => {
    await withSpool(async (open) => {
      const disk = new Disk();
      const queue = await open({ openHandle: disk.open });
      await enqueueAll(queue, ids(5));
      expect(disk.syncCount).toBe(5);
      await Promise.all(ids(500).map((id) => queue.enqueue(operation(id))));
      expect(disk.syncCount).toBe(6);
      await queue.drain();
      expect(disk.syncCount).toBe(6);
    });
  });

  it("are begun anew at a size, and removed while others still wait", async () => {
    await withSpool(async (open, folder) => {
      const isAway = (id: string): boolean => id === "o30";
      const queue = await open({
        segmentBytes: 1_000,
        apply: async (operations) => {
          const end = operations.findIndex(({ id }) => isAway(id));
          const outcomes = await applyAll(end === -1 ? operations : operations.slice(0, end));
          return end === -1 ? outcomes : [...outcomes, { kind: "unavailable", error: new Error("away") }];
        },
      });
      await enqueueAll(queue, ids(40));
      const before = segmentsIn(folder);
      expect(before.length).toBeGreaterThan(8);
      expect(await queue.drain()).toMatchObject({ applied: 30, remaining: 10 });
      await queue.close();
      expect(segmentsIn(folder).length).toBeLessThan(before.length / 2);
      const reopened = await open();
      expect(idsIn(reopened)).toEqual(ids(40).slice(30));
    });
  });

  it("stay bounded when one operation waits for ever while others come and go", async () => {
    await withSpool(async (open, folder) => {
      const apply: OperationQueueOptions["apply"] = async (operations) =>
        operations[0]!.priority === "LOW" ? [{ kind: "unavailable", error: new Error("away") }] : applyAll(operations);
      const queue = await open({ segmentBytes: 1_000, apply });
      await queue.enqueue(operation("low", "LOW"));
      for (let round = 0; round < 50; round++) {
        await enqueueAll(queue, ids(5));
        expect(await queue.drain()).toMatchObject({ applied: 5, remaining: 1 });
      }
      await queue.close();
      expect(segmentsIn(folder).length).toBeLessThan(6);
      const reopened = await open();
      expect(idsIn(reopened)).toEqual(["low"]);
    });
  });

  it("keep their order when what waits is written once more to a newer one", async () => {
    await withSpool(async (open) => {
      const isLow = ({ priority }: QueuedOperation): boolean => priority === "LOW";
      const queue = await open({
        segmentBytes: 1_000,
        apply: async (operations) =>
          isLow(operations[0]!) ? [{ kind: "unavailable", error: new Error("away") }] : applyAll(operations),
      });
      await queue.enqueue(operation("l1", "LOW"));
      await enqueueAll(queue, ids(40));
      await queue.enqueue(operation("l2", "LOW"));
      await queue.drain();
      await queue.enqueue(operation("l3", "LOW"));
      await queue.close();
      const reopened = await open();
      expect(idsIn(reopened)).toEqual(["l1", "l2", "l3"]);
    });
  });

  it("are not acknowledged on a full disk, and what was half written does not spoil what follows", async () => {
    await withSpool(async (open) => {
      const disk = new Disk();
      const first = await open({ openHandle: disk.open });
      await first.enqueue(operation("a"));
      for (const freeBytes of [0, 1, 100, 300]) {
        disk.freeBytes = freeBytes;
        const saving = Promise.allSettled(["b", "c"].map((id) => first.enqueue(operation(id))));
        const reasons = (await saving).map((result) =>
          result.status === "rejected" ? (result.reason as unknown) : undefined,
        );
        const error = errorLike({ code: "QUEUE_WRITE_FAILED", hint: expect.stringContaining("Free space") });
        expect(reasons).toEqual([error, error]);
      }
      disk.freeBytes = Infinity;
      await first.enqueue(operation("d"));
      expect(idsIn(first)).toEqual(["a", "d"]);
      const { lines, logger } = new Messages();
      const second = await open({ logger });
      expect(idsIn(second)).toEqual(["a", "d"]);
      expect(lines).toEqual([]);
    });
  });

  it.each([false, true])(
    "are given up after a failed fsync, also when they cannot be shortened (%s)",
    async (isStuck) => {
      await withSpool(async (open, folder) => {
        const disk = new Disk();
        const first = await open({ openHandle: disk.open });
        await first.enqueue(operation("a"));
        disk.isSyncFailing = true;
        disk.isTruncateFailing = isStuck;
        for (const id of ["b", "c"]) {
          await expect(first.enqueue(operation(id))).rejects.toThrow(errorLike({ code: "QUEUE_WRITE_FAILED" }));
        }
        disk.isSyncFailing = false;
        await first.enqueue(operation("d"));
        expect(segmentsIn(folder).length).toBeGreaterThan(1);
        const second = await open();
        expect(idsIn(second)).toEqual(["a", "d"]);
      });
    },
  );

  it("are written anew, with everything that waits, when somebody removed them", async () => {
    await withSpool(async (open, folder) => {
      const { lines, logger } = new Messages();
      const first = await open({ logger, segmentBytes: 1_000 });
      await enqueueAll(first, ids(20));
      rmSync(folder, { recursive: true });
      await first.enqueue(operation("next"));
      expect(lines).toEqual([expect.stringMatching(/^error: files of the spool were removed/)]);
      const second = await open();
      expect(idsIn(second)).toEqual([...ids(20), "next"]);
    });
  });

  it("are written anew when somebody removed the newest, and the others stay as they are", async () => {
    await withSpool(async (open, folder) => {
      const first = await open({ segmentBytes: 1_000 });
      await enqueueAll(first, ids(20));
      const before = segmentsIn(folder);
      rmSync(join(folder, before.at(-1)!));
      await enqueueAll(first, ["next"]);
      expect(segmentsIn(folder)).toEqual(expect.arrayContaining(before.slice(0, -1)));
      const second = await open();
      expect(idsIn(second)).toEqual([...ids(20), "next"]);
    });
  });

  it("keep an operation that failed once: nothing goes before what stands for it is fsynced", async () => {
    await withSpool(async (open, folder) => {
      const syncs: { name: string; present: readonly string[] }[] = [];
      const disk = new Disk();
      const openHandle: OpenSpoolHandle = async (path) => {
        const handle = await disk.open(path);
        const sync = async (): Promise<void> => {
          syncs.push({ name: basename(path), present: segmentsIn(folder) });
          await handle.sync();
        };
        return { ...handle, sync };
      };
      let tryCount = 0;
      const apply: OperationQueueOptions["apply"] = async () =>
        tryCount++ % 2 === 0
          ? [{ kind: "failed", error: new Error("refused") }]
          : [{ kind: "unavailable", error: new Error("away") }];
      await (await open({ maxRetries: () => 9 })).enqueue(operation("a"));

      const second = await open({ apply, openHandle });
      const [first] = segmentsIn(folder);
      syncs.length = 0;
      await second.drain();
      await second.close();
      const [successor, ...others] = segmentsIn(folder);
      expect(others).toEqual([]);
      expect(syncs).toEqual([{ name: successor, present: [first, successor] }]);

      // A process that ended right after it had written, and before the fsync.
      const third = await open({ apply, openHandle });
      disk.isSyncFailing = disk.isTruncateFailing = true;
      await third.drain();
      await third.close();
      disk.isSyncFailing = disk.isTruncateFailing = false;
      const present = segmentsIn(folder);
      expect(present).toHaveLength(2);
      syncs.length = 0;
      const fourth = await open({ openHandle });
      expect(syncs).toEqual(present.map((name) => ({ name, present })));
      await fourth.close();
      expect(segmentsIn(folder)).toEqual([present[1]]);
      expect(idsIn(await open())).toEqual(["a"]);
    });
  });

  it("keep an operation whose failed try the disk does not take", async () => {
    await withSpool(async (open) => {
      const disk = new Disk();
      const { lines, logger } = new Messages();
      let tryCount = 0;
      const apply: OperationQueueOptions["apply"] = async () =>
        tryCount++ === 0
          ? [{ kind: "failed", error: new Error("refused") }]
          : [{ kind: "unavailable", error: new Error("away") }];
      const queue = await open({ apply, logger, maxRetries: () => 9, openHandle: disk.open });
      await queue.enqueue(operation("a"));
      disk.isSyncFailing = disk.isTruncateFailing = true;
      await queue.drain();
      disk.isSyncFailing = disk.isTruncateFailing = false;
      expect(lines).toEqual([expect.stringMatching(/^warn: the spool could not note/)]);
      await queue.enqueue(operation("b"));
      await queue.close();
      expect(idsIn(await open())).toEqual(["a", "b"]);
    });
  });

  it("do not keep a drained operation from being done when the disk is full", async () => {
    await withSpool(async (open) => {
      const disk = new Disk();
      const { lines, logger } = new Messages();
      const queue = await open({ openHandle: disk.open, logger });
      await enqueueAll(queue, ["a", "b"]);
      disk.freeBytes = 0;
      expect(await queue.drain()).toEqual({ applied: 2, deadLettered: 0, remaining: 0 });
      expect(lines).toHaveLength(1);
    });
  });
});

describe("opening the queue", () => {
  it("drops a torn last line, and says so", async () => {
    await withSpool(async (open, folder) => {
      const first = await open();
      await enqueueAll(first, ["a", "b"]);
      const path = join(folder, segmentsIn(folder)[0]!);
      truncateSync(path, statSync(path).size - 20);
      const { lines, logger } = new Messages();
      const second = await open({ logger });
      expect(idsIn(second)).toEqual(["a"]);
      expect(lines).toEqual([expect.stringMatching(/^warn: the last line .* is dropped$/)]);
      expect(readFileSync(path, "utf8").endsWith("}\n")).toBe(true);
      expect(readdirSync(folder)).toHaveLength(1);
    });
  });

  it("keeps damaged lines aside, once, reports them, and uses the others", async () => {
    await withSpool(async (open, folder) => {
      const first = await open();
      await enqueueAll(first, ["a", "b", "c"]);
      const path = join(folder, segmentsIn(folder)[0]!);
      const content = readFileSync(path, "utf8");
      const damaged = content.split("\n")[1]!.replace('"b"', '"B"');
      writeFileSync(path, content.replace('"b"', '"B"'));
      const { lines, logger } = new Messages();
      const second = await open({ logger });
      expect(idsIn(second)).toEqual(["a", "c"]);
      expect(lines).toEqual([expect.stringMatching(/^error: a spool segment had damaged lines/)]);
      const third = await open({ logger });
      expect(idsIn(third)).toEqual(["a", "c"]);
      expect(lines).toHaveLength(1);
      expect(readFileSync(join(folder, damagedOf(basename(path))), "utf8")).toBe(`${damaged}\n`);
      expect(statSync(join(folder, damagedOf(basename(path)))).mode & 0o777).toBe(0o600);
    });
  });

  it("waits for a segment that cannot be read for a moment, so that nothing overtakes what is in it", async () => {
    await withSpool(async (open, folder) => {
      const first = await open({ segmentBytes: 1 });
      await enqueueAll(first, ["a", "b", "c"]);
      await first.close();
      const path = join(folder, segmentsIn(folder)[1]!);
      renameSync(path, `${folder}.away`);
      // A folder cannot be read as a file, by nobody.
      mkdirSync(path);
      const applied: string[] = [];
      const apply: OperationQueueOptions["apply"] = async (operations) => {
        applied.push(...operations.map(({ id }) => id));
        return applyAll(operations);
      };
      const refused = { code: "QUEUE_WRITE_FAILED", message: expect.stringContaining(basename(path)) as string };
      await expect(open({ apply })).rejects.toMatchObject(refused);
      rmSync(path, { recursive: true });
      renameSync(`${folder}.away`, path);
      const second = await open({ apply });
      await second.enqueue(operation("d"));
      await second.drain();
      expect(applied).toEqual(["a", "b", "c", "d"]);
    });
  });

  it("takes what is sound out of a damaged segment once, and waits while it cannot be mended", async () => {
    await withSpool(async (open, folder) => {
      const first = await open({ segmentBytes: 1 });
      await enqueueAll(first, ["a", "b"]);
      await first.close();
      const [one, two] = segmentsIn(folder).map((name) => join(folder, name));
      const [a, b] = [readFileSync(one!, "utf8"), readFileSync(two!, "utf8")];
      // More than any line has, as a disk can leave it: of this segment nothing can be told but its sound lines.
      writeFileSync(one!, `${a}${"\0".repeat(3 * 1024 ** 2)}\n${b}`);
      const keptIn = join(folder, damagedOf(basename(one!)));
      mkdirSync(keptIn);
      await expect(open()).rejects.toMatchObject({ code: "QUEUE_WRITE_FAILED" });
      rmSync(keptIn, { recursive: true });
      const { lines, logger } = new Messages();
      const second = await open({ logger });
      expect(lines).toEqual([expect.stringMatching(/^error: a spool segment had damaged lines/)]);
      expect(await second.drain()).toMatchObject({ applied: 2 });
      await second.close();
      expect(readdirSync(folder)).toEqual([basename(keptIn)]);
      expect(readFileSync(keptIn, "utf8").startsWith(a)).toBe(true);
      expect(idsIn(await open())).toEqual([]);
    });
  });

  it("does not bring a dead letter back when the process ended before the spool knew", async () => {
    await withSpool(async (open, folder) => {
      const first = await open();
      await enqueueAll(first, ["a", "b"]);
      const path = join(folder, segmentsIn(folder)[0]!);
      const content = readFileSync(path);
      const apply: OperationQueueOptions["apply"] = async () => [{ kind: "failed", error: new Error("refused") }];
      await first.close();
      const second = await open({ apply });
      expect(await second.drain()).toMatchObject({ deadLettered: 2 });
      await second.close();
      writeFileSync(path, content);
      appendFileSync(join(folder, "dead-letter.ndjson"), '{"crc32":"12');
      const third = await open({ apply });
      expect(third.size).toBe(0);
      await third.enqueue(operation("c"));
      expect(await third.drain()).toMatchObject({ deadLettered: 1 });
      const lines = readFileSync(join(folder, "dead-letter.ndjson"), "utf8").trimEnd().split("\n");
      expect(lines.map((line) => (JSON.parse(line) as { value: { id: string } }).value.id)).toEqual(["a", "b", "c"]);
    });
  });

  it("keeps an operation whose dead letter could not be written", async () => {
    await withSpool(async (open) => {
      const disk = new Disk();
      const apply: OperationQueueOptions["apply"] = async () => [{ kind: "failed", error: new Error("refused") }];
      const queue = await open({ apply, openHandle: disk.open });
      await queue.enqueue(operation("a"));
      disk.isSyncFailing = true;
      await expect(queue.drain()).rejects.toThrow("i/o error");
      expect(idsIn(queue)).toEqual(["a"]);
      disk.isSyncFailing = false;
      expect(await queue.drain()).toEqual({ applied: 0, deadLettered: 1, remaining: 0 });
    });
  });
});
