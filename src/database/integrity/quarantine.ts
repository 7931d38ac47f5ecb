import type { ReadTransaction, WriteTransaction } from "../operation.ts";
import { toRowJson, type ExactRow } from "./exact-row.ts";

/** A row that was taken out of its table because it contradicts the rest. */
export interface QuarantinedRow {
  readonly id: number;
  readonly tableName: string;
  /** See `toRowJson`. */
  readonly rowJson: string;
  readonly reason: string;
  /** Epoch milliseconds. */
  readonly foundAt: number;
}

export async function copyToQuarantine(
  transaction: WriteTransaction,
  row: ExactRow,
  { reason, foundAt }: Pick<QuarantinedRow, "reason" | "foundAt">,
): Promise<void> {
  await transaction.run(
    "INSERT INTO quarantine (table_name, row_json, reason, found_at) VALUES (?, ?, ?, ?)",
    ...[row.shape.name, toRowJson(row), reason, foundAt],
  );
}

/** Oldest first, after the row with the id given. */
export async function listQuarantined(
  transaction: ReadTransaction,
  { afterId, limit }: { readonly afterId: number; readonly limit: number },
): Promise<QuarantinedRow[]> {
  return transaction.all<QuarantinedRow>(
    `SELECT id, table_name AS tableName, row_json AS rowJson, reason, found_at AS foundAt
     FROM quarantine WHERE id > ? ORDER BY id LIMIT ?`,
    ...[afterId, limit],
  );
}
