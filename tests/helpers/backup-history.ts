import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "better-sqlite3";
import { encodeArchiveLine, indexPath, readArchiveEnd, segmentName } from "../../src/database/backup/archive-index.ts";
import { createSnapshotWith } from "../../src/database/backup/create-snapshot.ts";
import type { SnapshotManifest } from "../../src/database/backup/snapshot-manifest.ts";
import { readWalEnd } from "../../src/database/backup/wal-end.ts";
import { parseWalHeader, WAL_HEADER_BYTES, WalScanner } from "../../src/database/sqlite/wal-format.ts";
import { FAST_KDF } from "./fast-kdf.ts";
import { silentProgress } from "./silent-progress.ts";

const LONG_BLOB_BYTES = 1_000;

export interface KnownState {
  /** When its commit was made. */
  readonly at: number;
  /** All that the database held, as text. */
  readonly content: string;
}

/** Everything in a database, row by row. */
export function dumpDatabase(path: string): string {
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    return dump(database);
  } finally {
    database.close();
  }
}

function dump(database: Database.Database): string {
  const tables = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").all() as {
    name: string;
    sql: string;
  }[];
  const rowsOf = (name: string): unknown[][] =>
    database.prepare<[], unknown[]>(`SELECT * FROM "${name}" ORDER BY rowid`).raw().all();
  return JSON.stringify(tables.map(({ name, sql }) => [sql, rowsOf(name).map((row) => row.map(toText))]));
}

/** As JSON a blob would be several times as long as it is, and a long one is as well told by its hash. */
function toText(value: unknown): unknown {
  if (!Buffer.isBuffer(value)) return value;
  return `blob ${value.length < LONG_BLOB_BYTES ? value.toString("latin1") : hashOf(value)}`;
}

function hashOf(content: Buffer): string {
  return createHash("sha256").update(content).digest("base64");
}

/**
 * A database that is written to, archived and backed up on a clock of its own, and remembers every state that it was in.
 * The archive is written here in the simplest way there is, so that it does not share a fault with the one that is tested.
 */
export class BackupHistory {
  readonly databasePath: string;
  readonly backupFolder: string;
  readonly states: KnownState[] = [];
  now = Date.UTC(2026, 0, 1);
  readonly #key: string | undefined;
  #database: Database.Database;
  #generationCount = 0;
  #generation = "";
  #segment = 0;
  #scanner: WalScanner | undefined;
  #salts = "";
  #isSettled = true;

  constructor(folder: string, { pageSize = 4096, key }: { pageSize?: number; key?: string } = {}) {
    this.databasePath = join(folder, "test.db");
    this.backupFolder = join(folder, "backups");
    this.#key = key;
    this.#database = new Database(this.databasePath);
    this.#database.pragma(`page_size = ${pageSize}`);
    this.#open();
    this.beginGeneration();
    this.commit((database) => database.exec("CREATE TABLE item (id INTEGER PRIMARY KEY, value BLOB)"));
  }

  get generation(): string {
    return this.#generation;
  }

  get generationFolder(): string {
    return join(this.backupFolder, "wal", this.#generation);
  }

  get segment(): number {
    return this.#segment;
  }

  /** One transaction, archived; a second later than the last one, or as much later as said. */
  commit(change: (database: Database.Database) => void, laterMs = 1_000): KnownState {
    this.now += laterMs;
    this.#database.transaction(() => change(this.#database)).immediate();
    return this.#noteCommit();
  }

  /** `VACUUM` writes every page. */
  vacuum(): KnownState {
    this.now += 1_000;
    this.#database.exec("VACUUM");
    return this.#noteCommit();
  }

  /** Everything goes to the database file, so that the next commit begins the log anew. */
  checkpoint(): void {
    const [{ busy } = { busy: 1 }] = this.#database.pragma("wal_checkpoint(RESTART)") as { busy: number }[];
    if (busy !== 0) throw new Error("something reads the database");
    this.#settle();
  }

  /** A clean stop and a new start: the log is deleted, and the next one has no connection with it. */
  restart(): void {
    this.#database.close();
    this.#settle();
    this.#database = new Database(this.databasePath);
    this.#open();
  }

  /** What comes is archived in another generation; what was committed since the last copy is not archived at all. */
  beginGeneration(): void {
    this.#generation = `${new Date(this.now).toISOString().replace(/[-:.]/g, "")}-${++this.#generationCount}`;
    this.#segment = 0;
    this.#scanner = undefined;
    this.#salts = "";
    this.#isSettled = true;
    mkdirSync(this.generationFolder, { recursive: true });
  }

  /** A transaction that the archive does not see, so that it has to begin another generation. */
  commitUnseen(change: (database: Database.Database) => void): KnownState {
    this.now += 1_000;
    this.#database.transaction(() => change(this.#database)).immediate();
    this.#database.pragma("wal_checkpoint(RESTART)");
    return this.#remember();
  }

  async snapshot(options: { hasArchive?: boolean; compression?: "none" | "zstd" } = {}): Promise<SnapshotManifest> {
    const { hasArchive = true, compression = "none" } = options;
    const sources = { readArchiveEnd, readWalEnd, readFreeBytes: async () => 2 ** 40, now: () => this.now };
    const { manifest } = await createSnapshotWith(
      sources,
      {
        ...{ kind: "create-snapshot", databasePath: this.databasePath, backupFolder: this.backupFolder, hasArchive },
        ...{ compression, reason: "manual", comment: "" },
        ...(this.#key === undefined ? {} : { key: this.#key, kdf: FAST_KDF }),
      },
      silentProgress,
    );
    return manifest;
  }

  /** The last state at or before a moment; undefined when there was none yet. */
  stateAt(at: number): KnownState | undefined {
    return this.states.findLast((state) => state.at <= at);
  }

  close(): void {
    this.#database.close();
  }

  #open(): void {
    this.#database.pragma("journal_mode = WAL");
    this.#database.pragma("synchronous = OFF");
    this.#database.pragma("wal_autocheckpoint = 0");
  }

  #remember(): KnownState {
    const state = { at: this.now, content: dump(this.#database) };
    this.states.push(state);
    return state;
  }

  #noteCommit(): KnownState {
    this.#archive();
    return this.#remember();
  }

  #archive(): void {
    const log = readFileSync(`${this.databasePath}-wal`);
    const header = parseWalHeader(log)!;
    if (header.salts !== this.#salts) {
      this.#segment++;
      this.#salts = header.salts;
      this.#scanner = new WalScanner(header);
      writeFileSync(this.#segmentPath, log.subarray(0, WAL_HEADER_BYTES));
      this.#append({
        ...{ kind: "segment", segment: this.#segment, salts: header.salts, at: this.now },
        ...{ checkpointSequence: header.checkpointSequence, pageBytes: header.pageBytes },
      });
    }
    const scanner = this.#scanner!;
    let start = scanner.offset;
    for (const { offset, pageCount, checksum } of scanner.scan(log.subarray(start))) {
      const frameCount = (offset - start) / scanner.frameBytes;
      appendFileSync(this.#segmentPath, log.subarray(start, offset));
      start = offset;
      this.#append({ kind: "commit", segment: this.#segment, offset, frameCount, pageCount, checksum, at: this.now });
    }
    this.#isSettled = false;
  }

  #settle(): void {
    if (this.#isSettled) return;
    this.#append({ kind: "settled", segment: this.#segment, fingerprint: "any", at: this.now });
    this.#isSettled = true;
  }

  get #segmentPath(): string {
    return join(this.generationFolder, segmentName(this.#segment));
  }

  #append(line: Parameters<typeof encodeArchiveLine>[0]): void {
    appendFileSync(indexPath(this.generationFolder), encodeArchiveLine(line));
  }
}

/** Changes bytes of a file in place. */
export async function damageFile(path: string, change: (content: Buffer) => Buffer | void): Promise<void> {
  const content = await readFile(path);
  writeFileSync(path, change(content) ?? content);
}
