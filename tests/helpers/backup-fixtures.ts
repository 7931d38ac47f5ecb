import type { SnapshotManifest } from "../../src/database/backup/snapshot-manifest.ts";
import type { ArchiveStatus } from "../../src/database/sqlite/wal-archive.ts";

let count = 0;

/** The manifest of a backup that nobody has made. */
export function createManifest(changes: Partial<SnapshotManifest> = {}): SnapshotManifest {
  return {
    ...{ format: "muster-snapshot-1", id: (++count).toString(16).padStart(8, "0"), createdAt: 0, reason: "manual" },
    ...{ comment: "", databaseBytes: 4096, storedBytes: 100, contentSha256: "0".repeat(64) },
    ...{ storedSha256: "0".repeat(64), rows: {}, schemaVersion: 1, sqliteVersion: "3.53.0", pageSize: 4096 },
    ...{ compression: "none", encryption: null, archive: null, verifiedAt: 0, checks: [] },
    ...{ foreignKeyViolations: 0, damage: null, ...changes },
  };
}

/** An archive in this generation that has everything. */
export function createArchiveStatus(generation: string, changes: Partial<ArchiveStatus> = {}): ArchiveStatus {
  return {
    ...{ generation, segment: 1, offset: 32, at: 0, archivedUntil: undefined, pendingSince: undefined },
    ...{ pendingMs: 0, gap: undefined, lastError: undefined, ...changes },
  };
}

/** The part of a manifest that says which generation it starts. */
export function startOf(generation: string): Pick<SnapshotManifest, "archive"> {
  const position = { generation, segment: 1, offset: 32 };
  return { archive: { from: position, until: position } };
}
