import type { ArchiveStatus } from "../sqlite/wal-archive.ts";

/** What people have to know of the archive. */
export type ArchiveEvent =
  /** Something was missing, so a new generation began; until it has a backup, only the former ones can be restored from. */
  | { readonly kind: "archive-gap"; readonly generation: string; readonly reason: string }
  | { readonly kind: "archive-behind"; readonly lagMs: number; readonly error: string | undefined }
  | { readonly kind: "archive-recovered" };

/** Several times what a slow disk needs. */
const LAG_LIMIT_MS = 15_000;

/** `intervalMs`: how long a commit may wait at all. */
export function isArchiveBehind(lagMs: number, intervalMs: number): boolean {
  return lagMs > intervalMs + LAG_LIMIT_MS;
}

/** Tells of a gap and of an archive that does not follow, once each, and when it follows again. */
export class ArchiveWatch {
  #generation: string | undefined;
  #isBehind = false;

  /** `intervalMs` as for `isArchiveBehind`. */
  look(status: ArchiveStatus | undefined, intervalMs: number): ArchiveEvent[] {
    if (!status) return [];
    const events: ArchiveEvent[] = [];
    if (status.generation !== "" && status.generation !== this.#generation) {
      this.#generation = status.generation;
      // One that was taken up has no gap.
      if (status.gap !== undefined) {
        events.push({ kind: "archive-gap", generation: status.generation, reason: status.gap });
      }
    }
    const { pendingMs: lagMs, lastError } = status;
    // A thread that was started anew counts anew: as long as it fails, nothing has recovered.
    const isBehind = isArchiveBehind(lagMs, intervalMs) || (this.#isBehind && lastError !== undefined);
    if (isBehind && !this.#isBehind) events.push({ kind: "archive-behind", lagMs, error: lastError });
    if (!isBehind && this.#isBehind) events.push({ kind: "archive-recovered" });
    this.#isBehind = isBehind;
    return events;
  }
}
