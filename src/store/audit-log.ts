import { basename } from "node:path";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { isMusterError, MusterError, toError, type ErrorCode } from "../core/errors.ts";
import { createIdSequence } from "../core/ids.ts";
import { Interval } from "../core/interval.ts";
import type { Logger } from "../core/logger.ts";
import type { RetryConfig } from "../resilience/backoff.ts";
import { RetryManager } from "../resilience/retry-manager.ts";
import { inspectChains, type AuditOutcome } from "./audit-chain.ts";
import { AuditFallback } from "./audit-fallback.ts";
import {
  APPEND_ALL_LIMIT,
  recordedEntry,
  SYSTEM_CHAIN,
  type ChainRestart,
  type NewAuditEntry,
  type RecordedEntry,
} from "./audit.ts";
import { SYSTEM_ACTOR } from "./inputs.ts";
import type { Store } from "./store.ts";

/**
 * The durable path of audit entries that belong to no change of data (an export, a setting, a refused attempt; the entry
 * of a change is in the change's own transaction). Each gets its id and time when it is recorded. It is tried on the
 * table, with growing delays; then it goes to the fallback file, and whatever is recorded from then on goes behind it,
 * until all of them have been brought to the table in their order. A kill between an entry's commit and the removal of
 * the file sends it again, and its id keeps it from being there twice.
 */

/** Longest that an entry is tried on the table before it goes to the file: somebody waits for the answer. */
const RETRY_LIMIT_MS = 2_000;
/** Longest wait for one try while the file is brought back, and for the last try when the file cannot be written either. */
const ATTEMPT_LIMIT_MS = 5_000;
const LAST_ATTEMPT_LIMIT_MS = 500;
/** While entries wait in the file they are tried this often, whether anybody says that the database is back or not. */
const SYNC_INTERVAL_MS = 5_000;

const RESTART_RETRY = { maxAttempts: 10, baseDelay: 500, maxDelay: 1_000, backoffMultiplier: 2 } as const;

/** What may pass within the time limit. Repeating after an unknown outcome is safe: the entry has its id. */
const PASSING: readonly ErrorCode[] = [
  "DATABASE_UNAVAILABLE",
  "DATABASE_BUSY",
  "DATABASE_IO",
  "TRANSACTION_FAILED",
  "OPERATION_TIMEOUT",
];

/** What one entry of a call can be at fault for, and the others not. */
const REFUSALS: readonly ErrorCode[] = ["CONSTRAINT_VIOLATED", "INPUT_INVALID", "QUERY_FAILED"];

const ENTRY_REFUSED = "audit.entry-refused";

export interface AuditLogOptions {
  readonly store: {
    readonly audit: Pick<Store["audit"], "append" | "appendAll" | "preserveDamaged" | "listChains" | "verify">;
    /** Without it a damaged index is no reason to try anything but new tables. */
    readonly integrity?: Pick<Store["integrity"], "rebuildIndexes">;
  };
  /** `<data>/audit-fallback.ndjson`. */
  readonly fallbackPath: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retry: () => RetryConfig;
  readonly random?: () => number;
}

/** Where an entry is: in the table, or fsynced in the fallback file. */
export type RecordOutcome = "stored" | "kept";

export interface SyncResult {
  readonly synced: number;
  readonly remaining: number;
}

interface WaitingEntry {
  readonly entry: RecordedEntry;
  /** Epoch milliseconds. */
  readonly deadlineAt: number;
  readonly resolve: (outcome: RecordOutcome) => void;
  readonly reject: (error: Error) => void;
}

export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #fallback: AuditFallback;
  readonly #retries: RetryManager;
  readonly #restarts: RetryManager;
  readonly #nextId: () => string;
  readonly #syncTimer: Interval;
  readonly #closing = new AbortController();
  /** Recorded and neither stored nor kept yet, in order. Only the first is being tried. */
  readonly #waiting: WaitingEntry[] = [];
  #draining: Promise<void> | undefined;
  #syncing: Promise<SyncResult> | undefined;
  /** How many syncs in a row have ended at a damaged table. */
  #damagedSyncCount = 0;
  #isRebuildTried = false;

  constructor(options: AuditLogOptions) {
    const { fallbackPath: path, clock, logger, retry: config, random = Math.random } = options;
    this.#options = options;
    this.#nextId = createIdSequence(() => clock.now());
    this.#retries = new RetryManager({
      clock,
      random,
      config,
      isRetryable: (error) => isMusterError(error, ...PASSING),
      onRetry: ({ attempt, delayMs, error }) =>
        logger.debug("an audit entry could not be stored and is tried again", { attempt, delayMs, error }),
    });
    this.#restarts = new RetryManager({
      ...{ clock, random, config: () => RESTART_RETRY },
      isRetryable: (error) => isMusterError(error, "DATABASE_UNAVAILABLE", "DATABASE_BUSY"),
    });
    const createDamageEntry = (lineCount: number, keptIn: string): RecordedEntry =>
      this.#createNote("audit.fallback-damaged", keptIn, { lineCount });
    this.#fallback = new AuditFallback({ path, logger, createDamageEntry });
    this.#syncTimer = new Interval({
      clock,
      everyMs: () => SYNC_INTERVAL_MS,
      run: async () => {
        // Told of by `open`, when it could not be read.
        await this.#fallback.open().catch(() => undefined);
        if (this.pendingCount > 0) await this.sync();
      },
      onError: (error) => logger.error("audit entries could not be brought to the table", { error }),
    });
  }

  /** Entries that wait in the fallback file. */
  get pendingCount(): number {
    return this.#fallback.count;
  }

  /**
   * Reads what an earlier run could not store. Rejects when the file is there and cannot be read; recording works anyway,
   * and it is read when it can be.
   */
  async open(): Promise<void> {
    this.#syncTimer.start();
    await this.#openFallback();
    // What an earlier run left there, or the command line, is not to wait for the first round.
    this.#syncTimer.trigger();
  }

  /** Resolves when the entry is durable. Rejects when it is not one (INPUT_INVALID), or when table and file both fail. */
  async record(entry: NewAuditEntry): Promise<RecordOutcome> {
    if (this.#closing.signal.aborted) throw createClosedError();
    const identified = this.#identify(entry);
    return new Promise((resolve, reject) => {
      const deadlineAt = this.#options.clock.now() + RETRY_LIMIT_MS;
      this.#waiting.push({ entry: identified, deadlineAt, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Brings the entries of the file to the table, in order, until all are there or one fails. */
  sync(): Promise<SyncResult> {
    this.#syncing ??= this.#syncAll().finally(() => (this.#syncing = undefined));
    return this.#syncing;
  }

  /**
   * For audit tables that SQLite cannot read or write: keeps them under another name and starts every chain anew. Not
   * for entries that were altered or removed: those are evidence. Throws when the damage is where this cannot be done.
   */
  async restartChain(reason: string): Promise<ChainRestart> {
    const { audit } = this.#options.store;
    const chains = await inspectChains(audit);
    // To have met the damage while looking may have taken the database away, until it is found that it can be written.
    const restart = await this.#restarts.execute("audit.preserveDamaged", () =>
      audit.preserveDamaged({ reason, chains }),
    );
    const { table, entries } = restart;
    this.#options.logger.error("the audit table was damaged: it is kept under another name, and new chains begin", {
      reason,
      table,
      chainCount: entries.length,
    });
    return restart;
  }

  /** What still waits is stored, or kept at once rather than tried again. Safe to call twice. */
  async close(): Promise<void> {
    this.#closing.abort(createClosedError());
    await this.#syncTimer.stop();
    await this.#draining;
    await this.#syncing;
  }

  #identify(entry: NewAuditEntry): RecordedEntry {
    const parsed = recordedEntry.safeParse({ ...entry, id: this.#nextId(), at: this.#options.clock.now() });
    if (parsed.success) return parsed.data;
    throw new MusterError("INPUT_INVALID", `record an audit entry: ${z.prettifyError(parsed.error)}`, {
      cause: parsed.error,
    });
  }

  async #openFallback(): Promise<void> {
    try {
      await this.#fallback.open();
    } catch (error) {
      throw new MusterError("DATABASE_UNAVAILABLE", `open the audit fallback file: ${toError(error).message}`, {
        cause: error,
        hint: "Check the owner and the permissions of audit-fallback.ndjson and its folder.",
      });
    }
  }

  async #drain(): Promise<void> {
    await this.#openFallback().catch((error: unknown) => {
      // The table may work: an entry there, before those in the file, is better than none.
      this.#options.logger.error("the audit fallback file cannot be used", { error });
    });
    while (this.#waiting.length > 0) {
      const failure = this.pendingCount > 0 ? undefined : await this.#storeFirst();
      if (this.pendingCount > 0 || failure) await this.#keep(this.#waiting.splice(0), failure);
    }
    this.#draining = undefined;
  }

  /** Undefined when it is in the table; otherwise why it is not. */
  async #storeFirst(): Promise<Error | undefined> {
    const { entry, deadlineAt, resolve } = this.#waiting[0]!;
    const { clock } = this.#options;
    try {
      await this.#retries.execute("audit.append", () => this.#append(entry, Math.max(deadlineAt - clock.now(), 0)), {
        deadlineAt,
        signal: this.#closing.signal,
      });
    } catch (error) {
      return toError(error);
    }
    this.#waiting.shift();
    resolve("stored");
    return undefined;
  }

  async #keep(waiting: readonly WaitingEntry[], reason: Error | undefined): Promise<void> {
    try {
      await this.#fallback.append(waiting.map(({ entry }) => entry));
    } catch (error) {
      await Promise.all(waiting.map((it) => this.#storeOrReject(it, toError(error))));
      return;
    }
    if (reason) {
      const path = basename(this.#options.fallbackPath);
      this.#options.logger.warn(`the database cannot take audit entries: they are kept in ${path}`, { error: reason });
    }
    for (const { resolve } of waiting) resolve("kept");
  }

  /** The file cannot be written: the table once more, though entries in the file should come before. */
  async #storeOrReject({ entry, resolve, reject }: WaitingEntry, fileError: Error): Promise<void> {
    try {
      await this.#append(entry, LAST_ATTEMPT_LIMIT_MS);
      resolve("stored");
    } catch (error) {
      const causes = `${toError(error).message}; the fallback file: ${fileError.message}`;
      const hint = "Neither the database nor its folder can be written: check the disk.";
      const cause = new AggregateError([error, fileError]);
      reject(new MusterError("DATABASE_UNAVAILABLE", `record ${entry.action}: ${causes}`, { cause, hint }));
    }
  }

  async #syncAll(): Promise<SyncResult> {
    await this.#openFallback();
    if (this.#damagedSyncCount >= 2 && this.#damagedSyncCount < Infinity) await this.#replaceDamaged();
    let synced = 0;
    while (!this.#closing.signal.aborted) {
      const entries = this.#fallback.first(APPEND_ALL_LIMIT);
      if (entries.length > 0) {
        const count = await this.#syncFirst(entries);
        synced += count;
        if (count === 0) break;
      } else {
        await this.#fallback.removeIfEmpty();
        // What was recorded while the file was being removed is in it, or in a new one.
        if (this.pendingCount === 0) break;
      }
    }
    const remaining = this.pendingCount;
    if (synced > 0) this.#options.logger.info("audit entries from the fallback file are stored", { synced, remaining });
    return { synced, remaining };
  }

  /** How many of the entries are in the table now: all, or when that is refused, those before the one that is at fault. */
  async #syncFirst(entries: readonly RecordedEntry[]): Promise<number> {
    try {
      await this.#within(ATTEMPT_LIMIT_MS, this.#options.store.audit.appendAll({ entries: [...entries] }));
    } catch (error) {
      if (isMusterError(error, ...REFUSALS)) {
        if (entries.length > 1) return this.#syncFirst(entries.slice(0, Math.ceil(entries.length / 2)));
        // What tells of a refused one is not set aside itself, or there would be no end of it.
        if (isMusterError(error, "CONSTRAINT_VIOLATED") && entries[0]?.action !== ENTRY_REFUSED) {
          return this.#setFirstAside(error);
        }
      }
      this.#options.logger.warn("audit entries from the fallback file cannot be stored yet", { error });
      if (isMusterError(error, "DATABASE_CORRUPT")) this.#damagedSyncCount++;
      return 0;
    }
    this.#damagedSyncCount = 0;
    this.#fallback.forgetFirst(entries.length);
    return entries.length;
  }

  /** An entry that breaks a rule of the table breaks it for ever, and all others wait behind it. */
  async #setFirstAside(error: MusterError): Promise<number> {
    this.#options.logger.error("the audit table refuses an entry: it is kept aside", { error });
    const details = { reason: error.message };
    await this.#fallback.replaceFirst((keptIn) => this.#createNote(ENTRY_REFUSED, keptIn, details));
    return this.#syncFirst(this.#fallback.first(1));
  }

  #createNote(action: string, target: string, details: NonNullable<NewAuditEntry["details"]>): RecordedEntry {
    return this.#identify({
      ...{ guildId: SYSTEM_CHAIN, actorId: SYSTEM_ACTOR },
      ...{ action, target, details, outcome: "failure" },
    });
  }

  /**
   * After two syncs in a row have met damage: the recovery of the whole file, which loses nothing, has had its time by
   * then. And only once: when a new table is damaged as well, the next one would be too.
   */
  async #replaceDamaged(): Promise<void> {
    const reason = "the table was found damaged when an entry was to be added";
    if (!this.#isRebuildTried && (await this.#rebuildIndexes(reason))) return;
    try {
      await this.restartChain(reason);
      this.#damagedSyncCount = Infinity;
    } catch (error) {
      this.#options.logger.error("the damaged audit table could not be set aside", { error });
    }
  }

  /** An index takes no entry with it: building all of them anew is tried before the tables are set aside. */
  async #rebuildIndexes(reason: string): Promise<boolean> {
    const { integrity } = this.#options.store;
    if (!integrity) return false;
    this.#isRebuildTried = true;
    const note = { guildId: SYSTEM_CHAIN, actorId: SYSTEM_ACTOR, action: "audit.index-rebuild", target: "audit_log" };
    const tell = (outcome: AuditOutcome, details: NonNullable<NewAuditEntry["details"]>): void => {
      this.record({ ...note, outcome, details: { reason, ...details } }).catch((error: unknown) =>
        this.#options.logger.error("the rebuilding of the audit indexes was not audited", { error }),
      );
    };
    try {
      const rebuilt = await this.#restarts.execute("integrity.rebuildIndexes", () =>
        integrity.rebuildIndexes({ tables: ["audit_log", "audit_chain"] }),
      );
      tell("success", { rebuilt });
      return true;
    } catch (error) {
      this.#options.logger.error("the indexes of the audit tables could not be built anew", { error });
      tell("failure", { error: toError(error).message });
      return false;
    }
  }

  async #append(entry: RecordedEntry, limitMs: number): Promise<void> {
    await this.#within(limitMs, this.#options.store.audit.append(entry));
  }

  /** One try. When it takes too long its outcome is unknown, and the next one finds what it did. */
  async #within(limitMs: number, attempt: Promise<unknown>): Promise<void> {
    const { promise: overdue, reject } = Promise.withResolvers<never>();
    const cancel = this.#options.clock.schedule(limitMs, () =>
      reject(new MusterError("OPERATION_TIMEOUT", `store an audit entry: no answer within ${limitMs} ms`)),
    );
    try {
      await Promise.race([attempt, overdue]);
    } finally {
      cancel();
    }
  }
}

function createClosedError(): MusterError {
  return new MusterError("SHUTTING_DOWN", "record an audit entry: the program is stopping");
}
