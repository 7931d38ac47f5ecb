import type { WriteTransaction } from "../operation.ts";
import type { ExactValue } from "./exact-row.ts";
import { RowMover, type RowsMoved } from "./moved-rows.ts";
import { findKeyAhead, listFaultyRows } from "./row-faults.ts";
import { describeTable, isEvidence, listForeignKeys } from "./table-shape.ts";

export interface DamagedRowsMoved extends RowsMoved {
  /** Where the next call goes on; null when the table has been looked through. */
  readonly after: readonly ExactValue[] | null;
}

const NOTHING: DamagedRowsMoved = { movedByTable: {}, movedCount: 0, isDone: true, after: null };

/**
 * Moves the rows that break a rule of their own table: looks at `scanLimit` rows, and moves at most `limit`. A table
 * that is evidence, or is not there, is left alone.
 */
export async function moveDamagedRows(
  transaction: WriteTransaction,
  table: string,
  options: {
    readonly after: readonly ExactValue[] | undefined;
    readonly scanLimit: number;
    readonly limit: number;
    readonly foundAt: number;
  },
): Promise<DamagedRowsMoved> {
  const { after, scanLimit, limit, foundAt } = options;
  const shape = await describeTable(transaction, table);
  if (!shape || isEvidence(shape.name)) return NOTHING;
  const to = await findKeyAhead(transaction, shape, { after, count: scanLimit });
  // One more than fits, to know whether any is left.
  const faulty = await listFaultyRows(transaction, shape, { range: { after, to }, limit: limit + 1 });
  const mover = new RowMover(transaction, {
    foreignKeys: faulty.length > 0 ? await listForeignKeys(transaction) : [],
    limit,
    foundAt,
    dependentReason: "depends on a row that breaks a rule of its table",
  });
  for (const { row, reason } of faulty) await mover.add(row, reason);
  const moved = await mover.move();
  // The same part again, until nothing is left in it.
  return { ...moved, after: (moved.isDone ? to : after) ?? null, isDone: moved.isDone && to === undefined };
}
