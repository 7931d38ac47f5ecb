import type { Row } from "../harness.ts";
import { archiveRow } from "./archive.ts";
import { backupRow, restoreRow } from "./backup.ts";
import { growthRow } from "./growth.ts";
import { interactionsRow } from "./interactions.ts";
import { memoryRow } from "./memory.ts";
import { observersRow } from "./observers.ts";
import { readsRow } from "./reads.ts";
import { stallsRow } from "./stalls.ts";
import { startRow } from "./start.ts";
import { loneWritesRow, slowDiskLoneWritesRow, slowDiskWritesRow, writesRow } from "./writes.ts";

/** In the order in which they run and are shown. */
export const allRows: readonly Row[] = [
  ...[writesRow, loneWritesRow, slowDiskWritesRow, slowDiskLoneWritesRow],
  ...[readsRow, stallsRow, interactionsRow, startRow],
  ...[backupRow, restoreRow, archiveRow, growthRow, memoryRow, observersRow],
];
