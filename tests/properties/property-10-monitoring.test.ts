import fc from "fast-check";
import { isMusterError, MusterError } from "../../src/core/errors.ts";
import type { OperationOutcome } from "../../src/database/operation-log.ts";
import { withProbeDatabase, type ProbeDatabase } from "../database/database-manager-database.ts";
import { until } from "../helpers/database.ts";

const KINDS = ["add", "get", "transfer", "throw", "batch", "invalid", "unknown", "queued", "failing"] as const;
type Kind = (typeof KINDS)[number];
interface Step {
  readonly kind: Kind;
  readonly counter: string;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom<Kind>(...KINDS, "add", "get", "get"),
  counter: fc.constantFrom("a", "b"),
});

interface ExpectedRecord {
  readonly name: string;
  readonly outcome: OperationOutcome;
  readonly code: string | undefined;
}

/** What must have been seen, kept by the plain rules of what was called. */
class Expected {
  readonly records: ExpectedRecord[] = [];
  hitCount = 0;
  missCount = 0;
  errorCount = 0;
  readonly fresh = new Set<string>();

  add(name: string, outcome: OperationOutcome, code?: string): void {
    this.records.push({ name, outcome, code });
  }

  /** Of a write that ends with `code`; a read sees the rest of what it touched anew. */
  write(name: string, touched: readonly string[], code?: string): void {
    this.add(name, code === undefined ? "ok" : "refused", code);
    for (const name of touched) this.fresh.delete(name);
  }

  read(name: string): void {
    if (this.fresh.has(name)) {
      this.hitCount++;
      this.add("counter.get", "cached");
      return;
    }
    this.missCount++;
    this.add("counter.get", "ok");
    this.fresh.add(name);
  }

  /** Of a call made while the database is away; when it is back everything is read anew. */
  away(name: string, outcome: "queued" | "failed"): void {
    this.add(name, outcome, "DATABASE_UNAVAILABLE");
    this.errorCount++;
    this.fresh.clear();
  }
}

async function attempt(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isMusterError(error)) throw error;
  }
}

/** Makes a call while the database is away, as which it counts until the call has ended. */
async function callWhileAway({ degradation }: ProbeDatabase, call: () => Promise<void>): Promise<void> {
  const reason = new MusterError("DATABASE_UNAVAILABLE", "use the database: it is away");
  degradation.transition({ kind: "offline", reason, since: 0 });
  await call();
  degradation.transition({ kind: "normal" });
}

async function play(database: ProbeDatabase, expected: Expected, { kind, counter }: Step, run: string): Promise<void> {
  const { manager } = database;
  const name = `${run} ${counter}`;
  const call = (operation: string, input: unknown): Promise<void> => attempt(manager.call(operation, input));
  switch (kind) {
    case "add":
      expected.write("counter.add", [name]);
      return call("counter.add", { name, amount: 1 });
    case "get":
      expected.read(name);
      return call("counter.get", { name });
    case "transfer":
      expected.write("counter.transfer", [name], "NOT_FOUND");
      return call("counter.transfer", { from: `${run} nobody`, to: name, amount: 1 });
    case "throw":
      expected.write("counter.fail", [], "CONFLICT");
      return call("counter.fail", { name: `${run} ghost` });
    case "batch": {
      expected.write("batch", [name]);
      const add = { name: "counter.add", input: { name, amount: 1 } };
      return attempt(manager.batch([add, { name: "counter.get", input: { name } }]));
    }
    case "invalid":
      expected.add("counter.add", "refused", "INPUT_INVALID");
      return call("counter.add", { name: "" });
    case "unknown":
      expected.add("counter.none", "refused", "OPERATION_UNKNOWN");
      return call("counter.none", {});
    case "queued":
      expected.away("counter.add", "queued");
      // When it is applied it is asked for again, under the same id.
      expected.add("counter.add", "ok");
      await callWhileAway(database, () => call("counter.add", { name, amount: 1 }));
      return until(() => manager.health().queue.size === 0);
    case "failing":
      expected.away("counter.transfer", "failed");
      return callWhileAway(database, () => call("counter.transfer", { from: name, to: name, amount: 1 }));
  }
}

describe("what is monitored", () => {
  it("Feature: database-reliability, Property 10: agrees with what was called, whatever came of it", async () => {
    await withProbeDatabase({}, async (database) => {
      const { manager, logged } = database;
      let runCount = 0;
      const seen = new Set<string>();
      const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
        const run = `run ${runCount++}`;
        const expected = new Expected();
        const before = manager.health();
        const totalBefore = before.averageQueryTime * before.queryCount;
        logged.length = 0;
        for (const step of steps) {
          await play(database, expected, step, run);
          expect(manager.health().queue.size).toBe(0);
        }

        const health = manager.health();
        expect(logged.map(({ name, outcome, code }) => ({ name, outcome, code }))).toEqual(expected.records);
        const queries = logged.filter(({ outcome }) => outcome !== "cached");
        expect(health.queryCount - before.queryCount).toBe(queries.length);
        expect(health.errorCount - before.errorCount).toBe(expected.errorCount);
        const queuedIds = logged.filter(({ outcome }) => outcome === "queued").map(({ id }) => id);
        expect(new Set(logged.map(({ id }) => id)).size).toBe(logged.length - queuedIds.length);
        expect(health.cache.hitCount - before.cache.hitCount).toBe(expected.hitCount);
        expect(health.cache.missCount - before.cache.missCount).toBe(expected.missCount);
        const durationMs = queries.reduce((sum, record) => sum + record.durationMs, 0);
        expect(health.averageQueryTime * health.queryCount - totalBefore).toBeCloseTo(durationMs, 3);
        for (const { durationMs } of logged) expect(durationMs).toBeGreaterThan(0);
        for (const { outcome } of logged) seen.add(outcome);
      });
      await fc.assert(property, { numRuns: 110 });
      expect([...seen].sort()).toEqual(["cached", "failed", "ok", "queued", "refused"]);
      expect(manager.health().isConnected).toBe(true);
    });
  });
});
