import { hash } from "node:crypto";
import type { ReadTransaction, WriteTransaction } from "../database/operation.ts";

/**
 * The audit log's chain: every entry's hash covers the entry and the hash before it, so that altering, removing or
 * inserting one breaks every hash after it. Entries of a chain are numbered 1, 2, 3, … without gaps.
 *
 * Tables that SQLite cannot read or write any more are renamed, and empty ones take their place: what was in them stays
 * to be looked at, and every chain starts anew with an entry that says so. An entry that was altered or removed is no
 * reason for that: it is evidence, and is only reported. When the recorded end of a chain is not the end of its entries,
 * the chain goes on behind an entry that says so, at which verification stops from then on.
 */

export type AuditOutcome = "success" | "failure";

export interface AuditEntry {
  readonly guildId: string;
  readonly sequence: number;
  readonly id: string;
  readonly at: number;
  readonly actorId: string;
  readonly action: string;
  readonly target: string;
  /** JSON text, kept as it was hashed. */
  readonly details: string;
  readonly outcome: AuditOutcome;
  readonly previousHash: string;
  readonly hash: string;
}

export interface ChainEnd {
  readonly sequence: number;
  readonly hash: string;
}

/** What the first entry of a chain names as the hash before it. */
export const CHAIN_START: ChainEnd = { sequence: 0, hash: "0".repeat(64) };

/** SHA-256 over a JSON array of all members in fixed order: unambiguous, and easy to repeat in any language. */
export function auditHash(entry: Omit<AuditEntry, "hash">): string {
  const { previousHash, guildId, sequence, id, at, actorId, action, target, details, outcome } = entry;
  return hash(
    "sha256",
    JSON.stringify([previousHash, guildId, sequence, id, at, actorId, action, target, details, outcome]),
    "hex",
  );
}

export type ChainFault =
  | { readonly kind: "missing"; readonly sequence: number }
  | { readonly kind: "altered"; readonly sequence: number; readonly id: string };

/** Checks entries that follow `end`, in order. Returns up to where they are sound, and the first fault if there is one. */
export function verifyEntries(
  entries: readonly AuditEntry[],
  end: ChainEnd,
): { readonly end: ChainEnd; readonly fault?: ChainFault } {
  let last = end;
  for (const entry of entries) {
    if (entry.sequence !== last.sequence + 1) {
      return { end: last, fault: { kind: "missing", sequence: last.sequence + 1 } };
    }
    if (entry.previousHash !== last.hash || auditHash(entry) !== entry.hash) {
      return { end: last, fault: alteredFault(entry) };
    }
    last = { sequence: entry.sequence, hash: entry.hash };
  }
  return { end: last };
}

function alteredFault({ sequence, id }: AuditEntry): ChainFault {
  return { kind: "altered", sequence, id };
}

export const AUDIT_COLUMNS = `guild_id AS guildId, sequence, id, at, actor_id AS actorId, action, target, details, outcome,
  previous_hash AS previousHash, hash`;

/** The recorded end of a chain; `CHAIN_START` when there is none. */
export async function findChainEnd(transaction: ReadTransaction, guildId: string): Promise<ChainEnd> {
  const end = await transaction.get<ChainEnd>(
    "SELECT last_sequence AS sequence, last_hash AS hash FROM audit_chain WHERE guild_id = ?",
    guildId,
  );
  return end ?? CHAIN_START;
}

/**
 * Where the next entry goes. The record and the log agree unless somebody has changed one of them past Muster. Going on
 * from the record could meet entries that are there already, and no write of the server would work any more; going on
 * from the newest entry could make forged ones part of the chain. So the chain is broken where everybody can see it.
 */
export type ChainPlace =
  | { readonly kind: "continued"; readonly end: ChainEnd }
  | { readonly kind: "broken"; readonly end: ChainEnd; readonly recorded: ChainEnd; readonly found: ChainEnd };

/** Numbers beyond this are nobody's: what has one is looked at by verification, and not built upon. */
const SEQUENCE_LIMIT = 2 ** 50;

export async function findChainPlace(transaction: ReadTransaction, guildId: string): Promise<ChainPlace> {
  const recorded = await findChainEnd(transaction, guildId);
  const newest = await transaction.get<ChainEnd>(
    "SELECT sequence, hash FROM audit_log WHERE guild_id = ? AND sequence <= ? ORDER BY sequence DESC LIMIT 1",
    ...[guildId, SEQUENCE_LIMIT],
  );
  const found = newest ?? CHAIN_START;
  if (recorded.sequence === found.sequence && recorded.hash === found.hash) return { kind: "continued", end: found };
  const isPossible = recorded.sequence >= 0 && recorded.sequence < SEQUENCE_LIMIT;
  // After the higher of the two, so that what is missing between them stays missing; never as entry 1, and with a hash
  // that no entry has, so that verification stops here whatever the rest looks like.
  const sequence = Math.max(found.sequence, isPossible ? recorded.sequence : 0, 1);
  return { kind: "broken", end: { sequence, hash: CHAIN_START.hash }, recorded, found };
}

export async function listAfter(
  transaction: ReadTransaction,
  guildId: string,
  { sequence, limit }: { readonly sequence: number; readonly limit: number },
): Promise<AuditEntry[]> {
  return transaction.all<AuditEntry>(
    `SELECT ${AUDIT_COLUMNS} FROM audit_log WHERE guild_id = ? AND sequence > ? ORDER BY sequence LIMIT ?`,
    ...[guildId, sequence, limit],
  );
}

/** What is wrong with the end of a chain whose entries are sound up to `end`; undefined when it is as recorded. */
export async function checkChainEnd(
  transaction: ReadTransaction,
  guildId: string,
  end: ChainEnd,
): Promise<ChainFault | undefined> {
  const recorded = await findChainEnd(transaction, guildId);
  if (recorded.sequence > end.sequence) return { kind: "missing", sequence: end.sequence + 1 };
  if (recorded.sequence === end.sequence && recorded.hash === end.hash) return undefined;
  // Beyond an end that fits the entry it names, entries were added by somebody else: the first of them is to be named.
  const [last, added] = await listAfter(transaction, guildId, { sequence: recorded.sequence - 1, limit: 2 });
  if (added && last?.sequence === recorded.sequence && last.hash === recorded.hash) return alteredFault(added);
  const [newest] = await listAfter(transaction, guildId, { sequence: end.sequence - 1, limit: 1 });
  return newest ? alteredFault(newest) : { kind: "missing", sequence: 1 };
}

/** A chain of a damaged table, and up to where every entry of it can be read and is sound. */
export interface DamagedChain {
  readonly guildId: string;
  readonly lastSequence: number;
  readonly lastHash: string;
}

export interface ChainReader {
  listChains(input: { readonly source: "recorded" | "servers" }): Promise<readonly string[]>;
  verify(input: { readonly guildId: string; readonly end: ChainEnd; readonly limit: number }): Promise<{
    readonly end: ChainEnd;
    readonly isDone: boolean;
  }>;
}

const INSPECTION_STEP = 500;

/**
 * How far each chain is sound. Done before the tables are set aside, by reads: SQLite refuses to commit a transaction that
 * has met damage. Throws when the database as a whole cannot be read.
 */
export async function inspectChains(reader: ChainReader): Promise<DamagedChain[]> {
  // The table of servers is another one: when it can be read, what cannot be read is damaged, and not away.
  const servers = await reader.listChains({ source: "servers" });
  const recorded = await reader.listChains({ source: "recorded" }).catch(() => servers);
  const chains: DamagedChain[] = [];
  for (const guildId of recorded) {
    const { sequence, hash } = await findLastReadable(reader, guildId);
    chains.push({ guildId, lastSequence: sequence, lastHash: hash });
  }
  return chains;
}

async function findLastReadable(reader: ChainReader, guildId: string): Promise<ChainEnd> {
  let end = CHAIN_START;
  let limit = INSPECTION_STEP;
  for (;;) {
    try {
      const step = await reader.verify({ guildId, end, limit });
      end = step.end;
      if (step.isDone) return end;
    } catch {
      await reader.listChains({ source: "servers" });
      if (limit === 1) return end;
      // The damage is somewhere among these: one by one up to it.
      limit = 1;
    }
  }
}

/**
 * Sets the audit tables aside under other names, which touches none of their pages, and puts empty ones in their place.
 * Returns the name that the log has now; the schema's comparison leaves out what begins with `_backup_`.
 */
export async function preserveAuditTables(transaction: WriteTransaction, at: number): Promise<string> {
  const suffix = `damaged_${new Date(at).toISOString().replace(/[-:.]/g, "")}`;
  // What the migrations made, word for word, whatever version they are at.
  const objects = await transaction.all<{ type: "table" | "index"; name: string; sql: string }>(
    `SELECT type, name, sql FROM sqlite_schema
     WHERE tbl_name IN ('audit_log', 'audit_chain') AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC`,
  );
  for (const { type, name } of objects) {
    // An index keeps its name when its table gets another one, and the new table needs it.
    await transaction.run(
      type === "table" ? `ALTER TABLE ${name} RENAME TO "_backup_${name}_${suffix}"` : `DROP INDEX ${name}`,
    );
  }
  for (const { sql } of objects) await transaction.run(sql);
  return `_backup_audit_log_${suffix}`;
}
