/*
 * The spool: values on disk that wait to be done with. They are written to the end of a segment (a file), and those
 * that come at the same time share one fsync. That a value is done is written behind them without fsync: when that
 * line is lost the value comes back, and whoever does it must know it again. A segment is removed when everything in
 * it is done or stands, fsynced, in a later one, the oldest first, because its successors say what of it is done. When
 * less than half of what is on disk is still waiting, the waiting values of the oldest segment are written once more to
 * the newest, so that the oldest can go: one value that waits for long does not keep all that came after it. A segment
 * that an earlier process wrote is only read and removed. When somebody removes segments under the running program, what waits in them is still in
 * memory, and is written once more as soon as that is seen: at the next save.
 */
import { rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { createFolder, syncFolder } from "../core/durable-file.ts";
import { openSpoolHandle, SpoolFile, type OpenSpoolHandle } from "./spool-file.ts";
import { encodeLine } from "./spool-line.ts";
import { readSpool, segmentPath, type SpoolRecord, type SpoolRecoveryOptions } from "./spool-recovery.ts";
import { forEachInTurns } from "./spool-turns.ts";

export interface SpoolEntry<Value> {
  /** Counts up, also over restarts: the order in which the entries were saved. */
  readonly sequence: number;
  readonly value: Value;
}

export interface SpoolOptions extends Omit<SpoolRecoveryOptions, "openHandle"> {
  /** From this size on the next value goes to a new segment. */
  readonly segmentBytes: number;
  readonly openHandle?: OpenSpoolHandle;
}

interface Segment {
  readonly number: number;
  readonly path: string;
  /** Somebody removed its file. */
  isGone: boolean;
  sizeBytes: number;
  /** Bytes of the line of each entry that is not done, by sequence number. */
  readonly waiting: Map<number, number>;
}

/** A line that is written together with others, and who waits for it. */
interface Chunk {
  readonly record: SpoolRecord;
  readonly line: Buffer;
  /** Of an entry that is on the disk already. */
  readonly isReplacement: boolean;
  resolve(): void;
  reject(error: unknown): void;
}

/** These bound the memory of one write, and how long it holds up the event loop; the rest forms the next group. */
const MAX_GROUP_COUNT = 1_000;
const MAX_GROUP_BYTES = 1024 ** 2;

export class Spool<Value> {
  readonly #options: SpoolOptions;
  readonly #openHandle: OpenSpoolHandle;
  readonly #pending: Chunk[] = [];
  /** Entries that wait, by sequence number, with the segment that holds them. */
  readonly #homes = new Map<number, { segment: Segment; value: Value }>();
  /** Saving them failed, but their lines could not be taken back: the next group says that they are done. */
  #withdrawn: number[] = [];
  /** Oldest first. */
  #segments: Segment[] = [];
  #file: SpoolFile | undefined;
  #lastSequence = 0;
  /** Of the lines of all entries that wait. */
  #waitingBytes = 0;
  /** What waits in removed files has not been written again yet. */
  #isRescueNeeded = false;
  #writing: Promise<void> | undefined;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#openHandle = options.openHandle ?? openSpoolHandle;
  }

  /**
   * Returns what waits, in the order in which it was saved. Sequence numbers go on after `usedSequence`, if not higher.
   * Rejects when the folder cannot be used at all.
   */
  async open(usedSequence = 0): Promise<readonly SpoolEntry<Value>[]> {
    await this.#createFolder();
    const found = await readSpool({ ...this.#options, openHandle: this.#openHandle });
    this.#lastSequence = Math.max(found.lastSequence, usedSequence);
    this.#segments = found.segments.map((segment) => ({ ...segment, isGone: false, waiting: new Map() }));
    const byNumber = new Map(this.#segments.map((segment) => [segment.number, segment]));
    const entries: SpoolEntry<Value>[] = [];
    await forEachInTurns(found.entries, this.#options.clock, ({ sequence, segmentNumber, lineBytes, ...entry }) => {
      const value = entry.value as Value;
      this.#settleIn(sequence, value, byNumber.get(segmentNumber)!, lineBytes);
      entries.push({ sequence, value });
    });
    await this.#reclaim();
    return entries;
  }

  /** Resolves when it is on the disk. When it rejects, the value was not saved. The order is that of the calls. */
  async save(value: Value): Promise<SpoolEntry<Value>> {
    const sequence = ++this.#lastSequence;
    await this.#add({ kind: "saved", sequence, value });
    return { sequence, value };
  }

  /** Replaces the value of a waiting entry. Resolves also when the disk did not take it: it then keeps its earlier value. */
  async replace(sequence: number, value: Value): Promise<void> {
    await this.#add({ kind: "saved", sequence, value }, true);
  }

  /** The entries do not wait any longer. Not fsynced: after a crash they may come back. */
  async finish(sequences: readonly number[]): Promise<void> {
    if (sequences.length === 0) return;
    for (const sequence of sequences) this.#moveOut(sequence);
    await this.#add({ kind: "done", sequences });
  }

  /** Writes what is pending, and closes. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#closeFile();
  }

  #add(record: SpoolRecord, isReplacement = false): Promise<void> {
    const line = encodeLine({ ...record });
    const added = new Promise<void>((resolve, reject) => {
      this.#pending.push({ record, line, isReplacement, resolve, reject });
    });
    this.#writing ??= this.#writeAll();
    return added;
  }

  async #writeAll(): Promise<void> {
    while (this.#pending.length > 0) {
      // What was asked for in the same turn joins the group.
      await Promise.resolve();
      await this.#writeGroup(this.#takeGroup());
      await this.#reclaim();
    }
    // Here and not when the promise has settled: what is added in between would be left lying.
    this.#writing = undefined;
  }

  #takeGroup(): readonly Chunk[] {
    let sizeBytes = 0;
    const end = this.#pending.findIndex(({ line }, index) => {
      sizeBytes += line.length;
      return index > 0 && (index >= MAX_GROUP_COUNT || sizeBytes > MAX_GROUP_BYTES);
    });
    return this.#pending.splice(0, end === -1 ? this.#pending.length : end);
  }

  async #writeGroup(group: readonly Chunk[]): Promise<void> {
    try {
      const segment = await this.#append(
        group.map(({ line }) => line),
        group.some(({ record }) => record.kind === "saved"),
      );
      for (const { record, line, isReplacement } of group) {
        if (record.kind !== "saved") continue;
        // Not what was replaced and is done meanwhile: it would wait for ever.
        const isWaiting = !isReplacement || this.#homes.has(record.sequence);
        if (isWaiting) this.#settleIn(record.sequence, record.value as Value, segment, line.length);
      }
    } catch (error) {
      this.#refuse(group, error);
    }
    for (const chunk of group) chunk.resolve();
  }

  /** Those that are new were not saved. For the others the disk stays as it was, which does no harm. */
  #refuse(group: readonly Chunk[], error: unknown): void {
    const withdrawn: number[] = [];
    for (const chunk of group) {
      if (chunk.record.kind !== "saved" || chunk.isReplacement) continue;
      withdrawn.push(chunk.record.sequence);
      chunk.reject(error);
    }
    if (withdrawn.length < group.length) {
      const message = "the spool could not note what is done or was tried; after a restart it is done again";
      this.#options.logger.warn(message, { error });
    }
    if (this.#file?.isBroken) this.#withdrawn.push(...withdrawn);
  }

  /** Writes lines to the newest segment and returns it. */
  async #append(lines: readonly Buffer[], isDurable: boolean): Promise<Segment> {
    if (this.#isRescueNeeded) await this.#rescueRemoved();
    try {
      return await this.#appendOnce(lines, isDurable);
    } catch (error) {
      if (!this.#file?.isRemoved) throw error;
      this.#isRescueNeeded = true;
      // Nothing of what was just written will ever be read, so it does no harm to write it again.
      await this.#rescueRemoved();
      return this.#appendOnce(lines, isDurable);
    }
  }

  async #appendOnce(lines: readonly Buffer[], isDurable: boolean): Promise<Segment> {
    const segment = await this.#requireSegment();
    const withdrawn = this.#withdrawn;
    const all = withdrawn.length === 0 ? lines : [encodeLine({ kind: "done", sequences: withdrawn }), ...lines];
    try {
      await this.#file!.append(Buffer.concat(all), isDurable);
      this.#withdrawn = this.#withdrawn.slice(withdrawn.length);
    } finally {
      segment.sizeBytes = this.#file!.size;
    }
    return segment;
  }

  /** Somebody removed or replaced the newest segment, and perhaps others: what waits in them is written again. */
  async #rescueRemoved(): Promise<void> {
    const { logger, folder } = this.#options;
    for (const segment of this.#segments) {
      const isNewest = this.#file?.isRemoved === true && segment === this.#segments.at(-1);
      segment.isGone ||= isNewest || !(await exists(segment.path));
    }
    await this.#closeFile();
    const gone = this.#segments.filter(({ isGone }) => isGone);
    const waitingCount = gone.reduce((sum, { waiting }) => sum + waiting.size, 0);
    const report = { folder, removedCount: gone.length, waitingCount };
    logger.error("files of the spool were removed while it was in use; what waits is written again", report);
    for (const segment of gone) await this.#carryForward(segment);
    this.#segments = this.#segments.filter(({ isGone }) => !isGone);
    this.#isRescueNeeded = false;
  }

  /** The segment that is written to: a new one when there is none, or it is full or broken. */
  async #requireSegment(): Promise<Segment> {
    const newest = this.#segments.at(-1);
    if (this.#file && newest && !this.#file.isBroken && this.#file.size < this.#options.segmentBytes) return newest;
    // Nobody looks at this one again: if it is gone, what waits in it has to be saved now.
    if (this.#file && !this.#file.isBroken) await this.#file.requireInPlace();
    await this.#closeFile();
    const number = (newest?.number ?? 0) + 1;
    const path = segmentPath(this.#options.folder, number);
    await this.#createFolder();
    this.#file = await SpoolFile.open(path, this.#openHandle);
    const segment: Segment = { number, path, isGone: false, sizeBytes: 0, waiting: new Map() };
    this.#segments.push(segment);
    return segment;
  }

  #settleIn(sequence: number, value: Value, segment: Segment, lineBytes: number): void {
    this.#moveOut(sequence);
    this.#homes.set(sequence, { segment, value });
    segment.waiting.set(sequence, lineBytes);
    this.#waitingBytes += lineBytes;
  }

  #moveOut(sequence: number): void {
    const segment = this.#homes.get(sequence)?.segment;
    if (!segment) return;
    this.#waitingBytes -= segment.waiting.get(sequence)!;
    segment.waiting.delete(sequence);
    this.#homes.delete(sequence);
  }

  /** Removes what is done with from the disk. What fails here costs space only, and is tried again with the next group. */
  async #reclaim(): Promise<void> {
    try {
      await this.#removeDone();
      while (this.#isMostlyDone) {
        await this.#carryForward(this.#oldest!);
        await this.#removeDone();
      }
    } catch (error) {
      this.#options.logger.warn("a segment of the spool could not be removed yet", { error });
    }
  }

  async #removeDone(): Promise<void> {
    for (let oldest = this.#oldest; oldest?.waiting.size === 0; oldest = this.#oldest) {
      if (oldest === this.#segments.at(-1)) await this.#closeFile();
      await rm(oldest.path, { force: true });
      this.#segments.shift();
    }
  }

  get #oldest(): Segment | undefined {
    return this.#segments[0];
  }

  get #isMostlyDone(): boolean {
    const total = this.#segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const isNewest = this.#oldest === this.#segments.at(-1);
    return !isNewest && total > 2 * this.#waitingBytes + 2 * this.#options.segmentBytes;
  }

  /** A group at a time: a whole segment at once would hold up the event loop. */
  async #carryForward(oldest: Segment): Promise<void> {
    const sequences = [...oldest.waiting.keys()];
    while (sequences.length > 0) {
      const moved = this.#encodeGroup(sequences);
      if (moved.length === 0) continue;
      const segment = await this.#appendOnce(
        moved.map(({ line }) => line),
        true,
      );
      for (const { sequence, value, line } of moved) {
        // It may be done by now: then the line that says so comes behind this one.
        if (this.#homes.has(sequence)) this.#settleIn(sequence, value, segment, line.length);
      }
    }
  }

  /** Takes as many sequence numbers as make a group; those that wait no longer are passed over. */
  #encodeGroup(sequences: number[]): { sequence: number; value: Value; line: Buffer }[] {
    const group: { sequence: number; value: Value; line: Buffer }[] = [];
    let sizeBytes = 0;
    let takenCount = 0;
    for (const sequence of sequences) {
      if (group.length >= MAX_GROUP_COUNT || sizeBytes >= MAX_GROUP_BYTES) break;
      takenCount++;
      const home = this.#homes.get(sequence);
      if (!home) continue;
      const line = encodeLine({ kind: "saved", sequence, value: home.value });
      group.push({ sequence, value: home.value, line });
      sizeBytes += line.length;
    }
    sequences.splice(0, takenCount);
    return group;
  }

  async #createFolder(): Promise<void> {
    const { folder } = this.#options;
    await createFolder(folder);
    await syncFolder(dirname(folder));
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch((error: unknown) => {
      this.#options.logger.warn("a segment of the spool could not be closed", { error });
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
  );
}
