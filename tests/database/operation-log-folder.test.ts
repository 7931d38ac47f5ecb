import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../src/core/logger.ts";
import { OperationLog, type LoggedOperation } from "../../src/database/operation-log.ts";
import { withFolder } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const AT = Date.parse("2026-08-01T12:00:00.000Z");

function operation(index: number): LoggedOperation {
  return { id: `id-${index}`, name: "events.find", at: AT, durationMs: 1.5, attempts: 1, outcome: "ok" };
}

function readIds(folder: string): unknown[] {
  return readFileSync(join(folder, "operations-2026-08-01.ndjson"), "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { id: unknown }).id);
}

const idsFrom = (first: number, end: number): string[] =>
  Array.from({ length: end - first }, (_, index) => `id-${first + index}`);

function createLog(folder: string): OperationLog {
  return new OperationLog({ folder, clock: new ManualClock(AT), logger: silentLogger, isDebug: () => false });
}

describe("the folder of the operation log", () => {
  it("moves between two writes: what was recorded before or meanwhile is in one of the two, once", async () => {
    await withFolder(async (parent) => {
      const [first, second] = [join(parent, "first"), join(parent, "deep", "second")];
      const log = createLog(first);
      for (let index = 0; index < 16_000; index++) log.record(operation(index));
      const flushed = log.flush();
      const moved = log.setFolder(second);
      for (let index = 16_000; index < 16_100; index++) log.record(operation(index));
      await Promise.all([flushed, moved]);
      log.flushSync();
      log.record(operation(16_100));
      await log.stop();
      const before = readIds(first);
      expect(before.length).toBeGreaterThanOrEqual(16_000);
      expect([...before, ...readIds(second)]).toEqual(idsFrom(0, 16_101));
    });
  });

  it("takes along what the former one's disk did not take", async () => {
    await withFolder(async (parent) => {
      writeFileSync(join(parent, "a-file"), "");
      const log = createLog(join(parent, "a-file", "logs"));
      log.record(operation(0));
      await expect(log.flush()).rejects.toThrow("ENOTDIR");
      await log.setFolder(join(parent, "second"));
      await log.stop();
      expect(readIds(join(parent, "second"))).toEqual(["id-0"]);
    });
  });

  it("stays the former one when the new one cannot be written, and that is told", async () => {
    await withFolder(async (parent) => {
      writeFileSync(join(parent, "a-file"), "");
      const log = createLog(join(parent, "first"));
      log.record(operation(0));
      await log.flush();
      await expect(log.setFolder(join(parent, "a-file"))).rejects.toThrow("EEXIST");
      log.record(operation(1));
      await log.stop();
      expect(readIds(join(parent, "first"))).toEqual(idsFrom(0, 2));
    });
  });
});
