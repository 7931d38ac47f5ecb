import { z } from "zod";
import {
  defineRead,
  defineWrite,
  type OperationContext,
  type ReadTransaction,
  type SqlValue,
  type WriteTransaction,
} from "../database/operation.ts";
import {
  AUDIT_COLUMNS,
  auditHash,
  CHAIN_START,
  checkChainEnd,
  findChainPlace,
  listAfter,
  preserveAuditTables,
  verifyEntries,
  type AuditEntry,
  type AuditOutcome,
  type ChainEnd,
  type ChainFault,
  type DamagedChain,
} from "./audit-chain.ts";
import { actorId, guildAudit, limit, moment, snowflake, SYSTEM_ACTOR, text, ulid } from "./inputs.ts";

/** A guild's chain, or with the empty id the system's own. */
const chainId = z.union([snowflake, z.literal("")]);
export const SYSTEM_CHAIN = "";

/** What the entries of all chains depend on besides their own chain. */
const ALL_CHAINS = "audit";

export interface NewAuditEntry {
  readonly guildId: string;
  readonly actorId: string;
  /** What was done, as `noun.verb`: `event.create`, `flag.set`. */
  readonly action: string;
  /** What it was done to: an id, or a flag's name with its subject. */
  readonly target: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly outcome?: AuditOutcome;
}

/** Appends an entry to its chain, in the transaction of the change that it tells of: one does not exist without the other. */
export async function appendAuditEntry(
  transaction: WriteTransaction,
  entry: NewAuditEntry,
  context: OperationContext,
): Promise<AuditEntry> {
  const { guildId } = entry;
  const place = await findChainPlace(transaction, guildId);
  if (place.kind === "continued") return insertAfter(transaction, place.end, { entry, context });
  const { recorded, found } = place;
  const note = {
    ...{ guildId, actorId: SYSTEM_ACTOR, action: "audit.chain-break", target: "audit_chain" },
    details: { recorded, found },
    outcome: "failure",
  } as const;
  const noteContext = { ...context, operationId: `${context.operationId}-break` };
  const { sequence, hash } = await insertAfter(transaction, place.end, { entry: note, context: noteContext });
  return insertAfter(transaction, { sequence, hash }, { entry, context });
}

async function insertAfter(
  transaction: WriteTransaction,
  end: ChainEnd,
  { entry: content, context }: { readonly entry: NewAuditEntry; readonly context: OperationContext },
): Promise<AuditEntry> {
  const { guildId, actorId, action, target, details = {}, outcome = "success" } = content;
  const unsigned = {
    guildId,
    sequence: end.sequence + 1,
    id: context.operationId,
    at: context.requestedAt,
    actorId,
    action,
    target,
    details: JSON.stringify(details),
    outcome,
    previousHash: end.hash,
  };
  const entry: AuditEntry = { ...unsigned, hash: auditHash(unsigned) };
  await transaction.run(
    `INSERT INTO audit_log (guild_id, sequence, id, at, actor_id, action, target, details, outcome, previous_hash, hash)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[entry.guildId, entry.sequence, entry.id, entry.at, entry.actorId, entry.action],
    ...[entry.target, entry.details, entry.outcome, entry.previousHash, entry.hash],
  );
  await transaction.run(
    `INSERT INTO audit_chain (guild_id, last_sequence, last_hash, updated_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (guild_id) DO UPDATE
     SET last_sequence = excluded.last_sequence, last_hash = excluded.last_hash, updated_at = excluded.updated_at`,
    ...[guildId, entry.sequence, entry.hash, context.requestedAt],
  );
  return entry;
}

/** Once for an id: the entry that has it already is the answer. */
async function appendOnce(
  transaction: WriteTransaction,
  entry: NewAuditEntry,
  context: OperationContext,
): Promise<AuditEntry> {
  const sql = `SELECT ${AUDIT_COLUMNS} FROM audit_log WHERE id = ?`;
  const existing = await transaction.get<AuditEntry>(sql, context.operationId);
  return existing ?? appendAuditEntry(transaction, entry, context);
}

const newEntry = z.object({
  guildId: chainId,
  actorId,
  action: text(100).min(1),
  target: text(200),
  details: z.record(z.string(), z.json()).default({}),
  outcome: z.enum(["success", "failure"]).default("success"),
});

/** An entry with the id and the time that it got when it was recorded, and keeps wherever it waits. */
export const recordedEntry = newEntry.extend({ id: ulid, at: moment });
export type RecordedEntry = z.output<typeof recordedEntry>;

/** The most entries of one `audit.appendAll`: a call of some milliseconds. */
export const APPEND_ALL_LIMIT = 100;

export interface ChainRestart {
  /** The name under which the damaged table is kept. */
  readonly table: string;
  /** The first entry of every new chain. */
  readonly entries: readonly AuditEntry[];
}

export interface AuditPage {
  /** Newest first. */
  readonly entries: readonly AuditEntry[];
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
}

const filters = {
  guildId: chainId,
  action: z.string().max(100).optional(),
  actorId: actorId.optional(),
  since: moment.optional(),
  until: moment.optional(),
  text: z.string().max(200).optional(),
};

interface AuditFilter {
  readonly guildId: string;
  readonly action?: string | undefined;
  readonly actorId?: string | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly text?: string | undefined;
}

function filterClause(filter: AuditFilter): { sql: string; parameters: SqlValue[] } {
  const conditions = ["guild_id = ?"];
  const parameters: SqlValue[] = [filter.guildId];
  const add = (condition: string, ...values: SqlValue[]): void => {
    conditions.push(condition);
    parameters.push(...values);
  };
  if (filter.action !== undefined) add("action = ?", filter.action);
  if (filter.actorId !== undefined) add("actor_id = ?", filter.actorId);
  if (filter.since !== undefined) add("at >= ?", filter.since);
  if (filter.until !== undefined) add("at <= ?", filter.until);
  if (filter.text !== undefined) {
    const pattern = `%${filter.text.replace(/[\\%_]/g, "\\$&")}%`;
    add(
      "(target LIKE ? ESCAPE '\\' OR details LIKE ? ESCAPE '\\' OR action LIKE ? ESCAPE '\\')",
      pattern,
      pattern,
      pattern,
    );
  }
  return { sql: conditions.join(" AND "), parameters };
}

/**
 * Where a page begins. Pages are in the order of time, in which every index of the table is: entries that waited in a
 * queue have an earlier time than their number in the chain suggests, and a search by number would have to sort or to
 * scan whenever it is filtered by time.
 */
interface Position {
  readonly at: number;
  readonly sequence: number;
}

/** The entry itself, or when it is missing the next one on its near side, so that nothing is left out. */
async function findPosition(
  transaction: ReadTransaction,
  guildId: string,
  sequence: number,
  isOlder: boolean,
): Promise<Position | undefined> {
  return transaction.get<Position>(
    `SELECT at, sequence FROM audit_log WHERE guild_id = ? AND sequence ${isOlder ? ">=" : "<="} ?
     ORDER BY sequence ${isOlder ? "ASC" : "DESC"} LIMIT 1`,
    ...[guildId, sequence],
  );
}

async function listPage(
  transaction: ReadTransaction,
  filter: AuditFilter,
  { position, isOlder, limit }: { position: Position | undefined; isOlder: boolean; limit: number },
): Promise<AuditEntry[]> {
  // The position bounds the time on one side already. Said twice, the wider bound could be the one that the index is
  // searched by, and every page would walk over all the pages before it.
  const { since, until, ...others } = filter;
  const { sql, parameters } = filterClause({
    ...others,
    since: position && !isOlder && since !== undefined && since <= position.at ? undefined : since,
    until: position && isOlder && until !== undefined && until >= position.at ? undefined : until,
  });
  const order = isOlder ? "DESC" : "ASC";
  return transaction.all<AuditEntry>(
    `SELECT ${AUDIT_COLUMNS} FROM audit_log WHERE ${sql} ${position ? `AND (at, sequence) ${isOlder ? "<" : ">"} (?, ?)` : ""}
     ORDER BY at ${order}, sequence ${order} LIMIT ?`,
    ...[...parameters, ...(position ? [position.at, position.sequence] : []), limit],
  );
}

export const auditOperations = {
  /**
   * Records something that changes no data of ours: an export, a backup, a refused attempt. Once for an id: given again,
   * the entry that has it is the answer. Refused while the database is away: `AuditLog` keeps what must not be lost.
   */
  append: defineWrite({
    input: recordedEntry.partial({ id: true, at: true }),
    touches: ({ guildId }) => [guildAudit(guildId)],
    whenAway: "refuse",
    async run(transaction, { id, at, ...entry }, context): Promise<AuditEntry> {
      if (id === undefined)
        return appendAuditEntry(transaction, entry, { ...context, requestedAt: at ?? context.requestedAt });
      return appendOnce(transaction, entry, { operationId: id, requestedAt: at ?? context.requestedAt });
    },
  }),

  /** Records entries that have waited elsewhere, in order, all of them or none, each once for its id. */
  appendAll: defineWrite({
    input: z.object({ entries: z.array(recordedEntry).min(1).max(APPEND_ALL_LIMIT) }),
    touches: ({ entries }) => [...new Set(entries.map(({ guildId }) => guildAudit(guildId)))],
    whenAway: "refuse",
    async run(transaction, { entries }): Promise<number> {
      for (const { id, at, ...entry } of entries) {
        await appendOnce(transaction, entry, { operationId: id, requestedAt: at });
      }
      return entries.length;
    },
  }),

  /**
   * For tables that cannot be read or written any more: keeps them under another name, and starts every chain anew with
   * an entry that says why, where the old one is and up to where it was sound (`inspectChains`). Throws DATABASE_CORRUPT
   * when the damage is in an index, where even that fails; nothing is changed then.
   */
  preserveDamaged: defineWrite({
    input: z.object({
      reason: text(500).min(1),
      chains: z.array(z.object({ guildId: chainId, lastSequence: z.int().min(0), lastHash: z.string().length(64) })),
    }),
    touches: () => [ALL_CHAINS],
    whenAway: "refuse",
    async run(transaction, { reason, chains }, { operationId, requestedAt }): Promise<ChainRestart> {
      const table = await preserveAuditTables(transaction, requestedAt);
      const system: DamagedChain = {
        guildId: SYSTEM_CHAIN,
        lastSequence: CHAIN_START.sequence,
        lastHash: CHAIN_START.hash,
      };
      // The system's chain tells of it even when it had no entry before.
      const byGuild = new Map([system, ...chains].map((chain) => [chain.guildId, chain]));
      const entries: AuditEntry[] = [];
      for (const { guildId, lastSequence, lastHash } of byGuild.values()) {
        const details = { reason, table, lastSequence, lastHash };
        const restart = { guildId, actorId: SYSTEM_ACTOR, action: "audit.chain-restart", target: table, details };
        const id = `${operationId}-${entries.length}`;
        entries.push(await appendAuditEntry(transaction, restart, { operationId: id, requestedAt }));
      }
      return { table, entries };
    },
  }),

  /** The chains that there are, or the servers that may have one. */
  listChains: defineRead({
    input: z.object({ source: z.enum(["recorded", "servers"]) }),
    touches: () => [],
    async run(transaction, { source }): Promise<string[]> {
      const rows = await transaction.all<{ guildId: string }>(
        source === "recorded" ? "SELECT guild_id AS guildId FROM audit_chain" : "SELECT id AS guildId FROM guild",
      );
      return rows.map(({ guildId }) => guildId);
    },
  }),

  /** A page of entries, newest first by time, on the far side of the entry `sequence` in the direction given. */
  list: defineRead({
    input: z.object({
      ...filters,
      sequence: z.int().min(0).optional(),
      direction: z.enum(["older", "newer"]).default("older"),
      limit: limit(100),
    }),
    touches: ({ guildId }) => [guildAudit(guildId), ALL_CHAINS],
    async run(transaction, input): Promise<AuditPage> {
      const { guildId, sequence, limit } = input;
      const isOlder = input.direction === "older";
      const position = sequence === undefined ? undefined : await findPosition(transaction, guildId, sequence, isOlder);
      const entries = await listPage(transaction, input, { position, isOlder, limit });
      if (!isOlder) entries.reverse();
      const hasMore = async (from: AuditEntry | undefined, isOlder: boolean): Promise<boolean> =>
        from !== undefined && (await listPage(transaction, input, { position: from, isOlder, limit: 1 })).length > 0;
      return {
        entries,
        hasOlder: await hasMore(entries.at(-1), true),
        hasNewer: await hasMore(entries[0], false),
      };
    },
  }),

  /** The distinct actions of a guild, for autocomplete. */
  listActions: defineRead({
    input: z.object({ guildId: chainId }),
    touches: ({ guildId }) => [guildAudit(guildId), ALL_CHAINS],
    async run(transaction, { guildId }): Promise<string[]> {
      // A loose index scan: one seek for each distinct action, however many entries there are.
      const actions: string[] = [];
      for (let action: string | undefined = ""; action !== undefined && actions.length < 100;) {
        const next: { action: string } | undefined = await transaction.get<{ action: string }>(
          "SELECT action FROM audit_log WHERE guild_id = ? AND action > ? ORDER BY action LIMIT 1",
          ...[guildId, action],
        );
        action = next?.action;
        if (action !== undefined) actions.push(action);
      }
      return actions;
    },
  }),

  /**
   * Checks up to `limit` entries after `end`, which the caller hands from call to call, so that a long chain is
   * verified in steps that delay nobody. Done when the chain's recorded end is reached, or at the first fault.
   */
  verify: defineRead({
    input: z.object({
      guildId: chainId,
      end: z.object({ sequence: z.int().min(0), hash: z.string().length(64) }).default(CHAIN_START),
      limit: limit(5_000).default(2_000),
    }),
    touches: ({ guildId }) => [guildAudit(guildId), ALL_CHAINS],
    async run(transaction, input): Promise<{ end: ChainEnd; isDone: boolean; fault?: ChainFault }> {
      const { guildId, limit } = input;
      const entries = await listAfter(transaction, guildId, { sequence: input.end.sequence, limit });
      const { end, fault = undefined } = verifyEntries(entries, input.end);
      if (!fault && entries.length === limit) return { end, isDone: false };
      const first = fault ?? (await checkChainEnd(transaction, guildId, end));
      return { end, isDone: true, ...(first && { fault: first }) };
    },
  }),
};
