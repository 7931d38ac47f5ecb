/** What `shim.c` writes: one record for each change, in the order in which they happened. */

const MAGIC = 0x544c5750;
const HEADER_BYTES = 48;

export type JournalRecord =
  | { readonly kind: "create"; readonly inode: bigint; readonly path: string }
  | { readonly kind: "write"; readonly inode: bigint; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly inode: bigint; readonly length: number }
  /** The file's content is durable. */
  | { readonly kind: "sync"; readonly inode: bigint }
  /** The names in the folder are durable. */
  | { readonly kind: "sync-folder"; readonly path: string }
  | { readonly kind: "rename" | "link"; readonly path: string; readonly target: string }
  | { readonly kind: "unlink" | "make-folder" | "remove-folder"; readonly path: string }
  /** Told to its parent by the process whose disk this is, before power was cut here or anywhere behind. */
  | { readonly kind: "note"; readonly text: string };

/**
 * The journal of a process that was killed may end with a part of a record, and notes behind it: what comes from there
 * on is as if power had been cut before. Throws for what the library could not note.
 */
export function parseJournal(content: Buffer): JournalRecord[] {
  const records: JournalRecord[] = [];
  for (let start = 0; start + HEADER_BYTES <= content.length && content.readUInt32LE(start) === MAGIC;) {
    const pathEnd = start + HEADER_BYTES + content.readUInt32LE(start + 32);
    const targetEnd = pathEnd + content.readUInt32LE(start + 36);
    const end = targetEnd + Number(content.readBigUInt64LE(start + 40));
    if (end > content.length) break;
    const path = content.toString("utf8", start + HEADER_BYTES, pathEnd);
    const target = content.toString("utf8", pathEnd, targetEnd);
    const kind = String.fromCharCode(content.readUInt32LE(start + 4));
    const inode = content.readBigUInt64LE(start + 8);
    const offset = Number(content.readBigUInt64LE(start + 16));
    records.push(toRecord(kind, { inode, offset, path, target, bytes: content.subarray(targetEnd, end) }));
    start = end;
  }
  return records;
}

interface Fields {
  readonly inode: bigint;
  readonly offset: number;
  readonly path: string;
  readonly target: string;
  readonly bytes: Buffer;
}

function toRecord(kind: string, { inode, offset, path, target, bytes }: Fields): JournalRecord {
  switch (kind) {
    case "C":
      return { kind: "create", inode, path };
    case "W":
      return { kind: "write", inode, offset, bytes };
    case "T":
      return { kind: "truncate", inode, length: offset };
    case "S":
      return { kind: "sync", inode };
    case "D":
      return { kind: "sync-folder", path };
    case "R":
      return { kind: "rename", path, target };
    case "L":
      return { kind: "link", path, target };
    case "U":
      return { kind: "unlink", path };
    case "M":
      return { kind: "make-folder", path };
    case "K":
      return { kind: "remove-folder", path };
    case "N":
      return { kind: "note", text: bytes.toString("utf8") };
    default:
      throw new Error(`read the journal: the process did something that is not noted: ${bytes.toString()} ${path}`);
  }
}

/** A record of its own, to be added to the journal in one write. */
export function encodeNote(text: string): Buffer {
  const bytes = Buffer.from(text);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE("N".charCodeAt(0), 4);
  header.writeBigUInt64LE(BigInt(bytes.length), 40);
  return Buffer.concat([header, bytes]);
}
