import { appendFileSync } from "node:fs";
import type { TortureFindings, TortureTally } from "./torture-process.ts";

export interface TortureRow {
  readonly fault: string;
  readonly rounds: number;
  readonly tally: TortureTally;
  readonly findings: TortureFindings;
  /** Of each round. */
  readonly normalAfterSeconds?: readonly number[];
}

/**
 * The goal is 50 ms, on a machine that does nothing else. On one that shares its two cores with other work a thread may
 * wait for its turn longer than that; a main thread that waits for a lock, a disk or a restore waits for seconds.
 */
export const STALL_LIMIT_MS = 600;

/** One line of the table that a torture run ends with; also to the file that TORTURE_REPORT names. */
export function reportTorture({ fault, rounds, tally, findings, normalAfterSeconds = [] }: TortureRow): void {
  const slowest = normalAfterSeconds.length === 0 ? "–" : Math.max(...normalAfterSeconds).toFixed(1);
  const cells = [
    fault,
    `${rounds} rounds`,
    `${tally.acknowledged.size} acknowledged (${tally.queuedCount} queued)`,
    `${findings.lost.length} lost, ${findings.doubled.length} doubled, ${String(findings.integrity)}`,
    `stall ${tally.longestStallMs.toFixed(0)} ms`,
    `normal after ${slowest} s`,
    `refused ${describeCounts(tally.refusedByCode)}`,
    `reads ${tally.readCount}, failed ${describeCounts(tally.failedReadsByCode)}`,
    `states ${[...tally.states].join(" ")}`,
  ];
  const line = `${cells.join(" | ")}\n`;
  process.stderr.write(line);
  if (process.env.TORTURE_REPORT !== undefined) appendFileSync(process.env.TORTURE_REPORT, line);
}

function describeCounts(counts: ReadonlyMap<string, number>): string {
  return counts.size === 0 ? "0" : [...counts].map(([code, count]) => `${count} ${code}`).join(", ");
}
