import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { JournalRecord } from "./journal.ts";

/**
 * A disk behind a cache that loses power. What is certain is only what was asked for: the content of a file by its fsync,
 * the names in a folder by the fsync of that folder. Of everything else any part may have reached the disk, in any order:
 * of a write each sector for itself, of a file that grew its length without its content, of a file that was replaced the
 * name without what is in it. Real file systems promise more than this; what holds here holds on all of them.
 */

const SECTOR_BYTES = 512;

/** Which part of what was not fsynced has reached the disk: 0 = nothing, 1 = all, in between = each with this chance. */
export interface Luck {
  /** `newest`: the last change alone, and none that came before it. */
  readonly names: number | "newest";
  readonly content: number;
}

/** Numbers from 0 to 1, the same again for the same seed. */
export type Random = () => number;

type Change =
  | { readonly kind: "write"; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly length: number };

class StoredFile {
  #durable: Buffer = Buffer.alloc(0);
  #pending: Change[] = [];

  add(change: Change): void {
    this.#pending.push(change);
  }

  sync(): void {
    for (const change of this.#pending) this.#durable = applyChange(this.#durable, change);
    this.#pending = [];
  }

  draw(share: number, random: Random): Buffer {
    let content: Buffer = Buffer.alloc(this.#durable.length);
    this.#durable.copy(content);
    for (const change of this.#pending) {
      if (change.kind === "truncate") {
        if (isDrawn(share, random)) content = applyChange(content, change);
      } else {
        for (const piece of sectorsOf(change)) {
          if (isDrawn(share, random)) content = applyChange(content, piece);
        }
        // The length is another thing than the content, and may be there before it.
        const length = change.offset + change.bytes.length;
        if (length > content.length && share > 0 && isDrawn(share, random)) content = resize(content, length);
      }
    }
    return content;
  }
}

function applyChange(content: Buffer, change: Change): Buffer {
  if (change.kind === "truncate") return resize(content, change.length);
  const end = change.offset + change.bytes.length;
  const grown = end > content.length ? resize(content, end) : content;
  change.bytes.copy(grown, change.offset);
  return grown;
}

/** Within the memory of the same buffer where it has room, as many files only ever grow. */
function resize(content: Buffer, length: number): Buffer {
  const { buffer, byteOffset } = content;
  if (length <= content.length) {
    // What is cut off is zero when the file grows again.
    content.fill(0, length);
    return content.subarray(0, length);
  }
  if (byteOffset === 0 && length <= buffer.byteLength) return Buffer.from(buffer, 0, length);
  const grown = Buffer.alloc(Math.max(length, 2 * content.length));
  content.copy(grown);
  return grown.subarray(0, length);
}

function sectorsOf({ offset, bytes }: Extract<Change, { kind: "write" }>): Change[] {
  const sectors: Change[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = Math.min(bytes.length, start + SECTOR_BYTES - ((offset + start) % SECTOR_BYTES));
    sectors.push({ kind: "write", offset: offset + start, bytes: bytes.subarray(start, end) });
    start = end;
  }
  return sectors;
}

function isDrawn(share: number, random: Random): boolean {
  return share >= 1 || (share > 0 && random() < share);
}

type Entry = StoredFile | "folder";

/** One change in one folder. */
interface NameChange {
  readonly folder: string;
  apply(names: Map<string, Entry>): void;
  /** Of a file that moved between folders: the old name goes only where the new one has come. */
  readonly requires?: NameChange;
}

export class Disk {
  readonly #root: string;
  readonly #files = new Map<bigint, StoredFile>();
  /** What the program sees. */
  readonly #names = new Map<string, Entry>();
  readonly #durableNames = new Map<string, Entry>();
  #pending: NameChange[] = [];

  /** An empty folder. */
  constructor(root: string) {
    this.#root = root;
  }

  apply(record: JournalRecord): void {
    switch (record.kind) {
      case "create": {
        const file = new StoredFile();
        this.#files.set(record.inode, file);
        this.#rename(record.path, (names) => names.set(record.path, file));
        break;
      }
      case "write":
      case "truncate":
        this.#require(record.inode).add(record);
        break;
      case "sync":
        this.#require(record.inode).sync();
        break;
      case "sync-folder":
        this.#syncFolder(record.path);
        break;
      case "link":
      case "rename":
        this.#move(record.path, record.target, record.kind === "rename");
        break;
      case "make-folder":
        this.#rename(record.path, (names) => names.set(record.path, "folder"));
        break;
      case "unlink":
      case "remove-folder": {
        const entry = this.#names.get(record.path);
        this.#rename(record.path, (names) => removeName(names, record.path, entry));
        break;
      }
      case "note":
    }
  }

  /** Makes the disk as it may be found after a power cut now, in an empty folder. */
  draw(folder: string, luck: Luck, random: Random): void {
    const names = new Map(this.#durableNames);
    const drawn = new Set<NameChange>();
    const pending = luck.names === "newest" ? this.#pending.slice(-1) : this.#pending;
    const share = luck.names === "newest" ? 1 : luck.names;
    for (const change of pending) {
      const isPossible =
        change.requires === undefined || drawn.has(change.requires) || !this.#isPending(change.requires);
      if (!isPossible || !isDrawn(share, random)) continue;
      drawn.add(change);
      change.apply(names);
    }
    for (const [path, entry] of names) {
      if (!this.#isReachable(path, names)) continue;
      const target = join(folder, relative(this.#root, path));
      mkdirSync(entry === "folder" ? target : dirname(target), { recursive: true });
      if (entry !== "folder") writeFileSync(target, entry.draw(luck.content, random), { mode: 0o600 });
    }
  }

  #require(inode: bigint): StoredFile {
    const file = this.#files.get(inode);
    if (!file) throw new Error(`read the journal: file ${inode} was there before the journal began`);
    return file;
  }

  #rename(path: string, apply: NameChange["apply"], requires?: NameChange): NameChange {
    const change = { folder: dirname(path), apply, ...(requires === undefined ? {} : { requires }) };
    apply(this.#names);
    this.#pending.push(change);
    return change;
  }

  #move(path: string, target: string, isGoneThen: boolean): void {
    const entry = this.#names.get(path);
    if (!entry) throw new Error(`read the journal: ${path} was there before the journal began`);
    const isWithin = dirname(path) === dirname(target);
    if (isGoneThen && isWithin) {
      this.#rename(target, (names) => {
        names.set(target, entry);
        removeName(names, path, entry);
      });
      return;
    }
    const added = this.#rename(target, (names) => names.set(target, entry));
    if (isGoneThen) this.#rename(path, (names) => removeName(names, path, entry), added);
  }

  #syncFolder(folder: string): void {
    const isSynced = (change: NameChange): boolean => change.folder === folder;
    const needed = new Set(this.#pending.filter(isSynced).flatMap(({ requires }) => requires ?? []));
    this.#pending = this.#pending.filter((change) => {
      if (!isSynced(change) && !needed.has(change)) return true;
      change.apply(this.#durableNames);
      return false;
    });
  }

  #isPending(change: NameChange): boolean {
    return this.#pending.includes(change);
  }

  #isReachable(path: string, names: ReadonlyMap<string, Entry>): boolean {
    for (let folder = dirname(path); folder !== this.#root; folder = dirname(folder)) {
      if (names.get(folder) !== "folder") return false;
    }
    return true;
  }
}

/** Unless another file has the name by now. */
function removeName(names: Map<string, Entry>, path: string, entry: Entry | undefined): void {
  if (names.get(path) === entry) names.delete(path);
}
