import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { systemClock } from "../../src/core/clock.ts";
import { createIdSequence } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { ErrorHandler } from "../../src/database/error-handler.ts";
import { OperationLog, type LoggedOperation } from "../../src/database/operation-log.ts";
import { FaultRig, FAULTS, type Fault } from "../database/error-handler-faults.ts";
import type { RecordingPlan } from "../database/operation-log-until-killed.ts";
import { withFolder } from "../helpers/database.ts";

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

type Step =
  | { readonly kind: "call"; readonly fault: Fault | "none"; readonly isAwaited: boolean; readonly value: string }
  /** Kept for later, or not let in: there is no answer of the engine. */
  | { readonly kind: "away"; readonly outcome: "queued" | "refused" }
  | { readonly kind: "flush" | "flushSync" | "pause" };

/** Faults of one's own database file; those of opening and locking take their time. */
const QUICK_FAULTS = FAULTS.filter((fault) => !["busy", "notADatabase", "cannotOpen", "tooBig"].includes(fault));

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("call" as const),
      fault: fc.oneof(fc.constant("none" as const), fc.constantFrom(...QUICK_FAULTS)),
      isAwaited: fc.boolean(),
      value: fc.string({ minLength: 1, maxLength: 10 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("away" as const),
      outcome: fc.constantFrom("queued" as const, "refused" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("flush" as const, "flushSync" as const, "pause" as const) }),
  },
);

/** A caller that logs each of its calls as the façade does, and remembers them. */
class LoggingCaller {
  readonly recorded: LoggedOperation[] = [];
  readonly #rig: FaultRig;
  readonly #log: OperationLog;
  readonly #errors = new ErrorHandler({ clock: systemClock, logger: silentLogger, isDebug: () => false });
  readonly #createId = createIdSequence(() => Date.now());

  constructor(rig: FaultRig, log: OperationLog) {
    this.#rig = rig;
    this.#log = log;
  }

  async call(fault: Fault | "none", value: string): Promise<void> {
    const operation = this.#begin(`fault.${fault}`, { value });
    try {
      if (fault === "none") await this.#rig.succeed(value);
      else throw await this.#rig.provoke(fault, value);
      this.#record({ ...operation, outcome: "ok" });
    } catch (error) {
      // Not always the fault asked for: a full disk undoes whatever shares its transaction.
      const { code, isDatabaseFault } = this.#errors.classify(error);
      this.#record({ ...operation, outcome: isDatabaseFault ? "failed" : "refused", code });
    }
  }

  away(outcome: "queued" | "refused"): void {
    this.#record({ ...this.#begin("away", {}), outcome, attempts: 0, code: "DATABASE_UNAVAILABLE" });
  }

  #begin(name: string, parameters: unknown) {
    return { id: this.#createId(), name, at: Date.now(), startedAt: performance.now(), attempts: 1, parameters };
  }

  #record({ startedAt, ...operation }: Omit<LoggedOperation, "durationMs"> & { startedAt: number }): void {
    const logged = { ...operation, durationMs: performance.now() - startedAt };
    this.#log.record(logged);
    this.recorded.push(logged);
  }
}

/** What the line of an operation must say: all of it, and nothing else. */
function lineOf(
  { at, id, name, durationMs, attempts, outcome, code, parameters }: LoggedOperation,
  isDebug: boolean,
): Line {
  return {
    ...{ time: new Date(at).toISOString(), id, name, durationMs: Math.round(durationMs * 1_000) / 1_000 },
    ...{ attempts, outcome },
    ...(code === undefined ? {} : { code }),
    ...(isDebug ? { parameters } : {}),
  };
}

async function play(rig: FaultRig, log: OperationLog, steps: readonly Step[]): Promise<readonly LoggedOperation[]> {
  const caller = new LoggingCaller(rig, log);
  const running: Promise<void>[] = [];
  for (const step of steps) {
    if (step.kind === "call") {
      const call = caller.call(step.fault, step.value);
      running.push(call);
      if (step.isAwaited) await call;
    } else if (step.kind === "away") caller.away(step.outcome);
    else if (step.kind === "flush") void log.flush();
    else if (step.kind === "flushSync") log.flushSync();
    else await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(running);
  return caller.recorded;
}

async function record(plan: RecordingPlan, killAfterMs: number): Promise<{ exitCode: number | null; flushed: number }> {
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
  // Of a number that the kill has cut short, nothing is taken.
  const numbers = output.slice(0, output.lastIndexOf("\n") + 1).trim();
  return { exitCode, flushed: Number(numbers.split("\n").at(-1)) };
}

const plan = fc.record({
  end: fc.constantFrom("kill" as const, "kill" as const, "crash" as const, "exit" as const),
  turnCount: fc.integer({ min: 1, max: 30 }),
  recordsPerTurn: fc.integer({ min: 1, max: 300 }),
  turnsPerFlush: fc.integer({ min: 1, max: 20 }),
  isFlushedSynchronously: fc.boolean(),
});

describe("the log of operations", () => {
  it("Feature: database-reliability, Property 17: has exactly one line for each call, complete and in order, whatever came of it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "muster-"));
    const rig = await FaultRig.open(folder);
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
            const recorded = await play(rig, log, steps);
            await log.flush();
            expect(parseLines(readLog(folder))).toEqual(recorded.map((operation) => lineOf(operation, isDebug)));
            expect(recorded.length).toBe(steps.filter(({ kind }) => kind === "call" || kind === "away").length);
            const { count, droppedCount } = log.statistics();
            expect({ count, droppedCount }).toEqual({ count: recorded.length, droppedCount: 0 });
            await log.stop();
          });
        },
      );
      await fc.assert(property, { numRuns: 150 });
    } finally {
      await rig.close();
    }
    await rm(folder, { recursive: true });
  });

  it("Feature: database-reliability, Property 17: loses to a kill nothing but what was not flushed, and to a crash or an exit nothing", async () => {
    const property = fc.asyncProperty(plan, fc.integer({ min: 0, max: 15 }), async (plan, killAfterMs) => {
      await withFolder(async (folder) => {
        const { exitCode, flushed } = await record({ ...plan, folder }, killAfterMs);
        const text = readLog(folder);
        const ids = parseLines(text).map(({ id }) => id);
        expect(ids).toEqual(ids.map((_, index) => `id-${index}`));
        if (plan.end === "kill") {
          expect(ids.length).toBeGreaterThanOrEqual(flushed);
        } else {
          expect(exitCode).toBe(plan.end === "crash" ? 3 : 0);
          expect(ids.length).toBe(plan.turnCount * plan.recordsPerTurn);
          expect(text.endsWith("\n")).toBe(true);
        }
      });
    });
    await fc.assert(property, { numRuns: 100 });
  }, 120_000);
});
