import fc from "fast-check";
import type {
  ArchivedGeneration,
  ArchivedSegment,
  FoundCommit,
} from "../../../src/database/backup/archive-catalogue.ts";
import { generationName } from "../../../src/database/backup/archive-index.ts";
import type { RestoreFacts, RestoreTarget, SnapshotFact } from "../../../src/database/backup/restore-facts.ts";
import { momentsOf, planRestore } from "../../../src/database/backup/restore-plan.ts";
import { errorLike } from "../../helpers/database.ts";

/**
 * A model of a database's life: a row of steps on one clock. Every commit has a number; a state is the number of the last
 * commit that it contains. What a plan reaches is compared with the best that a search of everything finds.
 */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant("commit" as const) },
  { weight: 2, arbitrary: fc.constant("segment" as const) },
  { weight: 2, arbitrary: fc.constant("snapshot" as const) },
  { weight: 1, arbitrary: fc.constant("snapshot alone" as const) },
  { weight: 1, arbitrary: fc.constant("generation" as const) },
);

interface ModelCommit {
  readonly number: number;
  readonly at: number;
  readonly generation: number;
  readonly segment: number;
  readonly offset: number;
}

interface ModelSnapshot {
  readonly id: string;
  readonly createdAt: number;
  /** The last commit in it. */
  readonly state: number;
  readonly generation: number;
  readonly segment: number;
  readonly hasArchive: boolean;
}

const FRAME_BYTES = 4_120;
const beginOf = (offset: number): number => 32 + offset * FRAME_BYTES;

function live(
  steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[],
  lag: number,
): {
  commits: ModelCommit[];
  snapshots: ModelSnapshot[];
} {
  const commits: ModelCommit[] = [];
  const snapshots: ModelSnapshot[] = [];
  let [generation, segment, offset, at] = [1, 1, 0, 1_000];
  for (const kind of steps) {
    at += lag;
    if (kind === "commit") {
      offset++;
      commits.push({ number: commits.length + 1, at, generation, segment, offset });
    } else if (kind === "segment") {
      // A segment begins with a commit.
      if (offset > 0) [segment, offset] = [segment + 1, 0];
      offset++;
      commits.push({ number: commits.length + 1, at, generation, segment, offset });
    } else if (kind === "generation") {
      [generation, segment, offset] = [generation + 1, 1, 1];
      commits.push({ number: commits.length + 1, at, generation, segment, offset });
    } else {
      const id = String(snapshots.length).padStart(8, "0");
      const hasArchive = kind === "snapshot";
      snapshots.push({ id, createdAt: at, state: commits.length, generation, segment, hasArchive });
    }
  }
  return { commits, snapshots };
}

function toFacts(
  { commits, snapshots }: ReturnType<typeof live>,
  target: RestoreTarget,
  isMissing: (generation: number, segment: number) => boolean,
  isDamaged: (snapshot: ModelSnapshot) => boolean,
): RestoreFacts {
  const nameOf = (generation: number): string => {
    const first = commits.find((commit) => commit.generation === generation);
    return generationName(first?.at ?? 0, String(generation), undefined);
  };
  const facts = snapshots.map((snapshot): SnapshotFact => {
    const last = commits.findLast(({ number }) => number <= snapshot.state);
    const position = {
      generation: nameOf(snapshot.generation),
      segment: last?.generation === snapshot.generation ? last.segment : 0,
      offset: last?.generation === snapshot.generation ? beginOf(last.offset) : 0,
    };
    return {
      ...{ id: snapshot.id, createdAt: snapshot.createdAt, databaseBytes: 8_192, storedBytes: 100, pageSize: 4_096 },
      archive: snapshot.hasArchive ? { from: position, until: position } : null,
      damage: isDamaged(snapshot) ? { foundAt: 1, message: "damaged" } : null,
    };
  });
  const moments = momentsOf(target, facts);
  const numbers = [...new Set(commits.map(({ generation }) => generation))];
  const generations = numbers.map((generation): ArchivedGeneration => {
    const own = commits.filter((commit) => commit.generation === generation);
    const segments = [...new Set(own.map(({ segment }) => segment))].map((number): ArchivedSegment => {
      const of = own.filter(({ segment }) => segment === number);
      const [first, last] = [of[0]!, of.at(-1)!];
      const end = { offset: beginOf(last.offset), pageCount: 2, checksum: String(last.number), at: last.at };
      const file = { name: `${number}`, sizeBytes: 1, isCompressed: false, isEncrypted: false };
      const files = isMissing(generation, number) ? [] : [file];
      const salts = `${generation}/${number}`;
      return { number, salts, pageBytes: 4_096, firstAt: first.at, end, isSettled: true, files };
    });
    const found = new Map<number, FoundCommit>();
    for (const moment of moments) {
      const commit = own.findLast(({ at }) => at <= moment);
      if (!commit) continue;
      const { segment, offset, number, at } = commit;
      const place = { kind: "commit", segment, offset: beginOf(offset), frameCount: 1, pageCount: 2 } as const;
      found.set(moment, { ...place, checksum: String(number), at, isUncertain: false });
    }
    const name = nameOf(generation);
    return { name, beganAt: own[0]!.at, segments, indexDamage: [], commitCount: own.length, commits: found };
  });
  return { snapshots: facts, generations };
}

/** The best state at or before a moment that a snapshot and what follows it without a break give. */
function searchBest(
  { commits, snapshots }: ReturnType<typeof live>,
  limit: number,
  isMissing: (generation: number, segment: number) => boolean,
): number | undefined {
  let best: number | undefined;
  for (const snapshot of snapshots) {
    if (snapshot.createdAt <= limit) best = Math.max(best ?? 0, snapshot.state);
    if (!snapshot.hasArchive) continue;
    const last = commits.findLast(({ number }) => number <= snapshot.state);
    // The snapshot's own segment has to be there as well: the frames behind the snapshot are in it.
    if (last?.generation === snapshot.generation && isMissing(last.generation, last.segment)) continue;
    if (last && last.generation === snapshot.generation && last.at <= limit) best = Math.max(best ?? 0, last.number);
    for (const commit of commits.filter(({ number }) => number > snapshot.state)) {
      if (commit.generation !== snapshot.generation || commit.at > limit) break;
      if (isMissing(commit.generation, commit.segment)) break;
      best = Math.max(best ?? 0, commit.number);
    }
  }
  return best;
}

describe("planRestore", () => {
  it("reaches the best state that there is a way to, whatever is missing, and says when that is not the last one", () => {
    let refusals = 0;
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 3 }),
        fc.option(fc.nat(150)),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 5 })), { maxLength: 4 }),
        fc.array(fc.nat(6), { maxLength: 3 }),
        (steps, lag, later, missing, damaged) => {
          const life = live(steps, lag);
          const isMissing = (generation: number, segment: number): boolean =>
            missing.some((place) => place[0] === generation && place[1] === segment);
          const isDamaged = ({ id }: ModelSnapshot): boolean => damaged.includes(Number(id));
          const target: RestoreTarget = later === null ? { kind: "newest" } : { kind: "instant", at: 1_000 + later };
          const limit = target.kind === "newest" ? Infinity : target.at;
          const facts = toFacts(life, target, isMissing, isDamaged);
          const sound = { ...life, snapshots: life.snapshots.filter((snapshot) => !isDamaged(snapshot)) };
          const best = searchBest(sound, limit, isMissing);
          if (best === undefined) {
            refusals++;
            expect(() => planRestore(facts, target)).toThrow(errorLike({ code: "BACKUP_NOT_FOUND" }));
            return;
          }
          const { route, alternatives, warnings } = planRestore(facts, target);
          const reachedBy = ({ archive, snapshot }: typeof route): number =>
            archive ? Number(archive.to.checksum) : life.snapshots.find(({ id }) => id === snapshot.id)!.state;
          const reached = reachedBy(route);
          expect(reached).toBe(best);
          const wanted = life.commits.findLast(({ at }) => at <= limit)?.number ?? 0;
          if (reached < wanted) expect(warnings).not.toEqual([]);
          // Nothing is left out between the snapshot and the end.
          if (route.archive) {
            const numbers = route.archive.segments.map(({ number }) => number);
            expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index));
            expect(numbers[0]).toBe(Math.max(1, route.archive.from.segment));
          }
          for (const other of alternatives) expect(reachedBy(other)).toBeLessThanOrEqual(reached);
        },
      ),
      { numRuns: 2_000 },
    );
    expect(refusals).toBeGreaterThan(0);
  });
});

describe("a clock that was ahead, and was put right", () => {
  it("does not make the newest state an old one: a generation that began later is newer, whatever its times", () => {
    const [ahead, NEVER] = [9_000, Number.MAX_SAFE_INTEGER];
    const [former, latter] = ["19700101T000001000Z-A", "19700101T000009001Z-B"];
    const snapshot = (id: string, createdAt: number, generation: string, segment: number): SnapshotFact => {
      const position = { generation, segment, offset: beginOf(1) };
      const sizes = { databaseBytes: 9, storedBytes: 9, pageSize: 4_096 };
      return { id, createdAt, ...sizes, damage: null, archive: { from: position, until: position } };
    };
    const generation = (name: string, at: number, beganAt: number): ArchivedGeneration => {
      const place = { offset: beginOf(5), pageCount: 9, checksum: "", at };
      const file = { name: "00000001.wal", sizeBytes: 9, isCompressed: false, isEncrypted: false };
      const segment = { number: 1, salts: name, pageBytes: 4_096, firstAt: beganAt, end: place, isSettled: false };
      const commit = { kind: "commit", segment: 1, frameCount: 1, isUncertain: false, ...place } as const;
      return {
        ...{ name, beganAt, indexDamage: [], commitCount: 1, segments: [{ ...segment, files: [file] }] },
        commits: new Map([ahead + 1, 3_000, NEVER].map((moment) => [moment, commit])),
      };
    };
    const snapshots = [snapshot("0", ahead + 1, former, 1), snapshot("1", 3_000, latter, 1)];
    // As archives of before know it, in which no time went back, and with true times.
    for (const at of [ahead, 4_000]) {
      const generations = [generation(former, ahead, 1_000), generation(latter, at, at)];
      const { route } = planRestore({ snapshots, generations }, { kind: "newest" });
      expect(route).toMatchObject({ snapshot: { id: "1" }, archive: { generation: latter } });
    }
  });
});

describe("a life of the log that is in two generations", () => {
  it("is looked for in the snapshot's own first: the archive began anew in its midst", () => {
    const salts = "0123456789abcdef";
    const file = { name: "00000001.wal", sizeBytes: beginOf(9), isCompressed: false, isEncrypted: false };
    const place = (offset: number, at: number) => ({ offset: beginOf(offset), pageCount: 9, checksum: "", at });
    const generation = (name: string, end: ReturnType<typeof place>): ArchivedGeneration => ({
      ...{ name, beganAt: 1, indexDamage: [], commitCount: 1 },
      segments: [{ number: 1, salts, pageBytes: 4_096, firstAt: 1, end, isSettled: false, files: [file] }],
      commits: new Map(
        [2_500, Number.MAX_SAFE_INTEGER].map((moment) => [
          moment,
          { kind: "commit", segment: 1, frameCount: 1, isUncertain: false, ...end },
        ]),
      ),
    });
    const snapshot: SnapshotFact = {
      ...{ id: "0", createdAt: 2_000, databaseBytes: 9, storedBytes: 9, pageSize: 4_096, damage: null },
      archive: { from: { generation: "b", segment: 1, offset: beginOf(3) }, until: { salts, offset: beginOf(4) } },
    };
    const facts: RestoreFacts = {
      snapshots: [snapshot],
      generations: [generation("a", place(2, 1_000)), generation("b", place(9, 3_000))],
    };
    expect(planRestore(facts, { kind: "newest" }).route).toMatchObject({
      reachesAt: 3_000,
      archive: { generation: "b" },
    });
  });
});
