import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../src/core/logger.ts";
import { AuditLog } from "../../src/store/audit-log.ts";
import type { Store } from "../../src/store/store.ts";
import { openTestStore, until, withFolder, withRawConnection, type TestStore } from "../helpers/database.ts";
import { createFastClock } from "../properties/fast-clock.ts";
import { newGuild, OWNER } from "./fixtures.ts";

const ENTRY_COUNT = 150;
/** A database that has met damage is away until the next probe: these come round so many times as often. */
const SPEED = 5;

async function appendMany(store: Store, guildId: string, count: number): Promise<void> {
  const details = { text: "x".repeat(100) };
  const entry = { guildId, actorId: OWNER, action: "test.append", details };
  await Promise.all(
    Array.from({ length: count }, (_, index) => store.audit.append({ ...entry, target: `entry ${index + 1}` })),
  );
}

/** The page that the b-tree of a table or index begins with, or its last leaf. */
function findPage(path: string, name: string, which: "root" | "last leaf"): number {
  const root = withRawConnection(path, (raw) =>
    raw.prepare<[string], number>("SELECT rootpage FROM sqlite_schema WHERE name = ?").pluck().get(name),
  )!;
  if (which === "root") return root;
  const file = readFileSync(path);
  const pageSize = file.readUInt16BE(16);
  for (let page = root; ;) {
    const at = (page - 1) * pageSize;
    // An inner page (2 or 5) has its right-most child at offset 8 (https://sqlite.org/fileformat2.html#b_tree_pages).
    if (file[at] !== 2 && file[at] !== 5) return page;
    page = file.readUInt32BE(at + 8);
  }
}

/** Overwrites a page of a database that nobody has open, as a failing disk would. */
function damagePage(path: string, page: number): void {
  const file = readFileSync(path);
  const pageSize = file.readUInt16BE(16);
  file.fill(0xa5, (page - 1) * pageSize, page * pageSize);
  writeFileSync(path, file);
}

/** A store with two chains, closed: each test has a copy of its file. */
let template: string;
let guilds: readonly [string, string];

beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), "muster-"));
  const database = await openTestStore({ folder: template });
  guilds = [await newGuild(database.store), await newGuild(database.store)];
  await appendMany(database.store, guilds[0], ENTRY_COUNT);
  await appendMany(database.store, guilds[1], ENTRY_COUNT);
  await database.close();
});
afterAll(() => rm(template, { recursive: true }));

interface Damaged {
  readonly database: TestStore;
  readonly auditLog: AuditLog;
}

/** The store, opened with what was done to its file meanwhile. */
async function withDamage(damage: (path: string) => void, body: (damaged: Damaged) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    copyFileSync(join(template, "test.db"), join(folder, "test.db"));
    damage(join(folder, "test.db"));
    const clock = createFastClock(SPEED);
    const database = await openTestStore({ folder, clock, speed: SPEED });
    const auditLog = new AuditLog({
      ...{ store: database.store, clock, logger: silentLogger },
      fallbackPath: join(folder, "audit-fallback.ndjson"),
      retry: () => ({ maxAttempts: 3, baseDelay: 1, maxDelay: 1, backoffMultiplier: 1 }),
    });
    try {
      await auditLog.open();
      await body({ database, auditLog });
    } finally {
      await auditLog.close();
      await database.close();
    }
  });
}

const damageOf = (name: string, which: "root" | "last leaf") => (path: string) =>
  damagePage(path, findPage(path, name, which));

/** A database that has reported damage may be away for a moment, until it is found that it can be written. */
async function syncAll(auditLog: AuditLog): Promise<void> {
  for (let round = 0; round < 200 && auditLog.pendingCount > 0; round++) {
    await auditLog.sync();
    if (auditLog.pendingCount > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(auditLog.pendingCount).toBe(0);
}

const entryOf = (guildId: string) => ({ guildId, actorId: OWNER, action: "test.append", target: "later" });

async function listChain({ store }: TestStore, guildId: string): Promise<{ action: string; details: unknown }[]> {
  const { entries } = await store.audit.list({ guildId, limit: 100 });
  return entries
    .toSorted((a, b) => a.sequence - b.sequence)
    .map(({ action, details }) => ({ action, details: JSON.parse(details) as unknown }));
}

describe("a damaged audit table", () => {
  it("is kept under another name, and every chain starts anew, saying why and up to where the old one was sound", async () => {
    await withDamage(damageOf("audit_log", "last leaf"), async ({ database, auditLog }) => {
      const { store, path } = database;
      await expect(store.audit.append(entryOf(guilds[1]))).rejects.toMatchObject({ code: "DATABASE_CORRUPT" });
      const { table } = await auditLog.restartChain("a page cannot be read");
      expect(table).toMatch(/^_backup_audit_log_damaged_\d{8}T\d{9}Z$/);

      const restart = (lastSequence: unknown) => ({
        action: "audit.chain-restart",
        details: { reason: "a page cannot be read", table, lastSequence, lastHash: expect.any(String) as unknown },
      });
      expect(await listChain(database, guilds[0])).toEqual([restart(ENTRY_COUNT)]);
      expect(await listChain(database, "")).toEqual([restart(0)]);
      const [second] = await listChain(database, guilds[1]);
      const { lastSequence, lastHash } = second!.details as { lastSequence: number; lastHash: string };
      expect(lastSequence).toBeGreaterThan(ENTRY_COUNT / 2);
      expect(lastSequence).toBeLessThan(ENTRY_COUNT);

      await store.audit.append(entryOf(guilds[1]));
      for (const guildId of ["", ...guilds]) expect((await store.audit.verify({ guildId })).fault).toBeUndefined();
      await database.manager.stop();
      withRawConnection(path, (raw) => {
        const read = raw.prepare<[string, number], string>(
          `SELECT hash FROM "${table}" WHERE guild_id = ? AND sequence = ?`,
        );
        expect(read.pluck().get(guilds[1], lastSequence)).toBe(lastHash);
        expect(() => read.pluck().get(guilds[1], ENTRY_COUNT)).toThrow();
      });
      // The schema is the one that the migrations make: the database opens again.
      const again = await openTestStore({ folder: join(path, "..") });
      expect((await again.store.audit.verify({ guildId: guilds[1] })).end.sequence).toBe(2);
      await again.close();
    });
  });

  it.each([
    ["audit_log", "root"],
    ["sqlite_autoindex_audit_log_1", "last leaf"],
    ["audit_chain", "root"],
  ] as const)("is replaced by itself when two syncs have met it: %s, %s", async (name, which) => {
    await withDamage(damageOf(name, which), async ({ database, auditLog }) => {
      expect(await auditLog.record(entryOf(guilds[1]))).toBe("kept");
      await syncAll(auditLog);
      for (const guildId of guilds) {
        const [first, ...others] = await listChain(database, guildId);
        expect(first!.action).toBe("audit.chain-restart");
        expect(others).toHaveLength(guildId === guilds[1] ? 1 : 0);
        expect((await database.store.audit.verify({ guildId })).fault).toBeUndefined();
      }
    });
  });

  it("stays as it is when an index of it is damaged, which only a new file mends; the entries wait", async () => {
    await withDamage(damageOf("audit_log_action", "last leaf"), async ({ database, auditLog }) => {
      await expect(auditLog.restartChain("a page cannot be read")).rejects.toMatchObject({ code: "DATABASE_CORRUPT" });
      const { store } = database;
      await until(() => database.degradation.state.kind === "normal");
      expect((await store.audit.verify({ guildId: guilds[0] })).end.sequence).toBe(ENTRY_COUNT);
      expect(await store.guilds.upsert({ guildId: guilds[0], name: "Renamed" })).not.toBeInstanceOf(Error);
      const kept = await auditLog.record(entryOf(guilds[1]));
      expect(kept).toBe("kept");
      expect(auditLog.pendingCount).toBe(1);
    });
  });

  it("is left alone when an entry was altered: that is evidence", async () => {
    const forge = (path: string): void =>
      withRawConnection(path, (raw) => void raw.exec("UPDATE audit_log SET target = 'forged' WHERE sequence = 3"));
    await withDamage(forge, async ({ database, auditLog }) => {
      await auditLog.record(entryOf(guilds[0]));
      await syncAll(auditLog);
      const { fault } = await database.store.audit.verify({ guildId: guilds[0] });
      expect(fault).toMatchObject({ kind: "altered", sequence: 3 });
    });
  });
});
