import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { basename, join } from "node:path";
import { MusterError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { ChainFault } from "../../src/store/audit-chain.ts";
import { AuditLog, type AuditLogOptions } from "../../src/store/audit-log.ts";
import { errorLike, openTestStore, until, withFolder, withRawConnection, type TestStore } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { newGuild, OWNER } from "./fixtures.ts";

const SABOTAGE = new MusterError("DATABASE_UNAVAILABLE", "sabotage: the database is taken away");
const ONE_TRY = { maxAttempts: 1, baseDelay: 1, maxDelay: 1, backoffMultiplier: 1 };
const START_AT = 1_750_000_000_000;

let database: TestStore;
let guildId: string;
beforeAll(async () => {
  database = await openTestStore();
});
beforeEach(async () => {
  guildId = await newGuild(database.store);
  batchSizes.length = 0;
});
let isAway = false;
afterEach(() => giveBack());
afterAll(() => database.close());

const takeAway = (): void => void (isAway = true);
const giveBack = (): void => void (isAway = false);

/** How many entries each call that was let through brought from the file. */
const batchSizes: number[] = [];

/** The real store, refusing what is appended while it is away. */
function createGatedStore(): AuditLogOptions["store"] {
  const { audit } = database.store;
  return {
    audit: {
      ...audit,
      append: (entry) => (isAway ? Promise.reject(SABOTAGE) : audit.append(entry)),
      appendAll: (input) => {
        if (isAway) return Promise.reject(SABOTAGE);
        batchSizes.push(input.entries.length);
        return audit.appendAll(input);
      },
    },
  };
}

const entryOf = (target: string) => ({ guildId, actorId: OWNER, action: "audit.export", target });

async function verify(): Promise<{ count: number; fault?: ChainFault }> {
  let step = await database.store.audit.verify({ guildId });
  while (!step.isDone) step = await database.store.audit.verify({ guildId, end: step.end });
  return { count: step.end.sequence, ...(step.fault && { fault: step.fault }) };
}

/** Deeper than SQLite reads JSON. */
function createDeep(depth: number): Record<string, never> {
  return JSON.parse('{"a":'.repeat(depth) + "{}" + "}".repeat(depth)) as Record<string, never>;
}

async function listTargets(): Promise<string[]> {
  const { entries } = await database.store.audit.list({ guildId, limit: 100 });
  return entries.toSorted((a, b) => a.sequence - b.sequence).map(({ target }) => target);
}

/** Runs while no file of this process can be synced. */
async function withFailingSync<Result>(body: () => Promise<Result>): Promise<Result> {
  const handle = await open(import.meta.filename, "r");
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  const sync = Object.getOwnPropertyDescriptor(prototype, "sync")!;
  const fail = (): Promise<never> => Promise.reject(Object.assign(new Error("EIO: i/o error"), { code: "EIO" }));
  await handle.close();
  Object.defineProperty(prototype, "sync", { ...sync, value: fail });
  try {
    return await body();
  } finally {
    Object.defineProperty(prototype, "sync", sync);
  }
}

interface Rig {
  readonly folder: string;
  readonly path: string;
  readonly clock: ManualClock;
  /** A log as after a start of the program, on the same file. */
  readonly open: (changes?: Partial<AuditLogOptions>) => Promise<AuditLog>;
}

async function withRig(body: (rig: Rig) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "audit-fallback.ndjson");
    const clock = new ManualClock(START_AT);
    const opened: AuditLog[] = [];
    const open = async (changes: Partial<AuditLogOptions> = {}): Promise<AuditLog> => {
      const options = {
        store: createGatedStore(),
        fallbackPath: path,
        clock,
        logger: silentLogger,
        retry: () => ONE_TRY,
      };
      const log = new AuditLog({ ...options, ...changes });
      opened.push(log);
      await log.open();
      return log;
    };
    try {
      await body({ folder, path, clock, open });
    } finally {
      for (const log of opened) await log.close();
    }
  });
}

describe("AuditLog", () => {
  it("stores an entry, with the time at which it was recorded", async () => {
    await withRig(async ({ open, path }) => {
      const log = await open();
      expect(await log.record({ ...entryOf("csv"), details: { count: 3 }, outcome: "failure" })).toBe("stored");
      const { entries } = await database.store.audit.list({ guildId, limit: 10 });
      expect(entries).toMatchObject([{ target: "csv", details: '{"count":3}', outcome: "failure", at: START_AT }]);
      expect(existsSync(path)).toBe(false);
    });
  });

  it("refuses what is no entry, whether the database is there or not, and keeps nothing of it", async () => {
    await withRig(async ({ open, path }) => {
      const log = await open();
      for (const change of [giveBack, takeAway]) {
        change();
        await expect(log.record({ ...entryOf("csv"), action: "" })).rejects.toMatchObject({ code: "INPUT_INVALID" });
      }
      expect(existsSync(path)).toBe(false);
    });
  });

  it("keeps entries in a private, readable file, and stores them later with the id and the time that they had", async () => {
    await withRig(async ({ open, path, clock }) => {
      const log = await open();
      takeAway();
      expect(await log.record(entryOf("first"))).toBe("kept");
      clock.advance(10);
      expect(await log.record(entryOf("second"))).toBe("kept");
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const lines = readFileSync(path, "utf8").trimEnd().split("\n");
      const kept = lines.map((line) => (JSON.parse(line) as { entry: { id: string; at: number } }).entry);
      expect(kept).toMatchObject([
        { ...entryOf("first"), at: START_AT },
        { ...entryOf("second"), at: START_AT + 10 },
      ]);
      giveBack();
      expect(await log.sync()).toEqual({ synced: 2, remaining: 0 });
      const { entries } = await database.store.audit.list({ guildId, limit: 10 });
      expect(entries.map(({ id, at }) => ({ id, at })).reverse()).toEqual(kept.map(({ id, at }) => ({ id, at })));
      expect(existsSync(path)).toBe(false);
    });
  });

  it("puts entries behind those in the file, and beside a sync in progress", async () => {
    await withRig(async ({ open }) => {
      const log = await open();
      takeAway();
      for (const target of ["1", "2", "3"]) await log.record(entryOf(target));
      giveBack();
      expect(await log.record(entryOf("4"))).toBe("kept");
      const syncing = log.sync();
      const outcomes = [log.record(entryOf("5")), log.record(entryOf("6"))];
      expect(log.sync()).toBe(syncing);
      await Promise.all([syncing, ...outcomes]);
      await log.sync();
      expect(await log.record(entryOf("7"))).toBe("stored");
      expect(await listTargets()).toEqual(["1", "2", "3", "4", "5", "6", "7"]);
    });
  });

  it("brings the file over by itself when nobody says that the database is back", async () => {
    await withRig(async ({ open, clock, path }) => {
      const log = await open();
      takeAway();
      await log.record(entryOf("waiting"));
      clock.advance(5_000);
      await until(() => clock.delaysMs.includes(5_000));
      giveBack();
      clock.advance(5_000);
      await until(() => !existsSync(path));
      expect(await listTargets()).toEqual(["waiting"]);
    });
  });

  it("does not store an entry twice when the program dies between its commit and the removal of the file", async () => {
    await withRig(async ({ open, path, folder }) => {
      const log = await open();
      takeAway();
      for (const target of ["1", "2", "3"]) await log.record(entryOf(target));
      copyFileSync(path, `${path}.copy`);
      giveBack();
      await log.sync();
      await log.record(entryOf("4"));
      copyFileSync(`${path}.copy`, path);
      const next = await open();
      expect(next.pendingCount).toBe(3);
      expect(await next.sync()).toEqual({ synced: 3, remaining: 0 });
      expect(await listTargets()).toEqual(["1", "2", "3", "4"]);
      // Nor is one refused for being there already.
      expect(readdirSync(folder)).toEqual([basename(`${path}.copy`)]);
    });
  });

  it("brings many entries over in few calls, in their order", async () => {
    await withRig(async ({ open }) => {
      const log = await open();
      takeAway();
      const targets = Array.from({ length: 230 }, (_, index) => String(index));
      await Promise.all(targets.map((target) => log.record(entryOf(target))));
      giveBack();
      expect(await log.sync()).toEqual({ synced: 230, remaining: 0 });
      expect(batchSizes).toEqual([100, 100, 30]);
      const page = await database.store.audit.list({ guildId, limit: 100 });
      expect(page.entries.map(({ target }) => target)).toEqual(targets.slice(130).reverse());
      expect(await verify()).toEqual({ count: 230 });
    });
  });

  it("builds the indexes of a damaged table anew before anything else, and audits it", async () => {
    await withRig(async ({ open }) => {
      const { audit, integrity } = database.store;
      let isDamaged = true;
      const refuse = () => Promise.reject(new MusterError("DATABASE_CORRUPT", "sabotage: an index is damaged"));
      const log = await open({
        store: {
          audit: {
            ...audit,
            append: (entry) => (isDamaged ? refuse() : audit.append(entry)),
            appendAll: (input) => (isDamaged ? refuse() : audit.appendAll(input)),
            preserveDamaged: refuse,
          },
          integrity: {
            async rebuildIndexes(input) {
              isDamaged = false;
              return integrity.rebuildIndexes(input);
            },
          },
        },
      });
      expect(await log.record(entryOf("1"))).toBe("kept");
      for (let round = 0; round < 3; round++) await log.sync();
      expect(await listTargets()).toEqual(["1"]);
      await log.sync();
      const { entries } = await database.store.audit.list({ guildId: "", action: "audit.index-rebuild", limit: 10 });
      expect(entries).toMatchObject([{ outcome: "success", target: "audit_log" }]);
      expect(entries[0]!.details).toContain("audit_log_action");
    });
  });

  it("sets an entry aside that the table refuses, and brings all others over", async () => {
    await withRig(async ({ open, path, folder }) => {
      const log = await open();
      takeAway();
      for (const target of ["1", "2", "refused", "3", "4"]) {
        await log.record({ ...entryOf(target), ...(target === "refused" && { details: createDeep(1_100) }) });
      }
      giveBack();
      expect(await log.sync()).toEqual({ synced: 5, remaining: 0 });
      expect(await listTargets()).toEqual(["1", "2", "3", "4"]);
      const [note] = (await database.store.audit.list({ guildId: "", limit: 1 })).entries;
      expect(note).toMatchObject({ action: "audit.entry-refused", target: "audit-fallback-damaged.ndjson" });
      expect(readFileSync(join(folder, "audit-fallback-damaged.ndjson"), "utf8")).toContain('"target":"refused"');
      expect(existsSync(path)).toBe(false);
    });
  });

  it("gives up an answer that does not come, and its late effect does not double the entry", async () => {
    await withRig(async ({ open, clock }) => {
      const { audit } = database.store;
      const release = Promise.withResolvers<void>();
      const append = async (entry: Parameters<typeof audit.append>[0]) =>
        release.promise.then(() => audit.append(entry));
      const log = await open({ store: { audit: { ...audit, append } } });
      const recording = log.record(entryOf("hung"));
      await until(() => clock.delaysMs.includes(2_000));
      clock.advance(2_000);
      expect(await recording).toBe("kept");
      release.resolve();
      expect(await log.sync()).toEqual({ synced: 1, remaining: 0 });
      await until(() => database.engine.status().pendingWrites === 0);
      expect(await listTargets()).toEqual(["hung"]);
    });
  });

  it("rejects only when the file fails as well, with both reasons", async () => {
    await withRig(async ({ open, folder }) => {
      writeFileSync(join(folder, "file"), "not a folder");
      const log = await open({ fallbackPath: join(folder, "file", "audit-fallback.ndjson") }).catch(() => undefined);
      expect(log).toBeUndefined();
      const fallbackPath = join(folder, "folder");
      const later = await open({ fallbackPath });
      mkdirSync(fallbackPath);
      takeAway();
      await expect(later.record(entryOf("lost"))).rejects.toMatchObject({
        code: "DATABASE_UNAVAILABLE",
        message: expect.stringMatching(/sabotage.*fallback file: EI/) as string,
        cause: errorLike({ errors: [errorLike({ code: "DATABASE_UNAVAILABLE" }), errorLike({ code: "EISDIR" })] }),
      });
      giveBack();
      expect(await later.record(entryOf("stored"))).toBe("stored");
      expect(await listTargets()).toEqual(["stored"]);
    });
  });

  it("keeps at once what is waiting for its next try when it is closed, and takes nothing more", async () => {
    await withRig(async ({ open, clock }) => {
      const log = await open({
        retry: () => ({ maxAttempts: 5, baseDelay: 900, maxDelay: 900, backoffMultiplier: 1 }),
      });
      takeAway();
      const recording = log.record(entryOf("last"));
      await until(() => clock.delaysMs.some((delayMs) => delayMs <= 900));
      await log.close();
      await log.close();
      expect(await recording).toBe("kept");
      await expect(log.record(entryOf("more"))).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
      giveBack();
      await (await open()).sync();
      expect(await listTargets()).toEqual(["last"]);
    });
  });
});

describe("the audit fallback file", () => {
  async function keep(open: Rig["open"], ...targets: readonly string[]): Promise<AuditLog> {
    const log = await open();
    takeAway();
    for (const target of targets) await log.record(entryOf(target));
    return log;
  }
  const damagedPath = (folder: string): string => join(folder, "audit-fallback-damaged.ndjson");

  it("may end in a line that a crash cut off", async () => {
    await withRig(async ({ open, path, folder }) => {
      await (await keep(open, "1", "2", "cut off")).close();
      writeFileSync(path, readFileSync(path).subarray(0, -20));
      const log = await open();
      expect(log.pendingCount).toBe(2);
      await log.record(entryOf("3"));
      giveBack();
      expect(await log.sync()).toEqual({ synced: 3, remaining: 0 });
      expect(await listTargets()).toEqual(["1", "2", "3"]);
      expect(readFileSync(damagedPath(folder), "utf8")).toContain("cut off");
    });
  });

  it("is brought to the table also when it could not be read at the start", async () => {
    await withRig(async ({ open, path, clock, folder }) => {
      await (await keep(open, "1")).close();
      const aside = join(folder, "aside");
      renameSync(path, aside);
      mkdirSync(path);
      giveBack();
      const log = new AuditLog({
        ...{ store: createGatedStore(), fallbackPath: path, clock, logger: silentLogger, retry: () => ONE_TRY },
      });
      try {
        await expect(log.open()).rejects.toThrow("EISDIR");
        rmdirSync(path);
        renameSync(aside, path);
        await until(() => {
          clock.advance(5_000);
          return !existsSync(path);
        });
      } finally {
        await log.close();
      }
      expect(await listTargets()).toEqual(["1"]);
    });
  });

  it("may lack the end of its last line", async () => {
    await withRig(async ({ open, path, folder }) => {
      await (await keep(open, "1", "2")).close();
      writeFileSync(path, readFileSync(path).subarray(0, -1));
      const log = await open();
      await log.record(entryOf("3"));
      giveBack();
      await log.sync();
      expect(await listTargets()).toEqual(["1", "2", "3"]);
      expect(existsSync(damagedPath(folder))).toBe(false);
    });
  });

  it("loses no sound line to a damaged one, which is kept aside and told of in the system's chain", async () => {
    await withRig(async ({ open, path, folder }) => {
      await (await keep(open, "1", "altered", "3")).close();
      writeFileSync(path, readFileSync(path, "utf8").replace("altered", "ALTERED"));
      const log = await open();
      expect(log.pendingCount).toBe(3);
      // Reported once, however often it is opened before it is brought over.
      await log.close();
      const next = await open();
      giveBack();
      expect(await next.sync()).toEqual({ synced: 3, remaining: 0 });
      expect(await listTargets()).toEqual(["1", "3"]);
      const told = (await database.store.audit.list({ guildId: "", action: "audit.fallback-damaged", limit: 10 }))
        .entries;
      expect(told).toMatchObject([{ target: "audit-fallback-damaged.ndjson", details: '{"lineCount":1}' }]);
      expect(readFileSync(damagedPath(folder), "utf8").split("\n")).toEqual([expect.stringContaining("ALTERED"), ""]);
    });
  });

  it("has nothing of an entry that was refused because the disk did not take it for certain", async () => {
    await withRig(async ({ open, path, folder }) => {
      const log = await keep(open, "1");
      const content = readFileSync(path, "utf8");
      const failing = withFailingSync(() => log.record(entryOf("refused")));
      await expect(failing).rejects.toMatchObject({ message: expect.stringContaining("EIO") as string });
      expect(readFileSync(path, "utf8")).toBe(content);
      giveBack();
      await log.sync();
      takeAway();
      await expect(withFailingSync(() => log.record(entryOf("refused")))).rejects.toThrow("EIO");
      expect(readdirSync(folder)).toEqual([]);
      expect(await listTargets()).toEqual(["1"]);
    });
  });

  it("is written anew from memory when something else has changed it", async () => {
    await withRig(async ({ open, path, folder }) => {
      const log = await keep(open, "1");
      appendFileSync(path, '{"sha256":"half a li');
      await log.record(entryOf("2"));
      await log.close();
      const next = await open();
      expect(next.pendingCount).toBe(2);
      giveBack();
      await next.sync();
      expect(await listTargets()).toEqual(["1", "2"]);
      expect(readdirSync(folder)).toEqual([]);
    });
  });
});

describe("store.audit.append", () => {
  const id = (number: number): string => `01J${String(number).padStart(23, "0")}`;

  it("answers with the entry that has the id already, whatever else is given", async () => {
    const { audit } = database.store;
    const first = await audit.append({ ...entryOf("once"), id: id(1), at: START_AT });
    expect(first).toMatchObject({ id: id(1), at: START_AT, sequence: 1 });
    expect(await audit.append({ ...entryOf("twice"), id: id(1), at: START_AT + 1 })).toEqual(first);
    expect(await listTargets()).toEqual(["once"]);
  });
});

describe("store.audit.verify", () => {
  it("names the first of the entries that somebody has added past the recorded end", async () => {
    const { store, path } = database;
    for (let number = 1; number <= 6; number++) await store.audit.append(entryOf(String(number)));
    withRawConnection(path, (raw) => {
      const hash = raw.prepare("SELECT hash FROM audit_log WHERE guild_id = ? AND sequence = 4").pluck().get(guildId);
      raw.prepare("UPDATE audit_chain SET last_sequence = 4, last_hash = ? WHERE guild_id = ?").run(hash, guildId);
    });
    for (const limit of [1, 2, 100]) {
      let step = await store.audit.verify({ guildId, limit });
      while (!step.isDone) step = await store.audit.verify({ guildId, limit, end: step.end });
      expect(step.fault).toMatchObject({ kind: "altered", sequence: 5 });
    }
  });
});

describe("a chain whose recorded end somebody has changed", () => {
  const set = (assignment: string) => `UPDATE audit_chain SET ${assignment} WHERE guild_id = ?`;
  const CASES: readonly [string, string, Partial<ChainFault>, Partial<ChainFault>][] = [
    ["lowered", set("last_sequence = 2"), { kind: "altered", sequence: 5 }, { kind: "altered", sequence: 6 }],
    [
      "lowered to an entry before",
      `UPDATE audit_chain AS c SET last_sequence = 2, last_hash = l.hash FROM audit_log AS l
       WHERE l.guild_id = c.guild_id AND l.sequence = 2 AND c.guild_id = ?`,
      { kind: "altered", sequence: 3 },
      { kind: "altered", sequence: 6 },
    ],
    ["raised", set("last_sequence = 9"), { kind: "missing", sequence: 6 }, { kind: "missing", sequence: 6 }],
    [
      "raised beyond all numbers",
      set("last_sequence = 9223372036854775807"),
      { kind: "missing", sequence: 6 },
      { kind: "altered", sequence: 6 },
    ],
    ["negative", set("last_sequence = -7"), { kind: "altered", sequence: 5 }, { kind: "altered", sequence: 6 }],
    ["given another hash", set("last_hash = 'x'"), { kind: "altered", sequence: 5 }, { kind: "altered", sequence: 6 }],
    [
      "removed",
      "DELETE FROM audit_chain WHERE guild_id = ?",
      { kind: "altered", sequence: 5 },
      { kind: "altered", sequence: 6 },
    ],
    [
      "left alone, but all entries removed",
      "DELETE FROM audit_log WHERE guild_id = ?",
      { kind: "missing", sequence: 1 },
      { kind: "missing", sequence: 1 },
    ],
  ];

  it.each(CASES)(
    "is named by verification, before and after it goes on, and loses nothing: %s",
    async (_title, sql, before, after) => {
      await withRig(async ({ open }) => {
        const { store, path } = database;
        for (let number = 1; number <= 5; number++) await store.audit.append(entryOf(String(number)));
        const log = await open();
        takeAway();
        for (const target of ["6", "7"]) await log.record(entryOf(target));
        withRawConnection(path, (raw) => void raw.prepare(sql).run(guildId));
        const kept = await listTargets();
        expect((await verify()).fault).toMatchObject(before);
        giveBack();
        expect(await log.sync()).toEqual({ synced: 2, remaining: 0 });
        expect(await log.record(entryOf("8"))).toBe("stored");
        expect(await listTargets()).toEqual([...kept, "audit_chain", "6", "7", "8"]);
        expect((await verify()).fault).toMatchObject(after);
      });
    },
  );
});
