import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { systemClock } from "../../../src/core/clock.ts";
import type { MusterError } from "../../../src/core/errors.ts";
import { defineWrite, listOperations } from "../../../src/database/operation.ts";
import { openWriterConnection } from "../../../src/database/sqlite/connection.ts";
import { GroupCommitter } from "../../../src/database/sqlite/group-commit.ts";
import { OperationRunner } from "../../../src/database/sqlite/operation-runner.ts";
import { decodeReplies, type WireReply } from "../../../src/database/sqlite/thread-protocol.ts";
import { TransactionManager } from "../../../src/database/sqlite/transaction-manager.ts";
import {
  shareCounterDatabase,
  withCounterDatabase,
  withFolder,
  withRawConnection,
  type TestDatabase,
} from "../../helpers/database.ts";

const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** Commits in the WAL: the frames that say how large the database is after them (https://sqlite.org/fileformat2.html#walformat). */
function countCommits(path: string): number {
  const wal = readFileSync(`${path}-wal`);
  const frameBytes = FRAME_HEADER_BYTES + wal.readUInt32BE(8);
  let count = 0;
  for (let at = WAL_HEADER_BYTES; at + frameBytes <= wal.length; at += frameBytes) {
    if (wal.readUInt32BE(at + 4) !== 0) count++;
  }
  return count;
}

const add = ({ manager }: TestDatabase, name: string, amount = 1): Promise<unknown> =>
  manager.call("counter.add", { name, amount });

async function ledgerNames({ manager }: TestDatabase): Promise<string[]> {
  const entries = (await manager.call("counter.listLedger", {})) as { name: string }[];
  return entries.map(({ name }) => name);
}

describe("group commit", () => {
  const shared = shareCounterDatabase();

  it("writes what 64 callers ask for at once in a few commits, in their order", async () => {
    const database = shared();
    await add(database, "first");
    const before = countCommits(database.path);
    const names = Array.from({ length: 64 }, (_, index) => `counter ${index}`);
    await Promise.all(names.map((name) => add(database, name)));
    expect(countCommits(database.path) - before).toBeLessThanOrEqual(2);
    expect(await ledgerNames(database)).toEqual(["first", ...names]);
  });

  it("keeps the order of more writes than one group holds", async () => {
    const database = shared();
    const values = await Promise.all(Array.from({ length: 1_300 }, () => add(database, "one")));
    expect(values).toEqual(Array.from({ length: 1_300 }, (_, index) => index + 1));
  });

  it("undoes an operation that fails, and nothing else of its group", async () => {
    const database = shared();
    const { manager } = database;
    const outcomes = await Promise.allSettled([
      add(database, "poor", 5),
      manager.call("counter.fail", { name: "ghost" }),
      add(database, "rich", 50),
      manager.call("counter.transfer", { from: "poor", to: "rich", amount: 6 }),
      manager.call("counter.transfer", { from: "rich", to: "poor", amount: 20 }),
      manager.call("counter.transfer", { from: "nobody", to: "rich", amount: 1 }),
    ]);
    const codes = outcomes.map((it) => (it.status === "fulfilled" ? "done" : (it.reason as { code: string }).code));
    expect(codes).toEqual(["done", "CONFLICT", "done", "CONSTRAINT_VIOLATED", "done", "NOT_FOUND"]);
    expect(await manager.call("counter.get", { name: "poor" })).toBe(25);
    expect(await manager.call("counter.get", { name: "rich" })).toBe(30);
    expect(await manager.call("counter.get", { name: "ghost" })).toBeNull();
  });

  it("applies nothing of a chain behind what failed, however many groups it fills, and goes on with the next chain", async () => {
    const database = shared();
    const { engine } = database;
    const send = (chain: string, index: number, step: { name: string; input: unknown }): Promise<unknown[]> =>
      engine.write({
        ...{
          operationId: `${chain} ${index}`,
          requestedAt: Date.now(),
          mayBeApplied: true,
          timeoutMs: 30_000,
          chain,
        },
        steps: [step],
      });
    const added = (index: number) => ({ name: "counter.add", input: { name: `c${index}`, amount: 1 } });
    const failing = { name: "counter.fail", input: { name: "ghost" } };
    const sent = Array.from({ length: 1_200 }, (_, index) =>
      send("first", index, index === 2 ? failing : added(index)),
    );
    const other = add(database, "not of the chain");
    const kinds = (await Promise.allSettled(sent)).map(({ status }) => status);
    await other;
    expect(kinds.slice(0, 2)).toEqual(["fulfilled", "fulfilled"]);
    expect(new Set(kinds.slice(2))).toEqual(new Set(["rejected"]));
    expect((await ledgerNames(database)).sort()).toEqual(["c0", "c1", "not of the chain"]);

    await Promise.all([send("second", 2, added(2)), send("second", 3, added(3))]);
    expect(await ledgerNames(database)).toHaveLength(5);
  });

  it("ends a chain that outlives refusals only with a fault of the database, and tells those behind it of that", async () => {
    const database = shared();
    const send = (chain: string, name: string, step = "counter.add", timeoutMs = 30_000): Promise<unknown> => {
      const request = { operationId: `${chain} ${name}`, requestedAt: Date.now(), mayBeApplied: true, timeoutMs };
      const steps = [{ name: step, input: step === "counter.add" ? { name, amount: 1 } : { name } }];
      const sent = database.engine.write({ ...request, steps, chain, chainEndsOn: "fault" });
      return sent.then(
        () => "done",
        (error: unknown) => (error as MusterError).code,
      );
    };
    const outcomes = await Promise.all([
      send("x", "x1"),
      send("x", "refused", "counter.fail"),
      send("x", "x2"),
      // Its time is over before it begins: the database was too slow.
      send("x", "late", "counter.add", -1),
      send("x", "x3"),
      send("y", "y1"),
    ]);
    expect(outcomes).toEqual(["done", "CONFLICT", "done", "DATABASE_BUSY", "DATABASE_BUSY", "done"]);
    // Told of it, the sender begins another chain; what was on its way meanwhile is refused all the same.
    expect(await send("x", "x4")).toBe("DATABASE_BUSY");
    expect(await send("z", "x3")).toBe("done");
  });

  it("applies all steps of a batch or none", async () => {
    const database = shared();
    const { manager } = database;
    const step = (name: string, input: unknown) => ({ name, input });
    const results = await manager.batch([
      step("counter.add", { name: "a", amount: 3 }),
      step("counter.add", { name: "b", amount: 4 }),
      step("counter.get", { name: "a" }),
    ]);
    expect(results).toEqual([3, 4, 3]);
    const failing = manager.batch([
      step("counter.add", { name: "c", amount: 1 }),
      step("counter.transfer", { from: "a", to: "b", amount: 1 }),
      step("counter.transfer", { from: "a", to: "b", amount: 100 }),
    ]);
    await expect(failing).rejects.toMatchObject({ code: "CONSTRAINT_VIOLATED" });
    const refused = manager.batch([step("counter.add", { name: "c", amount: 1 }), step("counter.add", { name: "" })]);
    await expect(refused).rejects.toMatchObject({ code: "INPUT_INVALID" });
    const values = await manager.batch(["a", "b", "c"].map((name) => step("counter.get", { name })));
    expect(values).toEqual([3, 4, null]);
    expect(await manager.batch([])).toEqual([]);
  });

  it("applies a write once, however often it is asked for under one id", async () => {
    const { engine, manager } = shared();
    const request = {
      operationId: "01J00000000000000000000001",
      requestedAt: 1_000,
      mayBeApplied: true,
      timeoutMs: 2_000,
      steps: [
        { name: "counter.add", input: { name: "a", amount: 7 } },
        { name: "counter.add", input: { name: "a", amount: 1 } },
      ],
    };
    expect(await engine.write(request)).toEqual([7, 8]);
    expect(await Promise.all([engine.write(request), engine.write(request)])).toEqual([
      [7, 8],
      [7, 8],
    ]);
    expect(await manager.call("counter.get", { name: "a" })).toBe(8);
    // Without asking whether it was applied, the record of the id itself stands in the way.
    await expect(engine.write({ ...request, mayBeApplied: false })).rejects.toMatchObject({
      code: "CONSTRAINT_VIOLATED",
    });
    expect(await manager.call("counter.get", { name: "a" })).toBe(8);
  });

  it("does not remember an id whose write failed", async () => {
    const { engine, manager } = shared();
    const transfer = {
      operationId: "01J00000000000000000000002",
      requestedAt: 1_000,
      mayBeApplied: true,
      timeoutMs: 2_000,
      steps: [{ name: "counter.transfer", input: { from: "a", to: "b", amount: 1 } }],
    };
    await expect(engine.write(transfer)).rejects.toMatchObject({ code: "NOT_FOUND" });
    for (const name of ["a", "b"]) await manager.call("counter.add", { name, amount: 1 });
    expect(await engine.write(transfer)).toEqual([null]);
    expect(await manager.call("counter.get", { name: "b" })).toBe(2);
  });

  it("works in memory, reads included", async () => {
    await withCounterDatabase({ file: ":memory:", readerCount: 2 }, async (database) => {
      await Promise.all([add(database, "a"), add(database, "b")]);
      expect(await ledgerNames(database)).toEqual(["a", "b"]);
      expect(database.engine.status().pool.size).toBe(0);
    });
  });
});

describe("a group for which the disk has no room", () => {
  const CONTENT_BYTES = 40_000;
  const operations = listOperations({
    blob: {
      put: defineWrite({
        input: z.int(),
        touches: () => [],
        whenAway: "refuse",
        async run(transaction, bytes): Promise<number> {
          await transaction.run("INSERT INTO blob (content) VALUES (zeroblob(?))", bytes);
          return bytes;
        },
      }),
    },
  });

  interface Outcome {
    /** Of each write, in order: its size, or the code it was refused with. */
    readonly answers: readonly unknown[];
    readonly storedBytes: readonly number[];
    readonly roomAskedCount: number;
    readonly commitCount: number;
  }

  /** Writes blobs as one group to a database that may grow by about five of the usual size; `makeRoom` may lift that. */
  async function commitBlobs(sizes: readonly number[], makeRoom: (lift: () => void) => boolean): Promise<Outcome> {
    return withFolder(async (folder) => {
      const connection = openWriterConnection({
        ...{ path: `${folder}/test.db`, synchronous: "full", isForeignKeysEnabled: true, cacheSizeBytes: 1024 ** 2 },
      });
      const { database } = connection;
      database.exec("CREATE TABLE blob (content BLOB NOT NULL) STRICT");
      database.exec("CREATE TABLE applied_operation (id TEXT PRIMARY KEY, applied_at INTEGER, result TEXT) STRICT");
      database.pragma("max_page_count = 60");
      const replies: WireReply[] = [];
      let roomAskedCount = 0;
      let commitCount = 0;
      const committer = new GroupCommitter({
        transactions: new TransactionManager(connection, systemClock),
        runner: new OperationRunner(operations),
        clock: systemClock,
        reply: (texts) => void replies.push(...decodeReplies(`[${texts.join(",")}]`)),
        onCommitted: () => void commitCount++,
        onFull() {
          roomAskedCount++;
          return makeRoom(() => void database.pragma("max_page_count = 10000"));
        },
      });
      const deadlineAt = systemClock.now() + 20_000;
      committer.enqueue(
        sizes.map((bytes, id) => ({
          ...{ id, kind: "write", operationId: `id ${id}`, requestedAt: 0, mayBeApplied: false, deadlineAt },
          steps: [{ name: "blob.put", input: bytes }],
        })),
      );
      await committer.settle();
      const storedBytes = database.prepare<[], number>("SELECT length(content) FROM blob").pluck().all();
      database.close();
      const ordered = replies.sort(([left], [right]) => left - right);
      const answers = ordered.map(([, results, error]) => error?.code ?? results![0]);
      return { answers, storedBytes, roomAskedCount, commitCount };
    });
  }

  it("is tried again when room could be made, and nobody hears of it", async () => {
    const sizes = Array.from({ length: 12 }, (_, index) => CONTENT_BYTES + index);
    const { answers, storedBytes, roomAskedCount, commitCount } = await commitBlobs(sizes, (lift) => {
      lift();
      return true;
    });
    expect(answers).toEqual(sizes);
    expect(storedBytes).toEqual(sizes);
    expect([roomAskedCount, commitCount]).toEqual([1, 1]);
  });

  it("is split when none could be made, and only those that do not fit are refused", async () => {
    const sizes = [CONTENT_BYTES, 20 * CONTENT_BYTES, CONTENT_BYTES, CONTENT_BYTES];
    const { answers, storedBytes } = await commitBlobs(sizes, () => false);
    expect(answers).toEqual([CONTENT_BYTES, "DATABASE_FULL", CONTENT_BYTES, CONTENT_BYTES]);
    expect(storedBytes).toEqual([CONTENT_BYTES, CONTENT_BYTES, CONTENT_BYTES]);
  });

  it("is not tried for ever when the room made is not enough", async () => {
    const { answers, roomAskedCount } = await commitBlobs([20 * CONTENT_BYTES], () => true);
    expect(answers).toEqual(["DATABASE_FULL"]);
    expect(roomAskedCount).toBe(1);
  });
});

/** Torture has fifty kills, and more to lose. */
describe("acknowledged writes", () => {
  const SCRIPT = fileURLToPath(new URL("./write-until-killed.ts", import.meta.url));

  /** Lets a process write, kills it without warning, and returns the newest acknowledged value of each caller. */
  async function writeAndKill(folder: string, killAfterCount: number): Promise<Map<string, number>> {
    const child = fork(SCRIPT, [folder, "8"], { execArgv: [] });
    const acknowledged = new Map<string, number>();
    let count = 0;
    child.on("message", ([caller, value]: [number, number]) => {
      acknowledged.set(`${child.pid} ${caller}`, value);
      if (++count === killAfterCount) child.kill("SIGKILL");
    });
    // "close" comes after the last message that the process had sent.
    await Promise.all([once(child, "exit"), once(child, "disconnect")]);
    expect(count).toBeGreaterThanOrEqual(killAfterCount);
    return acknowledged;
  }

  it("are all there after their process was killed, three times over", async () => {
    await withFolder(async (folder) => {
      const acknowledged = new Map<string, number>();
      for (const longest of [1, 400, 1_200]) {
        const killAfterCount = Math.ceil(Math.random() * longest);
        for (const entry of await writeAndKill(folder, killAfterCount)) acknowledged.set(...entry);
      }
      withRawConnection(`${folder}/test.db`, (raw) => {
        const values = new Map(raw.prepare<[], [string, number]>("SELECT name, value FROM counter").raw().all());
        for (const [name, value] of acknowledged) expect(values.get(name)).toBeGreaterThanOrEqual(value);
        const torn =
          "SELECT name FROM counter WHERE value <> (SELECT count(*) FROM ledger WHERE ledger.name = counter.name)";
        expect(raw.prepare(torn).all()).toEqual([]);
        expect(raw.pragma("integrity_check", { simple: true })).toBe("ok");
      });
      expect(acknowledged.size).toBeGreaterThanOrEqual(3);
    });
  });
});
