import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import fc from "fast-check";
import { systemClock } from "../../src/core/clock.ts";
import { isMusterError, MusterError } from "../../src/core/errors.ts";
import { silentLogger, type Logger } from "../../src/core/logger.ts";
import { ErrorHandler } from "../../src/database/error-handler.ts";
import { OperationLog, type LoggedOperation } from "../../src/database/operation-log.ts";
import { operations, type OperationFault } from "../database/error-handler-data-module.ts";
import { createFaultDatabase } from "../database/error-handler-faults.ts";
import type { LogPlan, RecordingPlan } from "../database/operation-log-until-killed.ts";
import { withFolder, type TestDatabase } from "../helpers/database.ts";

type Line = Readonly<Record<string, unknown>>;

/** All that is in the folder's one file; a day that ends meanwhile makes two, in order. */
function readLog(folder: string): string {
  const files = readdirSync(folder).sort();
  expect(files.every((file) => /^operations-\d{4}-\d\d-\d\d\.ndjson$/.test(file))).toBe(true);
  return files.map((file) => readFileSync(join(folder, file), "utf8")).join("");
}

function parseLines(text: string): Line[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

/** `invalid` and `unknown` are refused before they reach the database. */
type CallKind = OperationFault | "none" | "invalid" | "unknown";

type Step =
  | {
      readonly kind: "call";
      readonly fault: CallKind;
      readonly isAwaited: boolean;
      readonly value: string;
    }
  /** The database goes away, or comes back. */
  | { readonly kind: "away" | "back" }
  | { readonly kind: "flush" | "flushSync" | "pause" };

/** Without those that take their time, need a damaged file, or say the value themselves. */
const OPERATION_FAULTS: readonly OperationFault[] = [
  ...(["unique", "primaryKey", "foreignKey", "check", "notNull", "dataType", "trigger"] as const),
  ...(["missingTable", "missingColumn", "syntax", "overflow", "readOnly", "full"] as const),
];

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant("call" as const),
      fault: fc.constantFrom<CallKind>("none", "none", "none", "invalid", "unknown", ...OPERATION_FAULTS),
      isAwaited: fc.boolean(),
      value: fc.string({ minLength: 1, maxLength: 10 }).map((text) => MARK + text),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("away" as const, "back" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("flush" as const, "flushSync" as const, "pause" as const) }),
  },
);

/** What a call ended with, as its caller saw it and as its line has it. */
interface Ending {
  readonly name: string;
  readonly code: string | undefined;
}

const endingsOf = (endings: readonly Ending[]): string[] =>
  endings.map(({ name, code }) => `${name} ${code ?? "ok"}`).sort();

/** Begins every value, so that it is known where it must not be. */
const MARK = "§§";
const NAME_BY_KIND: Readonly<Partial<Record<CallKind, string>>> = { none: "fault.succeed", unknown: "fault.unheardOf" };

function inputOf(kind: CallKind, value: string): unknown {
  if (kind === "none" || kind === "unknown") return { value };
  return kind === "invalid" ? { fault: value } : { fault: kind, value };
}

/** The façade on real threads, whose calls are logged to whatever log is current. */
class LoggedDatabase {
  recorded: LoggedOperation[] = [];
  ended: Ending[] = [];
  /** What was asked with, call by call. */
  inputs: unknown[] = [];
  /** All that was said to the log of errors. */
  said = "";
  isDebug = false;
  readonly errors: ErrorHandler;
  readonly #database: TestDatabase;
  #log: OperationLog | undefined;

  constructor(folder: string) {
    const record = (operation: LoggedOperation): void => {
      this.recorded.push(operation);
      this.#log?.record(operation);
    };
    const say = (message: string, fields: unknown): void =>
      void (this.said += `${message} ${inspect(fields, { depth: 10 })}`);
    const logger: Logger = { error: say, warn: say, info: say, debug: say, with: () => logger };
    this.errors = new ErrorHandler({ clock: systemClock, logger, isDebug: () => this.isDebug });
    this.#database = createFaultDatabase(folder, "logged.db", { operations, log: { record }, errors: this.errors });
  }

  start(): Promise<void> {
    return this.#database.manager.start();
  }

  stop(): Promise<void> {
    return this.#database.manager.stop();
  }

  logTo(log: OperationLog, isDebug: boolean): void {
    this.#log = log;
    this.isDebug = isDebug;
    this.inputs = [];
    this.said = "";
    this.recorded = [];
    this.ended = [];
    this.setAway(false);
  }

  async call(kind: CallKind, value: string): Promise<void> {
    const name = NAME_BY_KIND[kind] ?? "fault.provoke";
    const input = inputOf(kind, value);
    this.inputs.push(input);
    try {
      await this.#database.manager.call(name, input);
      this.ended.push({ name, code: undefined });
    } catch (error) {
      this.ended.push({ name, code: isMusterError(error) ? error.code : "none" });
    }
  }

  hasRun(name: string): boolean {
    return this.#database.engine.statements(name).length > 0;
  }

  setAway(isAway: boolean): void {
    const reason = new MusterError("DATABASE_UNAVAILABLE", "use the database: it is away");
    this.#database.degradation.transition(isAway ? { kind: "offline", reason, since: 0 } : { kind: "normal" });
  }
}

/** What the line of an operation must say: all of it, and nothing else. */
function lineOf(
  { at, id, name, durationMs, attempts, outcome, code, sql, parameters }: LoggedOperation,
  isDebug: boolean,
): Line {
  return {
    ...{ time: new Date(at).toISOString(), id, name, durationMs: Math.round(durationMs * 1_000) / 1_000 },
    ...{ attempts, outcome },
    ...(code === undefined ? {} : { code }),
    ...(isDebug ? { parameters } : {}),
    ...(isDebug && sql !== undefined ? { sql } : {}),
  };
}

async function play(database: LoggedDatabase, log: OperationLog, steps: readonly Step[]): Promise<void> {
  const running: Promise<void>[] = [];
  for (const step of steps) {
    if (step.kind === "call") {
      const call = database.call(step.fault, step.value);
      running.push(call);
      if (step.isAwaited) await call;
    } else if (step.kind === "away" || step.kind === "back") database.setAway(step.kind === "away");
    else if (step.kind === "flush") void log.flush();
    else if (step.kind === "flushSync") log.flushSync();
    else await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(running);
}

/** SQL and values stand in both logs and in the records of errors at debug level, and nowhere at another. */
function expectDebugData(database: LoggedDatabase, text: string, isDebug: boolean): void {
  const { recorded, inputs, said, errors } = database;
  const all = text + said + JSON.stringify(errors.recent());
  if (!isDebug) {
    expect(all).not.toContain(MARK);
    expect(all).not.toMatch(/INSERT INTO|SELECT \*/);
    expect(recorded.filter(({ sql, parameters }) => sql !== undefined || parameters !== undefined)).toEqual([]);
    return;
  }
  const asText = (values: readonly unknown[]): string[] => values.map((value) => JSON.stringify(value)).sort();
  expect(asText(recorded.map(({ parameters }) => parameters))).toEqual(asText(inputs));
  for (const { name, outcome, sql } of recorded) {
    if (outcome === "ok") expect(sql).toContain("INSERT INTO filler");
    if (!database.hasRun(name)) expect(sql).toBeUndefined();
  }
  const failed = recorded.filter(({ code }) => code !== undefined).reverse();
  const records = errors.recent(failed.length);
  expect(records.map(({ query, parameters }) => ({ query, parameters }))).toEqual(
    failed.map(({ sql, parameters }) => ({ query: sql, parameters })),
  );
}

/** What a process has told of each of its logs, and how it ended. */
interface Recording {
  readonly exitCode: number | null;
  /** By log: how many operations were in its file for certain. */
  readonly flushed: readonly number[];
}

async function record(plan: RecordingPlan, killAfterMs: number): Promise<Recording> {
  const script = join(import.meta.dirname, "../database/operation-log-until-killed.ts");
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script, JSON.stringify(plan)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  let killTimer: NodeJS.Timeout | undefined;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    if (plan.end === "kill") killTimer ??= setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  });
  const [exitCode] = (await once(child, "close")) as [number | null];
  clearTimeout(killTimer);
  const flushed = plan.logs.map(() => 0);
  // Of a line that the kill has cut short, nothing is taken.
  for (const line of output.split("\n").slice(0, -1)) {
    const [index, count] = line.split(" ").map(Number) as [number, number];
    flushed[index] = count;
  }
  return { exitCode, flushed };
}

/** A process costs far more than a log: each keeps so many at once. */
const LOGS_PER_PROCESS = 9;
/** Torture runs more of them. */
const PROCESS_COUNT = Number(process.env.OPERATION_LOG_PROCESSES ?? 12);
/** Half of them are killed. */
const SHARE_BY_END = { kill: 1 / 2, crash: 1 / 4, exit: 1 / 4 } as const;

const logPlan: fc.Arbitrary<Omit<LogPlan, "folder">> = fc.record({
  turnCount: fc.integer({ min: 1, max: 30 }),
  recordsPerTurn: fc.integer({ min: 1, max: 300 }),
  turnsPerFlush: fc.integer({ min: 1, max: 20 }),
  isFlushedSynchronously: fc.boolean(),
});
const logPlans = fc.array(logPlan, { minLength: LOGS_PER_PROCESS, maxLength: LOGS_PER_PROCESS });

async function recordAndRead(
  end: RecordingPlan["end"],
  plans: readonly Omit<LogPlan, "folder">[],
  killAfterMs: number,
): Promise<void> {
  await withFolder(async (folder) => {
    const logs = plans.map((plan, index) => ({ ...plan, folder: join(folder, `${index}`) }));
    const { exitCode, flushed } = await record({ end, logs }, killAfterMs);
    if (end !== "kill") expect(exitCode).toBe(end === "crash" ? 3 : 0);
    for (const [index, { folder, turnCount, recordsPerTurn }] of logs.entries()) {
      const text = existsSync(folder) ? readLog(folder) : "";
      const ids = parseLines(text).map(({ id }) => id);
      expect(ids).toEqual(ids.map((_, index) => `id-${index}`));
      if (end === "kill") {
        expect(ids.length).toBeGreaterThanOrEqual(flushed[index]!);
      } else {
        expect(ids.length).toBe(turnCount * recordsPerTurn);
        expect(text.endsWith("\n")).toBe(true);
      }
    }
  });
}

describe("the log of operations", () => {
  it("Feature: database-reliability, Property 17: has exactly one line for each call, complete and in order, whatever came of it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "muster-"));
    const database = new LoggedDatabase(folder);
    await database.start();
    const outcomes = new Set<string>();
    try {
      const steps = fc.array(step, { maxLength: 25 });
      const property = fc.asyncProperty(
        steps,
        fc.boolean(),
        fc.constantFrom(1, 5, 1_000),
        async (steps, isDebug, flushIntervalMs) => {
          await withFolder(async (folder) => {
            const clock = systemClock;
            const log = new OperationLog({
              folder,
              clock,
              logger: silentLogger,
              isDebug: () => isDebug,
              flushIntervalMs,
            });
            log.start();
            database.logTo(log, isDebug);
            await play(database, log, steps);
            await log.flush();
            const { recorded, ended } = database;
            expect(parseLines(readLog(folder))).toEqual(recorded.map((operation) => lineOf(operation, isDebug)));
            expect(ended.length).toBe(steps.filter(({ kind }) => kind === "call").length);
            expect(endingsOf(recorded.map(({ name, code }) => ({ name, code })))).toEqual(endingsOf(ended));
            const { count, droppedCount } = log.statistics();
            expect({ count, droppedCount }).toEqual({ count: recorded.length, droppedCount: 0 });
            expectDebugData(database, readLog(folder), isDebug);
            for (const { outcome } of recorded) outcomes.add(outcome);
            await log.stop();
          });
        },
      );
      await fc.assert(property, { numRuns: 150 });
      expect([...outcomes].sort()).toEqual(["failed", "ok", "refused"]);
    } finally {
      await database.stop();
    }
    await rm(folder, { recursive: true });
  });

  it(
    "Feature: database-reliability, Property 17: loses to a kill nothing but what was not flushed, and to a crash or an exit nothing",
    async () => {
      for (const [end, share] of Object.entries(SHARE_BY_END) as [RecordingPlan["end"], number][]) {
        const property = fc.asyncProperty(logPlans, fc.integer({ min: 0, max: 15 }), (plans, killAfterMs) =>
          recordAndRead(end, plans, killAfterMs),
        );
        // Making a failing one smaller would take a process for each step.
        await fc.assert(property, { numRuns: PROCESS_COUNT * share, endOnFailure: true });
      }
    },
    PROCESS_COUNT * 10_000,
  );
});
