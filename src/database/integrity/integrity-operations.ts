import { z } from "zod";
import { EVERYTHING, defineRead, defineWrite, type OperationGroups } from "../operation.ts";
import { moveDamagedRows, type DamagedRowsMoved } from "./damaged-rows.ts";
import {
  listDuplicateGroups,
  resolveDuplicateRows,
  type DuplicateGroup,
  type DuplicatesResolved,
} from "./duplicates.ts";
import type { RowsMoved } from "./moved-rows.ts";
import { moveOrphans } from "./orphans.ts";
import { listQuarantined, type QuarantinedRow } from "./quarantine.ts";
import { rebuildIndexes } from "./rebuild.ts";

/**
 * What the database layer itself asks of any database: a data module merges this group into its own under the name
 * `integrity`. Nothing here knows a table; everything is read from the schema.
 */

const name = z.string().min(1).max(1_000);
const names = z.array(name).max(1_000);

const exactValue = z.discriminatedUnion("type", [
  z.object({ type: z.literal("null") }),
  z.object({ type: z.literal("integer"), digits: z.string() }),
  z.object({ type: z.literal("real"), value: z.number() }),
  z.object({ type: z.enum(["text", "blob"]), hex: z.string() }),
]);

/** Cached things have names that only the program knows: after rows were moved, its whole cache has to go. */
const NOT_CACHED = (): readonly string[] => [];

export interface ForeignKeyViolation {
  readonly table: string;
  /** Null in a table without rowid. */
  readonly rowid: number | null;
  readonly parent: string;
}

export const integrityOperations = {
  /** The lines of `PRAGMA quick_check`: `["ok"]`, or what is wrong. Half a second for a gigabyte. */
  quickCheck: defineRead({
    input: z.object({ limit: z.int().min(1).max(1_000).default(100) }),
    touches: NOT_CACHED,
    async run(transaction, { limit }): Promise<string[]> {
      const rows = await transaction.all<{ quick_check: string }>(`PRAGMA quick_check(${limit})`);
      return rows.map(({ quick_check }) => quick_check);
    },
  }),

  /** Rows that refer to nothing, as SQLite finds them: by its indexes, which may themselves be damaged. */
  listForeignKeyViolations: defineRead({
    input: z.object({ limit: z.int().min(1).max(10_000).default(100) }),
    touches: NOT_CACHED,
    async run(transaction, { limit }): Promise<ForeignKeyViolation[]> {
      return transaction.all('SELECT "table", rowid, parent FROM pragma_foreign_key_check LIMIT ?', limit);
    },
  }),

  /** Moves orphans, and what depends on them, to the quarantine: at most `limit` rows a call, until `isDone`. */
  quarantineOrphans: defineWrite({
    input: z.object({ tables: names.optional(), limit: z.int().min(1).max(10_000).default(200) }),
    touches: () => [EVERYTHING],
    whenAway: "refuse",
    async run(transaction, { tables, limit }, { requestedAt }): Promise<RowsMoved> {
      return moveOrphans(transaction, { tables, limit, foundAt: requestedAt });
    },
  }),

  /**
   * Moves rows of a table that break its own rules (NOT NULL, the types of STRICT, CHECK), and what depends on them, to the
   * quarantine. Looks at `scanLimit` rows a call; hand `after` back until `isDone`.
   */
  quarantineDamaged: defineWrite({
    input: z.object({
      table: name,
      after: z.array(exactValue).nullish(),
      scanLimit: z.int().min(1).max(100_000).default(5_000),
      limit: z.int().min(1).max(10_000).default(200),
    }),
    touches: () => [EVERYTHING],
    whenAway: "refuse",
    async run(transaction, { table, after, scanLimit, limit }, { requestedAt }): Promise<DamagedRowsMoved> {
      return moveDamagedRows(transaction, table, { after: after ?? undefined, scanLimit, limit, foundAt: requestedAt });
    },
  }),

  /** Builds indexes anew from their tables, which changes no row; returns their names. See `rebuildIndexes`. */
  rebuildIndexes: defineWrite({
    input: z.object({ indexes: names.default([]), tables: names.default([]) }),
    touches: () => [EVERYTHING],
    whenAway: "refuse",
    async run(transaction, input): Promise<string[]> {
      return rebuildIndexes(transaction, input);
    },
  }),

  /** Unique indexes under which the tables hold equal rows. Reads the tables whole. */
  listDuplicates: defineRead({
    input: z.object({ indexes: names.optional(), limit: z.int().min(1).max(10_000).default(100) }),
    touches: NOT_CACHED,
    async run(transaction, { indexes, limit }): Promise<DuplicateGroup[]> {
      return listDuplicateGroups(transaction, { indexes, limit });
    },
  }),

  /**
   * Keeps the newest of equal rows and moves the others to the quarantine, at most `limit` a call, until `isDone`; then the
   * tables' indexes are built anew. What no call can do in parts: a look at a whole table, and the building of an index,
   * each about half a second for a million rows.
   */
  resolveDuplicates: defineWrite({
    input: z.object({ indexes: names.min(1), limit: z.int().min(1).max(10_000).default(500) }),
    touches: () => [EVERYTHING],
    whenAway: "refuse",
    async run(transaction, { indexes, limit }, { requestedAt }): Promise<DuplicatesResolved> {
      return resolveDuplicateRows(transaction, { indexes, limit, foundAt: requestedAt });
    },
  }),

  /** The quarantine, oldest first; hand the last id back for the next page. */
  listQuarantine: defineRead({
    input: z.object({ afterId: z.int().min(0).default(0), limit: z.int().min(1).max(500).default(100) }),
    touches: NOT_CACHED,
    async run(transaction, input): Promise<QuarantinedRow[]> {
      return listQuarantined(transaction, input);
    },
  }),
} satisfies OperationGroups[string];
