import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync } from "node:fs";
import { basename, join } from "node:path";
import fc from "fast-check";
import { silentLogger } from "../../src/core/logger.ts";
import { OperationQueue, type ApplyOutcome, type QueuedOperation } from "../../src/resilience/operation-queue.ts";
import { PRIORITIES, type Priority } from "../../src/resilience/spool-backlog.ts";
import { openSpoolHandle, type OpenSpoolHandle } from "../../src/resilience/spool-file.ts";
import { withFolder } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

/** How the database takes an operation. `unknown`: it is applied, but the answer is lost. */
type Attempt = "applied" | "unavailable" | "unknown" | "failed";

type Action =
  | { readonly kind: "enqueue"; readonly priorities: readonly Priority[]; readonly isAwaited: boolean }
  | { readonly kind: "drain"; readonly attempts: readonly Attempt[]; readonly isAwaited: boolean }
  /** The process is killed; with `keptRatio`, the power fails, and of what was not fsynced only a part is there. */
  | { readonly kind: "crash"; readonly keptRatio: number | undefined }
  | { readonly kind: "restart" };

const attempts = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Attempt>("applied") },
    { weight: 4, arbitrary: fc.constantFrom<Attempt>("unavailable", "unknown", "failed") },
  ),
  { maxLength: 30 },
);
const actions = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("enqueue" as const),
        priorities: fc.array(fc.constantFrom(...PRIORITIES), { minLength: 1, maxLength: 12 }),
        isAwaited: fc.boolean(),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("drain" as const), attempts, isAwaited: fc.boolean() }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("crash" as const),
        keptRatio: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
  ),
  { minLength: 1, maxLength: 25 },
);

/** One life of the program: real files, of which it is known what is fsynced, and which can be stopped between two calls. */
class Life {
  readonly #syncedBytes = new Map<string, number>();
  #callCount = 0;
  #isOver = false;

  readonly openHandle: OpenSpoolHandle = async (path) => {
    const handle = await this.#call(() => openSpoolHandle(path));
    // What an earlier life left is there.
    this.#syncedBytes.set(path, await handle.getSize());
    return {
      ...handle,
      write: (bytes) => this.#call(() => handle.write(bytes)),
      truncate: (sizeBytes) => this.#call(() => handle.truncate(sizeBytes)),
      sync: () =>
        this.#call(async () => {
          const sizeBytes = await handle.getSize();
          await handle.sync();
          this.#syncedBytes.set(path, sizeBytes);
        }),
    };
  };

  /** Copies the files as they are, or as they would be after a power cut. Nothing is written any more. */
  async end(from: string, to: string, keptRatio: number | undefined): Promise<void> {
    this.#isOver = true;
    while (this.#callCount > 0) await new Promise((resolve) => setImmediate(resolve));
    mkdirSync(to);
    // Dead letters last: a segment that is removed meanwhile may have gone for them.
    const names = readdirSync(from).sort(
      (a, b) => Number(a.startsWith("dead")) - Number(b.startsWith("dead")) || (a < b ? -1 : 1),
    );
    for (const name of names) {
      const [source, target] = [join(from, name), join(to, name)];
      if (!existsSync(source)) continue;
      copyFileSync(source, target);
      const syncedBytes = this.#syncedBytes.get(source);
      if (keptRatio === undefined || syncedBytes === undefined) continue;
      truncateSync(target, syncedBytes + Math.floor((statSync(target).size - syncedBytes) * keptRatio));
    }
  }

  async #call<Result>(run: () => Promise<Result>): Promise<Result> {
    if (this.#isOver) throw new Error("the process has ended");
    this.#callCount++;
    try {
      return await run();
    } finally {
      this.#callCount--;
    }
  }
}

class World {
  readonly #parent: string;
  readonly acknowledged = new Set<string>();
  readonly enqueued = new Set<string>();
  /** In the order in which the database applied them; it knows each again by its id. */
  readonly applied: string[] = [];
  readonly #queues: OperationQueue[] = [];
  readonly #running: Promise<unknown>[] = [];
  readonly errors: string[] = [];
  #lifeCount = 0;
  #number = 0;
  #attempts: Attempt[] = [];
  #life = new Life();
  #queue!: OperationQueue;

  constructor(parent: string) {
    this.#parent = parent;
  }

  get folder(): string {
    return join(this.#parent, `spool-${this.#lifeCount}`);
  }

  async start(): Promise<void> {
    const life = new Life();
    this.#life = life;
    this.#queue = new OperationQueue({
      ...{ folder: this.folder, clock: new ManualClock(), maxRetries: () => 3, segmentBytes: 1_500 },
      logger: { ...silentLogger, error: (message) => void this.errors.push(message) },
      openHandle: life.openHandle,
      apply: (operations) => this.#apply(operations, life),
    });
    this.#queues.push(this.#queue);
    await this.#queue.open();
  }

  async perform(action: Action): Promise<void> {
    const run = this.#run(action).catch(() => {
      // Of a life that has ended meanwhile.
    });
    this.#running.push(run);
    const isAwaited = !("isAwaited" in action) || action.isAwaited;
    if (isAwaited) await run;
    else await new Promise((resolve) => setImmediate(resolve));
  }

  async finish(): Promise<number> {
    await this.#restart();
    this.#attempts = [];
    const { remaining } = await this.#queue.drain();
    await Promise.all(this.#running);
    for (const queue of this.#queues) await queue.close();
    return remaining;
  }

  deadLetters(): string[] {
    const path = join(this.folder, "dead-letter.ndjson");
    const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
    return lines.map((line) => (JSON.parse(line) as { value: QueuedOperation }).value.id);
  }

  async #run(action: Action): Promise<unknown> {
    switch (action.kind) {
      case "enqueue":
        return Promise.all(action.priorities.map((priority) => this.#enqueue(priority)));
      case "drain":
        this.#attempts = [...action.attempts];
        return this.#queue.drain();
      case "crash":
        return this.#crash(action.keptRatio);
      case "restart":
        return this.#restart();
    }
  }

  async #enqueue(priority: Priority): Promise<void> {
    const id = `${priority}-${this.#number++}`;
    const life = this.#life;
    this.enqueued.add(id);
    await this.#queue.enqueue({ id, operation: "test", parameters: {}, timestamp: this.#number, priority });
    if (life === this.#life) this.acknowledged.add(id);
  }

  async #crash(keptRatio: number | undefined): Promise<void> {
    const [life, from] = [this.#life, this.folder];
    // From here on nothing that ends in this life counts.
    this.#life = new Life();
    this.#lifeCount++;
    await life.end(from, this.folder, keptRatio);
    await this.start();
  }

  async #restart(): Promise<void> {
    await this.#queue.close();
    await this.start();
  }

  async #apply(operations: readonly QueuedOperation[], life: Life): Promise<ApplyOutcome[]> {
    const outcomes: ApplyOutcome[] = [];
    for (const { id } of operations) {
      await new Promise((resolve) => setImmediate(resolve));
      outcomes.push(life === this.#life ? this.#applyOne(id) : { kind: "unavailable", error: new Error("ended") });
      if (outcomes.at(-1)!.kind !== "applied") break;
    }
    return outcomes;
  }

  #applyOne(id: string): ApplyOutcome {
    const attempt = this.#attempts.shift() ?? "applied";
    if (attempt === "unavailable") return { kind: attempt, error: new Error("away") };
    if (this.applied.includes(id)) return { kind: "applied" };
    if (attempt === "failed") return { kind: attempt, error: new Error("refused") };
    this.applied.push(id);
    return attempt === "unknown" ? { kind: "unavailable", error: new Error("no answer") } : { kind: "applied" };
  }
}

const numberOf = (id: string): number => Number(id.split("-")[1]);

describe("the operation queue, whatever happens", () => {
  it("applies everything acknowledged exactly once, or gives it up once, in order within its priority", async () => {
    await fc.assert(
      fc.asyncProperty(actions, (actions) =>
        withFolder(async (parent) => {
          const world = new World(parent);
          await world.start();
          for (const action of actions) await world.perform(action);
          expect(await world.finish()).toBe(0);
          const ended = [...world.applied, ...world.deadLetters()];
          expect(new Set(ended).size).toBe(ended.length);
          expect([...world.acknowledged].filter((id) => !ended.includes(id))).toEqual([]);
          expect(ended.filter((id) => !world.enqueued.has(id))).toEqual([]);
          for (const priority of PRIORITIES) {
            const numbers = world.applied.filter((id) => id.startsWith(priority)).map(numberOf);
            expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
          }
          expect(world.errors.filter((message) => !message.includes("failed for good"))).toEqual([]);
          expect(readdirSync(world.folder).filter((name) => name !== "dead-letter.ndjson")).toEqual([]);
        }),
      ),
      { numRuns: 100 },
    );
  }, 120_000);

  it("has everything acknowledged but the tail when its file ends anywhere", async () => {
    // That the disk is waited for is not the matter here.
    const openHandle: OpenSpoolHandle = async (path) => ({
      ...(await openSpoolHandle(path)),
      sync: async () => undefined,
    });
    await withFolder(async (parent) => {
      const ids = Array.from({ length: 3 }, (_, index) => `HIGH-${index}`);
      const open = async (folder: string): Promise<OperationQueue> => {
        const apply = async (): Promise<ApplyOutcome[]> => [];
        const options = {
          folder,
          clock: new ManualClock(),
          logger: silentLogger,
          maxRetries: () => 3,
          apply,
          openHandle,
        };
        const queue = new OperationQueue(options);
        await queue.open();
        return queue;
      };
      const sizes: number[] = [];
      const isAtALine = (end: number): boolean => sizes.some((size) => Math.abs(size - end) <= 2);
      const first = await open(join(parent, "spool"));
      const segment = (): string => join(parent, "spool", readdirSync(join(parent, "spool"))[0]!);
      for (const id of ids) {
        await first.enqueue({ id, operation: "test", parameters: { id }, timestamp: 1, priority: "HIGH" });
        sizes.push(statSync(segment()).size);
      }
      await first.close();
      for (let end = 0; end <= sizes.at(-1)!; end++) {
        const folder = join(parent, `torn-${end}`);
        mkdirSync(folder);
        copyFileSync(segment(), join(folder, basename(segment())));
        truncateSync(join(folder, basename(segment())), end);
        const queue = await open(folder);
        // A line that lacks its newline only is whole.
        const whole = sizes.filter((size) => size - 1 <= end).length;
        expect(queue.list(9).map(({ id }) => id)).toEqual(ids.slice(0, whole));
        if (end % 10 !== 0 && !isAtALine(end)) {
          await queue.close();
          continue;
        }
        await queue.enqueue({ id: "next", operation: "test", parameters: {}, timestamp: 1, priority: "HIGH" });
        await queue.close();
        const again = await open(folder);
        expect(again.list(9).map(({ id }) => id)).toEqual([...ids.slice(0, whole), "next"]);
        await again.close();
      }
    });
  });
});
