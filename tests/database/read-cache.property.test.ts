import fc from "fast-check";
import { ReadCache } from "../../src/database/read-cache.ts";

const TAGS_BY_KEY: Readonly<Record<string, readonly string[]>> = {
  one: ["a"],
  two: ["a", "b"],
  three: ["b", "c"],
  four: ["c", "d"],
};
const key = fc.constantFrom(...Object.keys(TAGS_BY_KEY));

type Step =
  | { readonly kind: "ask" | "get"; readonly key: string }
  | { readonly kind: "answer"; readonly index: number }
  | { readonly kind: "touch"; readonly tags: readonly string[] }
  | { readonly kind: "touchAll" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("ask" as const, "get" as const), key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("answer" as const), index: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("touch" as const),
      tags: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "unused"), { maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "touchAll" as const }) },
);

/** What is stored: for each tag the number of the write that changed it last. */
class Stored {
  readonly #versions = new Map<string, number>();
  #writeCount = 0;

  write(tags: readonly string[]): void {
    this.#writeCount++;
    for (const tag of tags) this.#versions.set(tag, this.#writeCount);
  }

  read(key: string): number[] {
    return TAGS_BY_KEY[key]!.map((tag) => this.#versions.get(tag) ?? 0);
  }
}

describe("ReadCache", () => {
  it("never gives an answer as fresh that is older than the last touch of its tags", () => {
    const steps = fc.array(step, { maxLength: 60, size: "max" });
    let hitCount = 0;
    const property = fc.property(steps, fc.integer({ min: 0, max: 5 }), (steps, capacity) => {
      const cache = new ReadCache(() => capacity);
      const stored = new Stored();
      const asked: { key: string; value: number[]; moment: number }[] = [];
      for (const [at, step] of steps.entries()) {
        if (step.kind === "ask") {
          asked.push({ key: step.key, value: stored.read(step.key), moment: cache.moment });
        } else if (step.kind === "answer" && asked.length > 0) {
          const [answer] = asked.splice(step.index % asked.length, 1);
          cache.put(answer!.key, answer!.value, TAGS_BY_KEY[answer!.key]!, at, answer!.moment);
        } else if (step.kind === "touch") {
          stored.write(step.tags);
          cache.touch(step.tags);
        } else if (step.kind === "touchAll") {
          stored.write(["a", "b", "c", "d"]);
          cache.touchAll();
        } else if (step.kind === "get") {
          const fresh = cache.getFresh(step.key);
          if (fresh) expect(fresh.value).toEqual(stored.read(step.key));
          if (fresh) hitCount++;
        }
        expect(cache.statistics.size).toBeLessThanOrEqual(capacity);
      }
    });
    fc.assert(property, { numRuns: 300 });
    expect(hitCount).toBeGreaterThan(30);
  });
});
