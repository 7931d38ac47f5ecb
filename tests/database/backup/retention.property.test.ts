import fc from "fast-check";
import { planRetention, type RetentionFact } from "../../../src/database/backup/retention.ts";

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 10, 20, 12);

const facts = fc
  .array(fc.record({ hours: fc.nat(24 * 500), isVerified: fc.boolean() }), { maxLength: 40 })
  .map((drawn) =>
    drawn.map(({ hours, isVerified }, index): RetentionFact => {
      return { id: `s${index}`, createdAt: NOON - hours * 3_600_000, isVerified };
    }),
  );
/** Often one that asks for next to nothing: then it is the last of all that has to stay. */
const policies = fc
  .record({
    newestCount: fc.oneof(fc.constantFrom(0, 1), fc.integer({ min: 2, max: 12 })),
    dailyCount: fc.option(fc.nat(10), { nil: undefined, freq: 1 }),
    weeklyCount: fc.option(fc.nat(6), { nil: undefined, freq: 1 }),
    monthlyCount: fc.option(fc.nat(6), { nil: undefined, freq: 1 }),
  })
  .map(({ newestCount, ...counts }) => ({
    newestCount,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== undefined)),
  }));

const newestFirst = (all: readonly RetentionFact[]): RetentionFact[] =>
  [...all].sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));

describe("retention", () => {
  it("puts each snapshot on one side, whatever their order", () => {
    fc.assert(
      fc.property(facts, policies, fc.integer(), (all, policy, seed) => {
        const plan = planRetention(all, policy);
        expect([...plan.keep, ...plan.remove].sort()).toEqual(all.map(({ id }) => id).sort());
        const shuffled = [...all].sort((a, b) => ((a.createdAt * 31 + seed) % 17) - ((b.createdAt * 31 + seed) % 17));
        expect(planRetention(shuffled, policy)).toEqual(plan);
      }),
      { numRuns: 300 },
    );
  });

  it("keeps the newest verified ones, and never removes the last", () => {
    fc.assert(
      fc.property(facts, policies, (all, policy) => {
        const { keep } = planRetention(all, policy);
        const verified = newestFirst(all).filter(({ isVerified }) => isVerified);
        const wanted = verified.slice(0, Math.max(1, policy.newestCount)).map(({ id }) => id);
        expect(wanted.filter((id) => !keep.includes(id))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("removes one that is not verified only behind enough newer ones that are", () => {
    fc.assert(
      fc.property(facts, policies, (all, policy) => {
        const { remove } = planRetention(all, policy);
        for (const doomed of all.filter(({ id, isVerified }) => !isVerified && remove.includes(id))) {
          const newer = all.filter(({ isVerified, createdAt }) => isVerified && createdAt > doomed.createdAt);
          expect(newer.length).toBeGreaterThanOrEqual(Math.max(1, policy.newestCount));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("stays within its counts, and comes to rest: what is kept is kept again", () => {
    fc.assert(
      fc.property(facts, policies, (all, policy) => {
        const { keep } = planRetention(all, policy);
        const { dailyCount = 0, weeklyCount = 0, monthlyCount = 0 }: Record<string, number | undefined> = policy;
        const kept = all.filter(({ id }) => keep.includes(id));
        const limit = Math.max(1, policy.newestCount) + dailyCount + weeklyCount + monthlyCount;
        expect(kept.filter(({ isVerified }) => isVerified).length).toBeLessThanOrEqual(limit);
        expect(planRetention(kept, policy).remove).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("keeps the newest of each day, week and month that has one", () => {
    // Three a day for 100 days; the 20th of November 2026 is a Friday.
    const all = Array.from({ length: 300 }, (_, index): RetentionFact => {
      return {
        id: String(index),
        createdAt: NOON - Math.floor(index / 3) * DAY_MS - (index % 3) * 3_600_000,
        isVerified: true,
      };
    });
    const days = (policy: Parameters<typeof planRetention>[1]): string[] =>
      planRetention(all, policy).keep.map((id) => new Date(all[Number(id)]!.createdAt).toISOString().slice(5, 13));
    expect(days({ newestCount: 2 })).toEqual(["11-20T12", "11-20T11"]);
    expect(days({ newestCount: 1, dailyCount: 3 })).toEqual(["11-20T12", "11-19T12", "11-18T12"]);
    expect(days({ newestCount: 1, weeklyCount: 3 })).toEqual(["11-20T12", "11-15T12", "11-08T12"]);
    expect(days({ newestCount: 1, monthlyCount: 3 })).toEqual(["11-20T12", "10-31T12", "09-30T12"]);
  });

  it("goes by the archive's order, and not by a clock that was ahead for a while", () => {
    const fact = (id: string, createdAt: number, generation: string, segment = 1): RetentionFact => {
      return { id, createdAt, isVerified: true, archive: { from: { generation, segment, offset: 32 } } };
    };
    const [before, after] = ["20261120T110000000Z-A", "20261120T170000001Z-B"];
    const ahead = fact("s2", NOON + 5 * 3_600_000, before, 2);
    const all = [fact("s1", NOON - 1, before), ahead, fact("s3", NOON, after), fact("s4", NOON + 60_000, after, 2)];
    expect(planRetention(all, { newestCount: 1 }).keep).toEqual(["s4"]);
    expect(planRetention(all, { newestCount: 3 }).remove).toEqual(["s1"]);
    const damaged = { ...ahead, isVerified: false };
    expect(planRetention([...all.slice(2), damaged], { newestCount: 1 }).remove).toEqual(["s3", "s2"]);
  });

  it("keeps what is protected, which takes nobody's place", () => {
    const all = [1, 2, 3].map((n): RetentionFact => ({ id: `s${n}`, createdAt: n, isVerified: true }));
    expect(planRetention(all, { newestCount: 1 }, ["s1"])).toEqual({ keep: ["s3", "s1"], remove: ["s2"] });
  });
});
