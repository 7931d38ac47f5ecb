import { existsSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import fc from "fast-check";
import { MusterError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { RetryConfig } from "../../src/resilience/backoff.ts";
import type { AuditEntry } from "../../src/store/audit-chain.ts";
import { AuditLog, type RecordOutcome } from "../../src/store/audit-log.ts";
import type { Store } from "../../src/store/store.ts";
import { openTestStore, until, withFolder, type TestStore } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { newGuild, OWNER } from "../store/fixtures.ts";

/** Longest that an entry is tried on the table, as `AuditLog` promises. */
const RETRY_LIMIT_MS = 2_000;
/** How many entries go from the file to the table in one call. */
const BATCH_SIZE = 100;
/** How long a write waits for a foreign lock: short, so on a busy machine one may run out of it without any. */
const LOCK_WAIT_MS = 100;
const SABOTAGE = new MusterError("DATABASE_UNAVAILABLE", "sabotage: the database is taken away");

/** How the database is taken away: at its door, or for real, which takes some time and comes less often. */
const CAUSES = ["refused call", "foreign lock", "lost writer"] as const;
type Cause = (typeof CAUSES)[number];
const cause: fc.Arbitrary<Cause> = fc.oneof(
  { weight: 28, arbitrary: fc.constant(CAUSES[0]) },
  { weight: 1, arbitrary: fc.constant(CAUSES[1]) },
  { weight: 1, arbitrary: fc.constant(CAUSES[2]) },
);

/** A real database that can be taken away and given back. */
class BreakableDatabase {
  readonly #database: TestStore;
  /** The engine's own: a lost writer stays lost until it goes on. */
  readonly #clock: ManualClock;
  #mend: (() => Promise<void>) | undefined;
  #isRefusing = false;

  constructor(database: TestStore, clock: ManualClock) {
    this.#database = database;
    this.#clock = clock;
  }

  readonly append: Store["audit"]["append"] = (entry) =>
    this.#isRefusing ? Promise.reject(SABOTAGE) : this.#database.store.audit.append(entry);

  readonly appendAll: Store["audit"]["appendAll"] = (input) =>
    this.#isRefusing ? Promise.reject(SABOTAGE) : this.#database.store.audit.appendAll(input);

  async break(cause: Cause): Promise<void> {
    const { engine, path } = this.#database;
    if (this.#mend) return;
    if (cause === "refused call") {
      this.#isRefusing = true;
      this.#mend = async () => void (this.#isRefusing = false);
    } else if (cause === "foreign lock") {
      const other = new Database(path);
      other.exec("BEGIN IMMEDIATE");
      this.#mend = async () => void other.close();
    } else {
      await engine.connections.reconnect(SABOTAGE);
      this.#mend = async () => {
        this.#clock.advance(10);
        await until(() => engine.connections.isHealthy());
      };
    }
  }

  async mend(): Promise<void> {
    const mend = this.#mend;
    this.#mend = undefined;
    await mend?.();
  }
}

interface Attempt {
  readonly at: number;
  readonly hasFailed: boolean;
}

/** The store, noting when it was tried, and calling back before each try. */
function watchStore(
  { audit }: { readonly audit: Store["audit"] },
  clock: ManualClock,
  beforeAttempt: (count: number) => Promise<void>,
) {
  const attempts: Attempt[] = [];
  let isTrying = false;
  const watch =
    <Input, Result>(call: (input: Input) => Promise<Result>) =>
    async (input: Input): Promise<Result> => {
      isTrying = true;
      const at = clock.now();
      let hasFailed = true;
      try {
        await beforeAttempt(attempts.length);
        const result = await call(input);
        hasFailed = false;
        return result;
      } finally {
        attempts.push({ at, hasFailed });
        isTrying = false;
      }
    };
  const [append, appendAll] = [watch(audit.append), watch(audit.appendAll)];
  return { audit: { ...audit, append, appendAll }, attempts, isTrying: () => isTrying };
}

type WatchedStore = ReturnType<typeof watchStore>;

/** Lets the clock go on from wait to wait until all is settled. */
async function settle<Result>(work: Promise<Result>, clock: ManualClock, store: WatchedStore): Promise<Result> {
  let isSettled = false;
  const end = (): void => void (isSettled = true);
  work.then(end, end);
  while (!isSettled) {
    await until(() => isSettled || (!store.isTrying() && clock.delaysMs.length > 0));
    if (!isSettled) clock.advance(clock.delaysMs[0] ?? 0);
  }
  return work;
}

/** The delays that `failureCount` failures should have, from the definition of exponential backoff with equal jitter. */
function expectedDelays(failureCount: number, config: RetryConfig, random: (attempt: number) => number): number[] {
  const delays: number[] = [];
  let totalMs = 0;
  for (let attempt = 1; attempt <= failureCount && attempt < config.maxAttempts; attempt++) {
    let exponential = config.baseDelay;
    for (let step = 1; step < attempt; step++) exponential *= config.backoffMultiplier;
    const capped = Math.min(exponential, config.maxDelay);
    const delay = Math.round(capped * (0.5 + 0.5 * random(attempt)));
    totalMs += delay;
    if (totalMs >= RETRY_LIMIT_MS) break;
    delays.push(delay);
  }
  return delays;
}

const delaysBetween = (attempts: readonly Attempt[]): number[] =>
  attempts.slice(1).map(({ at }, index) => at - attempts[index]!.at);

const retryConfig: fc.Arbitrary<RetryConfig> = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 8 }),
  baseDelay: fc.integer({ min: 0, max: 1_500 }),
  maxDelay: fc.integer({ min: 0, max: 1_500 }),
  backoffMultiplier: fc.double({ min: 1, max: 5, noNaN: true }),
});

interface Scenario {
  readonly config: RetryConfig;
  readonly jitter: readonly number[];
  readonly cause: Cause;
  readonly failureCount: number;
  readonly laterCount: number;
  readonly callsBeforeDeath: number;
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  config: retryConfig,
  jitter: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 8 }),
  cause,
  /** After so many the database comes back. */
  failureCount: fc.nat({ max: 9 }),
  /** Now and then more than are brought over in one call. */
  laterCount: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 1, max: 5 }) },
    { weight: 1, arbitrary: fc.integer({ min: BATCH_SIZE - 2, max: 2 * BATCH_SIZE + 3 }) },
  ),
  /** How many calls of the first sync bring entries over before it is interrupted and the program dies. */
  callsBeforeDeath: fc.nat({ max: 3 }),
});

/** Each cause in time and too late, whatever chance brings. */
const EXAMPLES = CAUSES.flatMap((cause) =>
  [1, 9].map((failureCount): [Scenario] => [
    {
      ...{ cause, failureCount, jitter: [0.5], laterCount: 3, callsBeforeDeath: 0 },
      config: { maxAttempts: 3, baseDelay: 10, maxDelay: 100, backoffMultiplier: 2 },
    },
  ]),
);

/** Of a whole chain, in its order. */
async function listTargets({ audit }: Store, guildId: string): Promise<string[]> {
  const entries: AuditEntry[] = [];
  for (let hasOlder = true; hasOlder;) {
    const sequence = entries.at(-1)?.sequence;
    const page = await audit.list({ guildId, limit: 100, ...(sequence !== undefined && { sequence }) });
    entries.push(...page.entries);
    hasOlder = page.hasOlder;
  }
  return entries.toSorted((a, b) => a.sequence - b.sequence).map(({ target }) => target);
}

describe("Feature: database-reliability, Property 15: audit retry follows exponential backoff", () => {
  const engineClock = new ManualClock();
  let database: TestStore;
  beforeAll(async () => {
    database = await openTestStore({ clock: engineClock, readerCount: 1, operationTimeoutMs: LOCK_WAIT_MS });
  });
  afterAll(() => database.close());

  it("for any configuration and number of failures, then falls back to the file, and syncs in order without duplicates", async () => {
    const breakable = new BreakableDatabase(database, engineClock);
    const store = { audit: { ...database.store.audit, append: breakable.append, appendAll: breakable.appendAll } };
    const seen = new Map<RecordOutcome, number>();

    const check = async (
      folder: string,
      { config, jitter, cause, failureCount, laterCount, callsBeforeDeath }: Scenario,
    ): Promise<void> => {
      const guildId = await newGuild(database.store).catch(() => newGuild(database.store));
      const clock = new ManualClock();
      const fallbackPath = join(folder, "audit-fallback.ndjson");
      let drawCount = 0;
      const randomAt = (draw: number): number => jitter[draw % jitter.length]!;
      const createLog = (store: WatchedStore): AuditLog =>
        new AuditLog({
          ...{ store, fallbackPath, clock, logger: silentLogger, retry: () => config },
          random: () => randomAt(drawCount++),
        });
      const entry = (index: number) => ({ guildId, actorId: OWNER, action: "test.record", target: `entry ${index}` });
      /** Delays are those of the definition, whatever has happened, and the outcome follows from the last try. */
      const expectBackoff = (attempts: readonly Attempt[], firstDraw: number, outcome: RecordOutcome): void => {
        const failures = attempts.filter(({ hasFailed }) => hasFailed).length;
        const random = (attempt: number): number => randomAt(firstDraw + attempt - 1);
        expect(delaysBetween(attempts)).toEqual(expectedDelays(failures, config, random));
        expect(attempts.slice(0, -1).every(({ hasFailed }) => hasFailed)).toBe(true);
        expect(outcome).toBe(attempts.at(-1)!.hasFailed ? "kept" : "stored");
        expect(attempts.at(-1)!.at - attempts[0]!.at).toBeLessThan(RETRY_LIMIT_MS);
      };

      // The database comes back after some failures, perhaps in time.
      await breakable.break(cause);
      const first = watchStore(store, clock, (count) =>
        count === failureCount ? breakable.mend() : Promise.resolve(),
      );
      const log = createLog(first);
      const outcome = await settle(log.record(entry(0)), clock, first);
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      expectBackoff(first.attempts, 0, outcome);
      expect(existsSync(fallbackPath)).toBe(outcome === "kept");

      // It is gone for good: the first one finds out, the others go to the file behind it without a wait of their own.
      await breakable.break(cause);
      const [attemptsBefore, firstDraw] = [first.attempts.length, drawCount];
      const later = Array.from({ length: laterCount }, (_, index) => log.record(entry(index + 1)));
      const laterOutcomes = await settle(Promise.all(later), clock, first);
      expect(laterOutcomes).toEqual(laterOutcomes.map(() => "kept"));
      const retried = first.attempts.slice(attemptsBefore);
      if (outcome === "stored") expectBackoff(retried, firstDraw, "kept");
      else expect(retried).toEqual([]);
      const keptCount = laterCount + (outcome === "kept" ? 1 : 0);
      expect(log.pendingCount).toBe(keptCount);
      await log.close();

      // A sync that is interrupted, by the end of the program; then another run, and the whole of it.
      await breakable.mend();
      const dying = watchStore(store, clock, (count) =>
        count === callsBeforeDeath ? breakable.break("refused call") : Promise.resolve(),
      );
      const interrupted = await createLog(dying).sync();
      expect(interrupted.synced).toBe(Math.min(keptCount, callsBeforeDeath * BATCH_SIZE));
      expect(interrupted.synced + interrupted.remaining).toBe(keptCount);
      await breakable.mend();
      const last = watchStore(store, clock, () => Promise.resolve());
      const revived = createLog(last);
      await revived.open();
      const whole = interrupted.remaining === 0 ? 0 : keptCount;
      expect(revived.pendingCount).toBe(whole);
      for (let round = 0; round < 10 && revived.pendingCount > 0; round++) await revived.sync();
      expect(revived.pendingCount).toBe(0);
      expect(existsSync(fallbackPath)).toBe(false);
      await revived.close();

      const inOrder = await listTargets(database.store, guildId);
      expect(inOrder).toEqual(Array.from({ length: laterCount + 1 }, (_, index) => `entry ${index}`));
      const verified = await database.store.audit.verify({ guildId });
      expect(verified).toMatchObject({ isDone: true, end: { sequence: laterCount + 1 } });
      expect(verified.fault).toBeUndefined();
    };

    await fc.assert(
      fc
        .asyncProperty(scenario, (values) => withFolder((folder) => check(folder, values)))
        .afterEach(() => breakable.mend()),
      { numRuns: 110, examples: EXAMPLES },
    );
    expect(seen.get("stored")).toBeGreaterThan(10);
    expect(seen.get("kept")).toBeGreaterThan(10);
  }, 120_000);
});
