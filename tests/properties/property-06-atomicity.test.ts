import Database from "better-sqlite3";
import fc from "fast-check";
import type { OperationStep } from "../../src/database/operation.ts";
import { withProbeDatabase } from "../database/database-manager-database.ts";
import type { TestDatabase } from "../helpers/database.ts";

type Manager = TestDatabase["manager"];

/** One amount for all counters of a batch: so each batch leaves them equal, and so does every state between two batches. */
interface Batch {
  readonly amount: number;
  /** Where a step stands that must fail; undefined = nowhere. */
  readonly failAt: number | undefined;
  /** In which order the counters are added to, so that no step is always the first. */
  readonly turn: number;
  /** A turn of the event loop before it, so that it may come into another group commit. */
  readonly isLate: boolean;
}

const batch: fc.Arbitrary<Batch> = fc.record({
  amount: fc.integer({ min: 1, max: 1_000 }),
  failAt: fc.option(fc.nat(4), { nil: undefined, freq: 2 }),
  turn: fc.nat(4),
  isLate: fc.boolean(),
});

/** Each writes something before it fails. */
const FAILING_STEPS: readonly ((first: string, second: string) => OperationStep)[] = [
  (first) => ({ name: "counter.fail", input: { name: `${first} ghost` } }),
  (first, second) => ({ name: "counter.transfer", input: { from: second, to: first, amount: 1_000_000 } }),
  (first) => ({ name: "counter.transfer", input: { from: `${first} nobody`, to: first, amount: 1 } }),
];

function stepsOf({ amount, failAt, turn }: Batch, names: readonly string[]): OperationStep[] {
  const turned = names.map((_, index) => names[(index + turn) % names.length]!);
  const steps: OperationStep[] = turned.map((name) => ({ name: "counter.add", input: { name, amount } }));
  const failing = FAILING_STEPS[turn % FAILING_STEPS.length]!(names[0]!, names[1]!);
  return failAt === undefined ? steps : steps.toSpliced(Math.min(failAt, steps.length), 0, failing);
}

/** Reads the sums that another program's connection sees, from one snapshot each time. */
function createSumReader(raw: Database.Database): (names: readonly string[]) => number[] {
  const statement = raw.prepare<[string], number>("SELECT value FROM counter WHERE name = ?").pluck();
  return raw.transaction((names: readonly string[]) => names.map((name) => statement.get(name) ?? 0));
}

/** What is not equal in the ledger and the counters: whole batches only leave nothing. */
const TORN = `
  SELECT name, value FROM counter
  WHERE value <> (SELECT coalesce(sum(amount), 0) FROM ledger WHERE ledger.name = counter.name)`;

/** Reads all counters in one read, several times a millisecond, until the writing is done. */
async function readUntil(done: Promise<unknown>, read: () => Promise<number[]> | number[]): Promise<number[][]> {
  const seen: number[][] = [];
  let isDone = false;
  void done.finally(() => (isDone = true)).catch(() => undefined);
  while (!isDone) {
    for (let count = 0; count < 3 && !isDone; count++) seen.push(await read());
    // Without a pause, most of what is read is read while a busy disk syncs.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return seen;
}

async function runBatch(manager: Manager, batch: Batch, names: readonly string[]): Promise<boolean> {
  if (batch.isLate) await new Promise(setImmediate);
  try {
    await manager.batch(stepsOf(batch, names));
    return true;
  } catch {
    return false;
  }
}

describe("a batch of operations", () => {
  it("Feature: database-reliability, Property 6: is there as a whole or not at all, for everyone who reads meanwhile", async () => {
    await withProbeDatabase({ readerCount: 1 }, async ({ manager, path }) => {
      const outside = new Database(path);
      const readSums = createSumReader(outside);
      let run = 0;
      let betweenCount = 0;
      const batches = fc.array(batch, { minLength: 1, maxLength: 12 });
      const property = fc.asyncProperty(batches, fc.integer({ min: 2, max: 4 }), async (batches, width) => {
        run++;
        const names = Array.from({ length: width }, (_, index) => `${run} ${index}`);
        const writing = Promise.all(batches.map((batch) => runBatch(manager, batch, names)));
        const readNames = { names };
        const [isApplied, seenByReader, seenFromOutside] = await Promise.all([
          writing,
          readUntil(writing, async () => (await manager.call("probe.getAll", readNames)) as number[]),
          readUntil(writing, () => readSums(names)),
        ]);
        const total = batches.reduce((sum, { amount }, index) => sum + (isApplied[index] ? amount : 0), 0);
        const seen = [...seenByReader, ...seenFromOutside];
        expect(seen.filter((sums) => sums.some((sum) => sum !== sums[0] || sum > total))).toEqual([]);
        betweenCount += seen.filter(([sum]) => sum! > 0 && sum! < total).length;
        expect(isApplied).toEqual(batches.map(({ failAt }) => failAt === undefined));
        expect(readSums(names)).toEqual(names.map(() => total));
      });
      await fc.assert(property, { numRuns: 110 });
      expect(outside.prepare(TORN).all()).toEqual([]);
      outside.close();
      // Otherwise nobody has read while something was being written.
      expect(betweenCount).toBeGreaterThan(0);
    });
  });
});
