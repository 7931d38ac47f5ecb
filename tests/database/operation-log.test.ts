import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock, type Clock } from "../../src/core/clock.ts";
import { createIdSequence } from "../../src/core/ids.ts";
import { silentLogger, type LogFields, type Logger } from "../../src/core/logger.ts";
import { OperationLog, type LoggedOperation, type OperationLogOptions } from "../../src/database/operation-log.ts";
import { until, withFolder } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

type Line = Readonly<Record<string, unknown>>;

const AT = Date.parse("2026-08-01T12:00:00.000Z");
const DAY_MS = 24 * 3_600_000;

function operation(index: number, members: Partial<LoggedOperation> = {}): LoggedOperation {
  return { id: `id-${index}`, name: "events.find", at: AT, durationMs: 1.5, attempts: 1, outcome: "ok", ...members };
}

function readLines(folder: string, file = "operations-2026-08-01.ndjson"): Line[] {
  const text = readFileSync(join(folder, file), "utf8");
  expect(text.endsWith("\n")).toBe(true);
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

const idsOf = (lines: readonly Line[]): unknown[] => lines.map(({ id }) => id);
const idsUpTo = (count: number): string[] => Array.from({ length: count }, (_, index) => `id-${index}`);

/** A logger that keeps what it is told. */
function createListener(): { logger: Logger; messages: { level: string; message: string; fields?: LogFields }[] } {
  const messages: { level: string; message: string; fields?: LogFields }[] = [];
  const at =
    (level: string) =>
    (message: string, fields?: LogFields): void =>
      void messages.push({ level, message, ...(fields === undefined ? {} : { fields }) });
  const logger: Logger = {
    error: at("error"),
    warn: at("warn"),
    info: at("info"),
    debug: at("debug"),
    with: () => logger,
  };
  return { logger, messages };
}

function createLog(folder: string, options: Partial<OperationLogOptions> = {}, clock: Clock = new ManualClock(AT)) {
  return new OperationLog({ folder, clock, logger: silentLogger, isDebug: () => false, ...options });
}

describe("the operation log", () => {
  it("writes one line for each operation, in order, with time, name, duration, attempts and outcome", async () => {
    await withFolder(async (parent) => {
      const folder = join(parent, "logs");
      const log = createLog(folder);
      log.record(operation(0, { durationMs: 0.1234567 }));
      log.record(operation(1, { name: 'od"d\n', outcome: "failed", code: "DATABASE_BUSY", attempts: 5, at: AT + 1 }));
      log.record(operation(2, { outcome: "queued", code: "DATABASE_UNAVAILABLE" }));
      await log.flush();
      const time = "2026-08-01T12:00:00.000Z";
      expect(readLines(folder)).toEqual([
        { time, id: "id-0", name: "events.find", durationMs: 0.123, attempts: 1, outcome: "ok" },
        {
          ...{ time: "2026-08-01T12:00:00.001Z", id: "id-1", name: 'od"d\n', durationMs: 1.5, attempts: 5 },
          ...{ outcome: "failed", code: "DATABASE_BUSY" },
        },
        {
          ...{ time, id: "id-2", name: "events.find", durationMs: 1.5, attempts: 1 },
          ...{ outcome: "queued", code: "DATABASE_UNAVAILABLE" },
        },
      ]);
      expect(statSync(join(folder, "operations-2026-08-01.ndjson")).mode & 0o777).toBe(0o600);
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      await log.stop();
    });
  });

  it("writes SQL and values at debug level only, as they were when they were recorded", async () => {
    await withFolder(async (folder) => {
      let isDebug = false;
      const log = createLog(folder, { isDebug: () => isDebug });
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      const parameters = { title: "before" };
      log.record(operation(0, { sql: "SELECT 1", parameters }));
      isDebug = true;
      log.record(operation(1, { sql: "SELECT 1", parameters }));
      parameters.title = "after";
      log.record(operation(2, { parameters: circular }));
      log.record(operation(3, { parameters: { big: 1n } }));
      await log.flush();
      const lines = readLines(folder);
      expect(lines[0]).not.toHaveProperty("sql");
      expect(lines[0]).not.toHaveProperty("parameters");
      expect(lines[1]).toMatchObject({ sql: "SELECT 1", parameters: { title: "before" } });
      expect(lines[2]!.parameters).toContain("Circular");
      expect(lines[3]!.parameters).toContain("1n");
      await log.stop();
    });
  });

  it("writes at its interval, and at once when the ring is half full", async () => {
    await withFolder(async (folder) => {
      const clock = new ManualClock(AT);
      const log = createLog(folder, { capacity: 8 }, clock);
      const countLines = (): number => {
        const file = readdirSync(folder)[0];
        return file === undefined ? 0 : readFileSync(join(folder, file), "utf8").split("\n").length - 1;
      };
      log.start();
      for (let index = 0; index < 3; index++) log.record(operation(index));
      clock.advance(999);
      expect(readdirSync(folder)).toEqual([]);
      clock.advance(1);
      await until(() => countLines() === 3);
      for (let index = 3; index < 7; index++) log.record(operation(index));
      await until(() => countLines() === 7);
      await log.stop();
      expect(idsOf(readLines(folder))).toEqual(idsUpTo(7));
    });
  });

  it("holds nobody up when the ring is full: it counts what is missing, and says so in the file and in the log", async () => {
    await withFolder(async (folder) => {
      const { logger, messages } = createListener();
      const log = createLog(folder, { capacity: 4, logger });
      for (let index = 0; index < 10; index++) log.record(operation(index));
      await log.flush();
      log.record(operation(10));
      await log.flush();
      const lines = readLines(folder);
      expect(idsOf(lines.filter((line) => line.id !== undefined))).toEqual([...idsUpTo(4), "id-10"]);
      expect(lines.filter((line) => line.dropped !== undefined)).toEqual([
        { time: "2026-08-01T12:00:00.000Z", dropped: 6 },
      ]);
      expect(messages).toEqual([
        { level: "warn", message: "operations are missing in the operation log", fields: { dropped: 6 } },
      ]);
      expect(log.statistics()).toMatchObject({ count: 11, droppedCount: 6 });
      await log.stop();
    });
  });

  it("leaves room in the ring for what asked the database, however much is answered from memory", async () => {
    await withFolder(async (folder) => {
      const log = createLog(folder, { capacity: 8 });
      for (let index = 0; index < 20; index++) log.record(operation(index, { outcome: "cached", attempts: 0 }));
      log.record(operation(20));
      log.record(operation(21, { outcome: "refused", code: "INPUT_INVALID", attempts: 0 }));
      await log.flush();
      const lines = readLines(folder).filter(({ id }) => id !== undefined);
      expect(idsOf(lines)).toEqual([...idsUpTo(6), "id-20", "id-21"]);
      expect(lines[0]).toMatchObject({ outcome: "cached", attempts: 0 });
      expect(log.statistics()).toMatchObject({ count: 2, cachedCount: 20, droppedCount: 14 });
      await log.stop();
    });
  });

  it("begins a file each day, and keeps the last days, or as many of the newest files when the clock is ahead", async () => {
    await withFolder(async (folder) => {
      const clock = new ManualClock(AT);
      const others = ["muster-2026-01-01.log", "operations-notes.ndjson"];
      const names = (...days: string[]) => [...others, ...days.map((day) => `operations-${day}.ndjson`)].sort();
      const old = ["2025-12-31", "2026-07-29", "2026-07-30", "2026-07-31"];
      for (const name of names(...old)) writeFileSync(join(folder, name), "");
      const log = createLog(folder, { keepDays: 3 }, clock);
      const record = async (index: number): Promise<void> => {
        log.record(operation(index));
        await log.flush();
      };
      await record(0);
      expect(readdirSync(folder).sort()).toEqual(names("2026-07-30", "2026-07-31", "2026-08-01"));
      clock.advance(DAY_MS);
      await record(1);
      expect(readdirSync(folder).sort()).toEqual(names("2026-07-31", "2026-08-01", "2026-08-02"));
      expect(idsOf(readLines(folder))).toEqual(["id-0"]);
      expect(idsOf(readLines(folder, "operations-2026-08-02.ndjson"))).toEqual(["id-1"]);
      clock.setBack(-100 * DAY_MS);
      await record(2);
      expect(readdirSync(folder).sort()).toEqual(names("2026-08-01", "2026-08-02", "2026-11-10"));
      await log.stop();
    });
  });

  it("goes on in the day's file after a restart, on a line of its own when the last one is torn", async () => {
    for (const isSync of [false, true]) {
      await withFolder(async (folder) => {
        writeFileSync(join(folder, "operations-2026-08-01.ndjson"), '{"id":"earlier"}\n{"id":"to');
        const log = createLog(folder);
        log.record(operation(0));
        if (isSync) log.flushSync();
        else await log.flush();
        await log.stop();
        const text = readFileSync(join(folder, "operations-2026-08-01.ndjson"), "utf8");
        expect(text).toMatch(/^\{"id":"earlier"\}\n\{"id":"to\n\{"time":.*"id":"id-0".*\}\n$/);
      });
    }
  });

  it("keeps what a failing disk does not take, reports it once, and writes it when the disk is back", async () => {
    await withFolder(async (parent) => {
      const folder = join(parent, "logs");
      // A file where the folder should be fails for root, too, whom permissions do not stop.
      writeFileSync(folder, "in the way");
      const { logger, messages } = createListener();
      const clock = new ManualClock(AT);
      const log = createLog(folder, { logger, capacity: 100 }, clock);
      log.start();
      log.record(operation(0));
      for (let second = 0; second < 3; second++) {
        clock.advance(1_000);
        await until(() => clock.delaysMs.length === 1);
      }
      await expect(log.flush()).rejects.toThrow();
      expect(messages).toMatchObject([{ level: "error", message: "the operation log cannot be written" }]);
      log.flushSync();
      log.record(operation(1));
      rmSync(folder);
      await log.flush();
      expect(idsOf(readLines(folder))).toEqual(idsUpTo(2));
      await log.stop();
    });
  });

  it("stops writing, and counts, when the day's file has reached its limit", async () => {
    await withFolder(async (folder) => {
      const clock = new ManualClock(AT);
      const log = createLog(folder, { maxFileBytes: 1_000 }, clock);
      for (let index = 0; index < 50; index++) {
        log.record(operation(index));
        await log.flush();
      }
      const { size } = statSync(join(folder, "operations-2026-08-01.ndjson"));
      expect(size).toBeGreaterThanOrEqual(1_000);
      expect(size).toBeLessThan(1_200);
      const written = readLines(folder).length;
      clock.advance(DAY_MS);
      log.record(operation(50));
      await log.flush();
      log.record(operation(51));
      await log.flush();
      const next = readLines(folder, "operations-2026-08-02.ndjson");
      expect(next.find((line) => line.dropped !== undefined)).toMatchObject({ dropped: 50 - written });
      expect(idsOf(next)).toContain("id-51");
      await log.stop();
    });
  });

  it("has everything in the file after a synchronous flush, once and in order, with a write under way", async () => {
    for (let round = 0; round < 20; round++) {
      await withFolder(async (folder) => {
        const log = createLog(folder);
        let index = 0;
        for (; index < 3_000; index++) log.record(operation(index));
        const flushed = log.flush();
        // Into the middle of the pass: its first chunks are being made and written.
        for (let turn = 0; turn < round; turn++) await new Promise(setImmediate);
        for (; index < 5_000; index++) log.record(operation(index));
        log.flushSync();
        expect(idsOf(readLines(folder))).toEqual(idsUpTo(5_000));
        await flushed;
        log.record(operation(index++));
        await log.stop();
        expect(idsOf(readLines(folder))).toEqual(idsUpTo(5_001));
      });
    }
  });

  it("tells rates, durations and the names that took the most time, period by period", async () => {
    await withFolder(async (folder) => {
      const clock = new ManualClock(AT);
      const log = createLog(folder, {}, clock);
      for (let index = 0; index < 6; index++) log.record(operation(index, { durationMs: index }));
      log.record(operation(6, { name: "audit.list", durationMs: 40, outcome: "failed", code: "DATABASE_IO" }));
      log.record(operation(7, { name: "events.create", outcome: "refused", durationMs: 0 }));
      log.record(operation(8, { name: "events.create", outcome: "queued", durationMs: 1 }));
      log.record(operation(9, { outcome: "cached", durationMs: 500 }));
      clock.advance(3_000);
      expect(log.statistics(2)).toEqual({
        periodMs: 3_000,
        operationsPerSecond: 3,
        errorsPerSecond: 1 / 3,
        count: 9,
        errorCount: 1,
        averageMs: 56 / 9,
        maxMs: 40,
        cachedCount: 1,
        refusedCount: 1,
        queuedCount: 1,
        droppedCount: 0,
        top: [
          { name: "audit.list", count: 1, errorCount: 1, averageMs: 40, maxMs: 40 },
          { name: "events.find", count: 6, errorCount: 0, averageMs: 2.5, maxMs: 5 },
        ],
      });
      clock.advance(1_000);
      expect(log.statistics()).toMatchObject({ periodMs: 1_000, count: 0, averageMs: 0, maxMs: 0, top: [] });
      for (let index = 0; index < 2_000; index++) log.record(operation(index, { name: `made up ${index}` }));
      expect(log.statistics(Infinity).top.length).toBeLessThanOrEqual(501);
      await log.stop();
    });
  });

  it("costs next to nothing where it is called, and little in all", async () => {
    await withFolder(async (folder) => {
      const log = createLog(folder, {}, systemClock);
      const createId = createIdSequence(() => Date.now());
      const [batches, batchSize] = [32, 8_000];
      let recordMs = 0;
      const startedAt = performance.now();
      let idMs = 0;
      for (let batch = 0; batch < batches; batch++) {
        const idsAt = performance.now();
        const ids = Array.from({ length: batchSize }, createId);
        const beganAt = performance.now();
        idMs += beganAt - idsAt;
        for (const id of ids) log.record(operation(0, { id, at: Date.now(), durationMs: beganAt % 7 }));
        recordMs += performance.now() - beganAt;
        await log.flush();
      }
      const count = batches * batchSize;
      const allMs = performance.now() - startedAt - idMs;
      await log.stop();
      const [file] = readdirSync(folder);
      const bytesPerLine = statSync(join(folder, file!)).size / count;
      const perRecordUs = (recordMs * 1_000) / count;
      process.stdout.write(
        `operation log: ${perRecordUs.toFixed(3)} µs a record, ${((allMs * 1_000) / count).toFixed(3)} µs with its line written, ` +
          `${bytesPerLine.toFixed(0)} bytes a line\n`,
      );
      expect(log.statistics().droppedCount).toBe(0);
      expect(perRecordUs).toBeLessThan(10);
    });
  });
});
