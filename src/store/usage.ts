import { z } from "zod";
import { defineRead, defineWrite, type ReadTransaction, type SqlValue } from "../database/operation.ts";
import { limit, moment, snowflake, text, ulid } from "./inputs.ts";
import type { CommandUsage, UsageDay, UsageReport } from "./usage-report.ts";

/** Use of commands: how often, how long, with what outcome. Never by whom. */

export const USAGE_OUTCOMES = ["answered", "refused", "failed", "queued"] as const;
export type UsageOutcome = (typeof USAGE_OUTCOMES)[number];

/** One command that was answered. */
export interface UsageEntry {
  readonly id: string;
  readonly guildId: string;
  /** With its subcommand: `event create`. */
  readonly command: string;
  readonly at: number;
  readonly durationMs: number;
  readonly outcome: UsageOutcome;
}

export const MAX_USAGE_ENTRIES = 500;
const DAY_MS = 86_400_000;
const MAX_RANGE_MS = 400 * DAY_MS;
/** As many as `METRICS_RETENTION_DAYS` allows. */
const MAX_KEEP_DAYS = 3_650;
/** The clocks of every zone are a multiple of this apart from UTC, so that no slot lies in two days. */
const SLOT_MS = 900_000;

const ALL_GUILDS = "usage";
/** Depends on what is deleted for its age, in whatever server. */
const PRUNED_USAGE = "usage:pruned";
const guildUsage = (guildId: string | undefined): string =>
  guildId === undefined ? ALL_GUILDS : `${ALL_GUILDS}:${guildId}`;

const entry = z.object({
  id: ulid,
  guildId: snowflake,
  command: text(70).min(1),
  at: moment,
  durationMs: z.int().min(0),
  outcome: z.enum(USAGE_OUTCOMES),
});

const reportInput = z
  .object({
    from: moment,
    /** Exclusive. */
    to: moment,
    /** Default: all servers. */
    guildId: snowflake.optional(),
    /** In which days are counted, an IANA name. */
    timeZone: text(64).refine(isTimeZone, "the name of a time zone").default("UTC"),
  })
  .refine(({ from, to }) => to >= from && to - from <= MAX_RANGE_MS, "a range of at most 400 days, from before to");

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

interface Counts {
  readonly count: number;
  readonly failed: number;
  readonly refused: number;
  readonly queued: number;
}

export const usageOperations = {
  /** Several at once; one that is recorded already stays as it is. */
  record: defineWrite({
    input: z.object({ entries: z.array(entry).min(1).max(MAX_USAGE_ENTRIES) }),
    touches: ({ entries }) => [ALL_GUILDS, ...new Set(entries.map(({ guildId }) => guildUsage(guildId)))],
    whenAway: { queue: "LOW" },
    async run(transaction, { entries }): Promise<void> {
      for (const { id, guildId, command, at, durationMs, outcome } of entries) {
        await transaction.run(
          `INSERT INTO command_usage (id, guild_id, command, at, duration_ms, outcome) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (id) DO NOTHING`,
          ...[id, guildId, command, at, durationMs, outcome],
        );
      }
    },
  }),

  /** Use between two moments, by day and by command. */
  report: defineRead({
    input: reportInput,
    touches: ({ guildId }) => [guildUsage(guildId), PRUNED_USAGE],
    async run(transaction, { from, to, guildId, timeZone }): Promise<UsageReport> {
      const [where, parameters]: [string, SqlValue[]] =
        guildId === undefined
          ? ["at >= ? AND at < ?", [from, to]]
          : ["guild_id = ? AND at >= ? AND at < ?", [guildId, from, to]];
      const slots = await listSlots(transaction, where, parameters);
      const byCommand = await listCommands(transaction, where, parameters);
      return {
        ...{ from, to },
        total: sum(slots, "count"),
        failed: sum(slots, "failed"),
        refused: sum(slots, "refused"),
        queued: sum(slots, "queued"),
        byDay: groupByDay(slots, timeZone),
        byCommand,
      };
    },
  }),

  /**
   * Deletes the oldest records from before a moment, and says how many. Those of the newest `keepDays` days (UTC) that
   * have any stay: with a clock that is far ahead, all would be from before.
   */
  prune: defineWrite({
    input: z.object({ before: moment, keepDays: z.int().min(1).max(MAX_KEEP_DAYS), limit: limit(5_000) }),
    touches: () => [PRUNED_USAGE],
    whenAway: "refuse",
    async run(transaction, { before, keepDays, limit }): Promise<number> {
      const end = Math.min(before, await findFirstKept(transaction, keepDays));
      const { changes } = await transaction.run(
        "DELETE FROM command_usage WHERE id IN (SELECT id FROM command_usage WHERE at < ? ORDER BY at LIMIT ?)",
        ...[end, limit],
      );
      return changes;
    },
  }),
};

/** When the newest days that have records begin: one look into the index for each. */
async function findFirstKept(transaction: ReadTransaction, keepDays: number): Promise<number> {
  let firstKept = Number.MAX_SAFE_INTEGER;
  for (let count = 0; count < keepDays; count++) {
    const newest = await transaction.get<{ at: number | null }>(
      "SELECT max(at) AS at FROM command_usage WHERE at < ?",
      firstKept,
    );
    if (typeof newest?.at !== "number") break;
    firstKept = newest.at - (newest.at % DAY_MS);
  }
  return firstKept;
}

type Slot = Counts & { readonly slot: number };

/** SQL knows no time zones: it counts quarters of hours, in order, and the days are made of them. */
function listSlots(transaction: ReadTransaction, where: string, parameters: readonly SqlValue[]): Promise<Slot[]> {
  return transaction.all<Slot>(
    `SELECT at / ${SLOT_MS} AS slot, count(*) AS count,
       sum(CASE WHEN outcome = 'failed' THEN 1 ELSE 0 END) AS failed,
       sum(CASE WHEN outcome = 'refused' THEN 1 ELSE 0 END) AS refused,
       sum(CASE WHEN outcome = 'queued' THEN 1 ELSE 0 END) AS queued
     FROM command_usage WHERE ${where} GROUP BY at / ${SLOT_MS} ORDER BY slot`,
    ...parameters,
  );
}

function listCommands(
  transaction: ReadTransaction,
  where: string,
  parameters: readonly SqlValue[],
): Promise<CommandUsage[]> {
  return transaction.all<CommandUsage>(
    `SELECT command, count(*) AS count, sum(CASE WHEN outcome = 'failed' THEN 1 ELSE 0 END) AS failed,
       avg(duration_ms) AS "averageMs", max(duration_ms) AS "maxMs"
     FROM command_usage WHERE ${where} GROUP BY command ORDER BY count DESC, command`,
    ...parameters,
  );
}

/** Days in the zone, YYYY-MM-DD, oldest first. */
export function groupByDay(slots: readonly Slot[], timeZone: string): UsageDay[] {
  const format = new Intl.DateTimeFormat("en-CA", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
  const days = Map.groupBy(slots, ({ slot }) => format.format(slot * SLOT_MS));
  return [...days].map(([day, ofDay]) => ({ day, count: sum(ofDay, "count"), failed: sum(ofDay, "failed") }));
}

function sum(rows: readonly Counts[], figure: keyof Counts): number {
  return rows.reduce((total, row) => total + row[figure], 0);
}
