import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { createDamage } from "./backup-errors.ts";
import { suffixOf } from "./stored-file.ts";

/**
 * A snapshot is a data file and its manifest: `backups/snapshots/<time>-<id>.db[.zst][.enc]` and `<time>-<id>.json`. The
 * manifest is put in place last, durably: it is what makes the snapshot exist. It carries a checksum over itself.
 */

export const SNAPSHOT_REASONS = [
  "manual",
  "schedule",
  "start",
  "before-migration",
  "before-restore",
  "new-generation",
] as const;
export type SnapshotReason = (typeof SNAPSHOT_REASONS)[number];

export const COMMENT_LIMIT = 200;

const count = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** A place in the archive: so many bytes of a segment of a generation. */
const archivePosition = z.strictObject({ generation: z.string().min(1), segment: count, offset: count });
/** A place in the -wal file, by both salts of its life. */
const walPosition = z.strictObject({ salts: z.string().regex(/^[0-9a-f]{16}$/), offset: count });

const manifestSchema = z.strictObject({
  format: z.literal("muster-snapshot-1"),
  /** 8 hexadecimal digits. */
  id: z.string().regex(/^[0-9a-f]{8}$/),
  /** Not before the state that it holds began, not after it ended. */
  createdAt: count,
  reason: z.enum(SNAPSHOT_REASONS),
  comment: z.string().max(COMMENT_LIMIT),
  databaseBytes: count,
  storedBytes: count,
  contentSha256: sha256,
  storedSha256: sha256,
  /** Rows by table. */
  rows: z.record(z.string(), count),
  /** 0 = a database without versions. */
  schemaVersion: count,
  sqliteVersion: z.string(),
  pageSize: count,
  compression: z.enum(["none", "zstd"]),
  encryption: z
    .strictObject({
      algorithm: z.literal("aes-256-gcm"),
      chunkBytes: count,
      kdf: z.strictObject({
        name: z.literal("scrypt"),
        cost: count,
        blockSize: count,
        parallelism: count,
        salt: z.string().regex(/^[0-9a-f]{32}$/),
      }),
    })
    .nullable(),
  /** Applying all archived frames after `from` gives the exact state of every moment from `until` on. */
  archive: z.strictObject({ from: archivePosition, until: z.union([walPosition, archivePosition]) }).nullable(),
  /** When all checks last went well. */
  verifiedAt: count,
  checks: z.array(z.string()),
  /** Rows that refer to nothing: a fault of the data, which the snapshot has as it was. */
  foreignKeyViolations: count,
  /** What a later verification found; such a snapshot counts for nothing until it is verified again. */
  damage: z.strictObject({ foundAt: count, message: z.string() }).nullable(),
});

export type SnapshotManifest = Readonly<z.infer<typeof manifestSchema>>;
export type WalPosition = Readonly<z.infer<typeof walPosition>>;
export type SnapshotArchive = SnapshotManifest["archive"];

/** Members always in the schema's order, rows by name. */
export function formatManifest(manifest: SnapshotManifest): string {
  const rows = Object.fromEntries(Object.entries(manifest.rows).sort(([a], [b]) => (a < b ? -1 : 1)));
  const ordered = manifestSchema.parse({ ...manifest, rows });
  return `${JSON.stringify({ ...ordered, checksum: checksumOf(ordered) }, undefined, 2)}\n`;
}

/** Throws BACKUP_DAMAGED unless every member is as it was written. `name` is for the message. */
export function parseManifest(text: string, name: string): SnapshotManifest {
  const activity = `read the manifest ${name}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw createDamage(`${activity}: it is not JSON`, cause);
  }
  if (typeof value !== "object" || value === null || !("checksum" in value)) {
    throw createDamage(`${activity}: it has no checksum`);
  }
  const { checksum, ...members } = value;
  if (checksum !== checksumOf(members)) throw createDamage(`${activity}: it was changed, its checksum says`);
  const parsed = manifestSchema.safeParse(members);
  if (!parsed.success) {
    throw createDamage(`${activity}: it is not of a form that this program knows: ${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}

function checksumOf(members: object): string {
  return createHash("sha256").update(JSON.stringify(members)).digest("hex");
}

export function snapshotFolderOf(backupFolder: string): string {
  return join(backupFolder, "snapshots");
}

/** `20261120T140509Z-1a2b3c4d` */
export function snapshotNameOf({ createdAt, id }: Pick<SnapshotManifest, "createdAt" | "id">): string {
  return `${formatFileTime(createdAt)}-${id}`;
}

/** UTC, to the second, without colons, which not every file system takes: `20261120T140509Z`. */
export function formatFileTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
}

/** Name of the data file. */
export function dataFileNameOf(
  snapshot: Pick<SnapshotManifest, "createdAt" | "id" | "compression"> & { readonly encryption: object | null },
): string {
  const { compression, encryption } = snapshot;
  return `${snapshotNameOf(snapshot)}.db${suffixOf({ compression, isEncrypted: encryption !== null })}`;
}

export function manifestFileNameOf(snapshot: Pick<SnapshotManifest, "createdAt" | "id">): string {
  return `${snapshotNameOf(snapshot)}.json`;
}

/** The snapshot's name and which of its files it is, by the file's name; undefined for any other file. */
export function parseSnapshotFileName(
  file: string,
): { readonly name: string; readonly id: string; readonly kind: "data" | "manifest" } | undefined {
  const match = /^(\d{8}T\d{6}Z-([0-9a-f]{8}))\.(json|db(?:\.zst)?(?:\.enc)?)$/.exec(file);
  return match ? { name: match[1]!, id: match[2]!, kind: match[3] === "json" ? "manifest" : "data" } : undefined;
}
