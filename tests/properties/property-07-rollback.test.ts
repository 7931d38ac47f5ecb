import fc from "fast-check";
import type { OperationStep } from "../../src/database/operation.ts";
import { withProbeDatabase } from "../database/database-manager-database.ts";
import { errorLike, withRawConnection } from "../helpers/database.ts";

const CODE_BY_FAILURE = {
  constraint: "CONSTRAINT_VIOLATED",
  "not found": "NOT_FOUND",
  "refused by its own rules": "CONFLICT",
  thrown: "INTERNAL",
} as const;
type Failure = keyof typeof CODE_BY_FAILURE;
const FAILURES = Object.keys(CODE_BY_FAILURE) as Failure[];

/** A step that fails after it has written something, except when there was nothing to write. */
function failingStep(failure: Failure, run: string): OperationStep {
  const rich = `${run} rich`;
  switch (failure) {
    case "constraint":
      return { name: "counter.transfer", input: { from: `${run} poor`, to: rich, amount: 1_000_000 } };
    case "not found":
      return { name: "counter.transfer", input: { from: `${run} nobody`, to: rich, amount: 1 } };
    case "refused by its own rules":
      return { name: "counter.fail", input: { name: `${run} ghost` } };
    case "thrown":
      return { name: "probe.throwForeign", input: { name: `${run} ghost` } };
  }
}

const goodStep = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), counter: fc.constantFrom("poor", "rich", "new") }),
  fc.record({ kind: fc.constant("transfer" as const), counter: fc.constant("poor") }),
);

const toStep = (run: string, { kind, counter }: { kind: "add" | "transfer"; counter: string }): OperationStep =>
  kind === "add"
    ? { name: "counter.add", input: { name: `${run} ${counter}`, amount: 3 } }
    : { name: "counter.transfer", input: { from: `${run} rich`, to: `${run} ${counter}`, amount: 2 } };

/** All that the tables hold of one run, the record of applied writes beside it. */
function readState(path: string, run: string): unknown {
  return withRawConnection(path, (raw) => {
    const counters = raw.prepare("SELECT * FROM counter WHERE name GLOB ? ORDER BY name").all(`${run} *`);
    const ledger = raw.prepare("SELECT * FROM ledger WHERE name GLOB ? ORDER BY sequence").all(`${run} *`);
    const applied = raw.prepare("SELECT count(*) FROM applied_operation").pluck().get();
    return { counters, ledger, applied };
  });
}

describe("a batch with a step that fails", () => {
  it("Feature: database-reliability, Property 7: leaves everything as it was, whichever step fails and however, and its neighbours alone", async () => {
    await withProbeDatabase({ readerCount: 0 }, async ({ manager, path }) => {
      let runCount = 0;
      const seen = new Set<string>();
      const property = fc.asyncProperty(
        fc.array(goodStep, { minLength: 2, maxLength: 6 }),
        fc.constantFrom("first" as const, "between" as const, "last" as const),
        fc.constantFrom(...FAILURES),
        fc.nat(3),
        fc.nat(3),
        async (good, position, failure, before, after) => {
          const run = `run ${runCount++}`;
          for (const [name, amount] of [["poor", 5] as const, ["rich", 100] as const]) {
            await manager.call("counter.add", { name: `${run} ${name}`, amount });
          }
          const steps = good.map((step) => toStep(run, step));
          const failAt = { first: 0, between: Math.ceil(steps.length / 2), last: steps.length }[position];
          const doomed = steps.toSpliced(failAt, 0, failingStep(failure, run));
          const error = errorLike({ code: CODE_BY_FAILURE[failure] });

          const stateBefore = readState(path, run);
          await expect(manager.batch(doomed)).rejects.toEqual(error);
          expect(readState(path, run)).toEqual(stateBefore);

          // Again, among others that come into the same group commit.
          const addNeighbour = (): Promise<unknown> =>
            manager.call("counter.add", { name: `${run} neighbour`, amount: 1 });
          const outcomes = await Promise.allSettled([
            ...Array.from({ length: before }, addNeighbour),
            manager.batch(doomed),
            ...Array.from({ length: after }, addNeighbour),
          ]);
          const [rejected] = outcomes.splice(before, 1);
          expect(rejected).toEqual({ status: "rejected", reason: error });
          expect(outcomes).toEqual(outcomes.map((_, index) => ({ status: "fulfilled", value: index + 1 })));
          const total = (await manager.call("counter.get", { name: `${run} neighbour` })) ?? 0;
          expect(total).toBe(before + after);
          expect(await manager.call("counter.get", { name: `${run} rich` })).toBe(100);

          // Without the step that failed, it is applied.
          await expect(manager.batch(steps)).resolves.toHaveLength(steps.length);
          seen.add(`${failure} ${position}`);
        },
      );
      await fc.assert(property, { numRuns: 120 });
      expect(seen.size).toBe(FAILURES.length * 3);
    });
  });
});
