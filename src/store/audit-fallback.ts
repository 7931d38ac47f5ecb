import { hash } from "node:crypto";
import { open, readFile, rm, stat, truncate } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { createFolder, FILE_MODE, syncFolder, writeFileDurably } from "../core/durable-file.ts";
import type { Logger } from "../core/logger.ts";
import { recordedEntry, type RecordedEntry } from "./audit.ts";

/**
 * The file that audit entries wait in while the database cannot take them: one line of JSON for each, in order, with a
 * checksum over the entry's text. A line counts when it is fsynced. What the file holds is held in memory, too, and
 * whenever the file is not as long as it was left (a write that failed half-way, a hand that changed it) it is written
 * anew from there before anything is added.
 */

/** An entry as a line, its checksum over the very text that follows it. */
function formatLine(entry: RecordedEntry): string {
  const text = JSON.stringify(entry);
  return `{"sha256":"${hash("sha256", text, "hex")}","entry":${text}}\n`;
}

const LINE_SHAPE = /^\{"sha256":"([0-9a-f]{64})","entry":(.*)\}$/;

function parseLine(line: string): RecordedEntry | undefined {
  const [, sha256, text] = LINE_SHAPE.exec(line) ?? [];
  if (text === undefined || hash("sha256", text, "hex") !== sha256) return undefined;
  return recordedEntry.safeParse(parseJson(text)).data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface ParsedFile {
  readonly entries: RecordedEntry[];
  /** Complete lines that are not what was written, as they are. */
  readonly damagedLines: readonly Buffer[];
  /** The begin of a line that a crash cut off; it was never acknowledged. */
  readonly tornLine: Buffer | undefined;
}

function parseFile(content: Buffer): ParsedFile {
  const entries: RecordedEntry[] = [];
  const damagedLines: Buffer[] = [];
  let from = 0;
  while (from < content.length) {
    const end = content.indexOf("\n", from);
    const line = content.subarray(from, end === -1 ? content.length : end);
    const entry = parseLine(line.toString("utf8"));
    if (entry) entries.push(entry);
    else if (end === -1) return { entries, damagedLines, tornLine: line };
    else if (line.length > 0) damagedLines.push(line);
    from += line.length + 1;
  }
  return { entries, damagedLines, tornLine: undefined };
}

export interface AuditFallbackOptions {
  readonly path: string;
  readonly logger: Logger;
  /** The entry that tells of lines that could not be read, and of the file that keeps them. */
  readonly createDamageEntry: (lineCount: number, keptIn: string) => RecordedEntry;
}

export class AuditFallback {
  readonly #options: AuditFallbackOptions;
  #entries: RecordedEntry[] = [];
  /** How long we left the file; 0 = there is none. */
  #sizeBytes = 0;
  #isLoaded = false;
  #last: Promise<void> = Promise.resolve();

  constructor(options: AuditFallbackOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#entries.length;
  }

  /** The longest waiting ones, at most `limit`, in order. */
  first(limit: number): readonly RecordedEntry[] {
    return this.#entries.slice(0, limit);
  }

  /** Reads what an earlier run left. Lines that cannot be read go to a file of their own, and an entry tells of them. */
  open(): Promise<void> {
    return this.#serially(() => this.#load());
  }

  /** Resolves when the entries are on the disk. When it rejects they are not kept. */
  append(entries: readonly RecordedEntry[]): Promise<void> {
    return this.#serially(async () => {
      await this.#load();
      if ((await sizeOf(this.#options.path)) === this.#sizeBytes) await this.#appendLines(entries);
      else await this.#rewrite([...this.#entries, ...entries]);
      this.#entries.push(...entries);
    });
  }

  /** The first entries are in the table. The file keeps them until `removeIfEmpty`: they are there once, however often sent. */
  forgetFirst(count: number): void {
    this.#entries.splice(0, count);
  }

  /** For a first entry that the table refuses for ever: it is kept aside, and `note`, which tells of it, takes its place. */
  replaceFirst(createNote: (keptIn: string) => RecordedEntry): Promise<void> {
    return this.#serially(async () => {
      const [entry] = this.#entries;
      if (!entry) return;
      const line = Buffer.from(formatLine(entry).trimEnd());
      const keptIn = await this.#keepAside([line]);
      const entries = [createNote(basename(keptIn)), ...this.#entries.slice(1)];
      await this.#rewrite(entries);
      this.#entries = entries;
    });
  }

  /** Removes the file, durably, when nothing waits in it. */
  removeIfEmpty(): Promise<void> {
    return this.#serially(async () => {
      if (this.#entries.length === 0 && this.#sizeBytes > 0) await this.#remove();
    });
  }

  /** One access to the file at a time: a line is never added to a file that is being removed. */
  #serially(access: () => Promise<void>): Promise<void> {
    const result = this.#last.then(access);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #load(): Promise<void> {
    if (this.#isLoaded) return;
    const { path, createDamageEntry } = this.#options;
    const content = await readIfExists(path);
    const { entries, damagedLines, tornLine } = parseFile(content);
    if (damagedLines.length > 0 || tornLine) await this.#setAside(damagedLines, tornLine);
    if (damagedLines.length > 0) entries.push(createDamageEntry(damagedLines.length, basename(damagedPathOf(path))));
    if (entries.length === 0) {
      if (content.length > 0) await this.#remove();
    } else if (damagedLines.length > 0 || content.at(-1) !== NEWLINE) {
      await this.#rewrite(entries);
    } else {
      this.#sizeBytes = content.length;
    }
    this.#entries = entries;
    this.#isLoaded = true;
  }

  async #appendLines(entries: readonly RecordedEntry[]): Promise<void> {
    const { path } = this.#options;
    const isNew = this.#sizeBytes === 0;
    const text = entries.map(formatLine).join("");
    if (isNew) await createFolder(dirname(path));
    try {
      await appendDurably(path, text);
      if (isNew) await syncFolder(dirname(path));
    } catch (error) {
      // Refused, so it is not to be found there later. Should that fail as well, the next append writes the file anew.
      await (isNew ? rm(path, { force: true }) : truncate(path, this.#sizeBytes)).catch(() => undefined);
      throw error;
    }
    this.#sizeBytes += Buffer.byteLength(text);
  }

  async #rewrite(entries: readonly RecordedEntry[]): Promise<void> {
    const text = entries.map(formatLine).join("");
    await writeFileDurably(this.#options.path, text);
    this.#sizeBytes = Buffer.byteLength(text);
  }

  async #remove(): Promise<void> {
    const { path } = this.#options;
    await rm(path, { force: true });
    this.#sizeBytes = 0;
    await syncFolder(dirname(path));
  }

  async #setAside(damagedLines: readonly Buffer[], tornLine: Buffer | undefined): Promise<void> {
    const { logger } = this.#options;
    const keptIn = await this.#keepAside(tornLine ? [...damagedLines, tornLine] : damagedLines);
    if (tornLine) logger.warn("the last line of the audit fallback file was cut off by a crash", { keptIn });
    if (damagedLines.length === 0) return;
    logger.error("the audit fallback file has damaged lines; they are kept aside", {
      lineCount: damagedLines.length,
      keptIn,
    });
  }

  /** Returns the path of the file that has them. */
  async #keepAside(lines: readonly Buffer[]): Promise<string> {
    const { path } = this.#options;
    const keptIn = damagedPathOf(path);
    await appendDurably(keptIn, Buffer.concat(lines.flatMap((line) => [line, Buffer.of(NEWLINE)])));
    await syncFolder(dirname(path));
    return keptIn;
  }
}

const NEWLINE = "\n".charCodeAt(0);

/** `audit-fallback.ndjson` → `audit-fallback-damaged.ndjson`. */
function damagedPathOf(path: string): string {
  return path.replace(/(\.[^./\\]+)?$/, "-damaged$1");
}

async function appendDurably(path: string, content: string | Uint8Array): Promise<void> {
  const handle = await open(path, "a", FILE_MODE);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readIfExists(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

/** 0 when there is no such file. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}
