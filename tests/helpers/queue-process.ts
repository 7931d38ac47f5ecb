import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger, type Logger } from "../../src/core/logger.ts";
import { OperationQueue, type ApplyOutcome, type QueuedOperation } from "../../src/resilience/operation-queue.ts";

/**
 * A process that enqueues and drains at random until it is killed, and what checks afterwards that nothing was lost.
 * An id is `<priority>-<number>`; numbers count up over all processes, in order of enqueueing. What was applied is one
 * line in a file, written once for each id; it survives a kill, as a database's commit does. What was acknowledged is
 * noted in another file: a pipe would refuse it when its reader is late.
 */

const PRIORITIES = ["HIGH", "MEDIUM", "LOW"] as const;
const APPLIED = "applied.txt";
const ACKNOWLEDGED = "acknowledged.txt";
const SPOOL = "spool";
/** Small, so that kills meet the beginning and the removal of segments. */
const SEGMENT_BYTES = 4_000;
/** None is dropped. */
const MAX_DEAD_LETTER_BYTES = 64 * 1024 ** 2;
/** Nobody needs a killer to be late for longer. */
const MAX_OPERATIONS = 100_000;
const LONGEST_LIFE_MS = 150;
const NUMBERS_PER_PROCESS = 1_000_000;

function readLines(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
}

/** Every 13th operation is refused for good; now and then the database is away. */
function openQueue(folder: string, isEverAway: boolean, logger: Logger): OperationQueue {
  const appliedPath = join(folder, APPLIED);
  const applied = new Set(readLines(appliedPath));
  const applyOne = ({ id }: QueuedOperation): ApplyOutcome => {
    if (isEverAway && Math.random() < 0.02) return { kind: "unavailable", error: new Error("away") };
    if (applied.has(id)) return { kind: "applied" };
    if (Number(id.split("-")[1]) % 13 === 0) return { kind: "failed", error: new Error("refused") };
    appendFileSync(appliedPath, `${id}\n`);
    applied.add(id);
    return { kind: "applied" };
  };
  return new OperationQueue({
    ...{ folder: join(folder, SPOOL), clock: systemClock, logger, segmentBytes: SEGMENT_BYTES, maxRetries: () => 2 },
    deadLetterBytes: MAX_DEAD_LETTER_BYTES,
    async apply(operations) {
      const outcomes: ApplyOutcome[] = [];
      for (const operation of operations) {
        outcomes.push(applyOne(operation));
        if (outcomes.at(-1)!.kind !== "applied") break;
      }
      await new Promise((resolve) => setImmediate(resolve));
      return outcomes;
    },
  });
}

/** Notes the id of each operation that was acknowledged, and says on its standard output that it has begun. */
async function runUntilKilled(folder: string, firstNumber: number): Promise<void> {
  const queue = openQueue(folder, true, silentLogger);
  await queue.open();
  writeSync(1, "begun");
  for (let number = firstNumber; number < firstNumber + MAX_OPERATIONS;) {
    const saving: Promise<void>[] = [];
    for (let count = Math.ceil(Math.random() * 8); count > 0; count--) {
      const priority = PRIORITIES[Math.floor(Math.random() * PRIORITIES.length)]!;
      const id = `${priority}-${number++}`;
      const operation = { id, operation: "test", parameters: {}, timestamp: Date.now(), priority };
      saving.push(queue.enqueue(operation).then(() => appendFileSync(join(folder, ACKNOWLEDGED), `${id}\n`)));
    }
    if (Math.random() < 0.3) void queue.drain();
    if (Math.random() < 0.05) void queue.replayDeadLetters();
    await Promise.all(saving);
  }
}

export interface KillReport {
  readonly acknowledgedCount: number;
  readonly appliedCount: number;
  readonly deadLetterCount: number;
  /** Acknowledged, and neither applied nor a dead letter. */
  readonly lost: readonly string[];
  /** Applied twice, twice a dead letter, or both. */
  readonly doubled: readonly string[];
  /** Applied after one of their priority that was enqueued later. */
  readonly overtaken: readonly string[];
  /** What the queue had to say when it was opened for the last time. */
  readonly errors: readonly string[];
  readonly remaining: number;
}

/** Starts processes on one folder and kills each after a random time; then drains what is left, and compares. */
export async function killRepeatedly(folder: string, killCount: number): Promise<KillReport> {
  for (let kill = 0; kill < killCount; kill++) {
    // Spread over all lengths, so that even of a few processes some live long enough to get somewhere.
    const lifeMs = (LONGEST_LIFE_MS * (kill + Math.random())) / killCount;
    await runAndKill(folder, kill * NUMBERS_PER_PROCESS, lifeMs);
  }
  const acknowledged = readLines(join(folder, ACKNOWLEDGED));
  const errors: string[] = [];
  const queue = openQueue(folder, false, { ...silentLogger, error: (message) => void errors.push(message) });
  await queue.open();
  const opened = errors.splice(0);
  const { remaining } = await queue.drain();
  await queue.close();
  const dead = readDeadIds(join(folder, SPOOL, "dead-letter.ndjson"));
  const applied = readLines(join(folder, APPLIED));
  const ended = [...applied, ...dead];
  const present = new Set(ended);
  const lost = acknowledged.filter((id) => !present.has(id));
  return {
    acknowledgedCount: acknowledged.length,
    appliedCount: applied.length,
    deadLetterCount: dead.length,
    lost,
    doubled: ended.filter((id) => !present.delete(id)),
    overtaken: findOvertaken(applied),
    errors: opened,
    remaining,
  };
}

/** Those that were not put back after they had been given up. */
function readDeadIds(path: string): string[] {
  const dead = new Map<number, string>();
  for (const line of readLines(path)) {
    const { sequence, sequences, value } = JSON.parse(line) as DeadLetterLine;
    if (value) dead.set(sequence, value.id);
    for (const replayed of sequences ?? []) dead.delete(replayed);
  }
  return [...dead.values()];
}

interface DeadLetterLine {
  readonly sequence: number;
  readonly value?: QueuedOperation;
  /** Of a line that says that these were put back. */
  readonly sequences?: readonly number[];
}

function findOvertaken(applied: readonly string[]): string[] {
  return PRIORITIES.flatMap((priority) => {
    let highest = -1;
    return applied.filter((id) => {
      const [ownPriority, number] = id.split("-");
      if (ownPriority !== priority) return false;
      const isOvertaken = Number(number) < highest;
      highest = Math.max(highest, Number(number));
      return isOvertaken;
    });
  });
}

/** Kills the process `afterMs` after it has begun. */
async function runAndKill(folder: string, firstNumber: number, afterMs: number): Promise<void> {
  const child = spawn(process.execPath, [import.meta.filename, folder, String(firstNumber)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), afterMs));
  const signal = await new Promise((resolve) => child.once("close", (_code, signal) => resolve(signal)));
  if (signal !== "SIGKILL") throw new Error("the process ended before it was killed");
}

if (process.argv[1] === import.meta.filename) await runUntilKilled(process.argv[2]!, Number(process.argv[3]));
