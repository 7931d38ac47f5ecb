/*
 * What waits and what was given up, on the disk and in memory. A value is in the backlog only when it is on the disk,
 * and a dead letter that is put back goes through three steps: it is saved, then it is noted that it is a dead letter no
 * longer, and only then it can be applied. A process that ends in between leaves it in both places, which opening mends;
 * nothing is ever in neither.
 */
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { SpoolBacklog, type Waiting } from "./spool-backlog.ts";
import { DeadLetters, type DeadLetter } from "./spool-dead-letters.ts";
import type { OpenSpoolHandle } from "./spool-file.ts";
import { Opening } from "./spool-opening.ts";
import { forEachInTurns } from "./spool-turns.ts";
import { Spool, type SpoolEntry } from "./spool.ts";

export interface SpoolStoreOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly segmentBytes: number;
  readonly deadLetterBytes: number;
  /** How long a save waits for the store to be open. */
  readonly openingLimitMs: number;
  readonly openHandle?: OpenSpoolHandle;
}

export class SpoolStore<Value extends Waiting> {
  readonly #options: SpoolStoreOptions;
  readonly #spool: Spool<Value>;
  readonly #deadLetters: DeadLetters<Value>;
  readonly #opening: Opening;
  /** By id; each ends when the value is in the backlog, or was not saved. */
  readonly #saving = new Map<string, Promise<void>>();
  #backlog = new SpoolBacklog<Value>();
  #opened: Promise<void> | undefined;

  constructor(options: SpoolStoreOptions) {
    const { folder, clock, deadLetterBytes: maxBytes, openingLimitMs } = options;
    this.#options = options;
    this.#opening = new Opening(clock, openingLimitMs);
    this.#spool = new Spool(options);
    this.#deadLetters = new DeadLetters({ ...options, path: join(folder, "dead-letter.ndjson"), maxBytes });
  }

  /** Undefined when nobody asked for it, or it failed. */
  get opened(): Promise<void> | undefined {
    return this.#opened;
  }

  /** After a failure it can be called again. */
  open(): Promise<void> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined;
      this.#opening.fail(error);
      throw error;
    });
    return this.#opened;
  }

  /** Those being saved included. */
  get size(): number {
    return this.#backlog.size + this.#saving.size;
  }

  get oldestAt(): number | undefined {
    return this.#backlog.oldestAt;
  }

  list(limit: number): readonly SpoolEntry<Value>[] {
    return this.#backlog.list(limit);
  }

  nextBatch(limit: number): readonly SpoolEntry<Value>[] {
    return this.#backlog.nextBatch(limit);
  }

  /** Oldest first. */
  get deadLetters(): readonly DeadLetter<Value>[] {
    return this.#deadLetters.all;
  }

  findDeadLetter(id: string): DeadLetter<Value> | undefined {
    return this.#deadLetters.find(id);
  }

  /** Resolves when what waits, or is being saved, under this id is on the disk; undefined when nothing does. */
  whenSaved(id: string): Promise<void> | undefined {
    return this.#saving.get(id) ?? (this.#backlog.has(id) ? Promise.resolve() : undefined);
  }

  /** Resolves when what is being saved now is saved, or was not. */
  async settle(): Promise<void> {
    await Promise.allSettled([...this.#saving.values()]);
  }

  save(value: Value): Promise<void> {
    return this.#save([value], async () => undefined);
  }

  /** Puts dead letters back, with the values that `renew` makes of them; all or none. Returns those that were. */
  async replay(
    letters: readonly DeadLetter<Value>[],
    renew: (value: Value) => Value,
  ): Promise<readonly DeadLetter<Value>[]> {
    // Somebody else is putting these back, or has saved them again.
    for (const { value } of letters) await this.whenSaved(value.id);
    const own = letters.filter((letter) => {
      const { id } = letter.value;
      return this.#deadLetters.find(id) === letter && this.whenSaved(id) === undefined;
    });
    if (own.length === 0) return [];
    await this.#save(
      own.map(({ value }) => renew(value)),
      () => this.#deadLetters.remove(own),
    );
    return own;
  }

  async replace(entry: SpoolEntry<Value>): Promise<void> {
    this.#backlog.put(entry);
    await this.#spool.replace(entry.sequence, entry.value);
  }

  /** They do not wait any longer. */
  async finish(entries: readonly SpoolEntry<Value>[]): Promise<void> {
    for (const entry of entries) this.#backlog.remove(entry);
    await this.#spool.finish(entries.map(({ sequence }) => sequence));
  }

  /** Makes a dead letter of it. When that rejects, it still waits. */
  async giveUp(entry: SpoolEntry<Value>, error: unknown): Promise<void> {
    await this.#deadLetters.add({ ...entry, at: this.#options.clock.now() }, error);
    await this.finish([entry]);
  }

  async close(): Promise<void> {
    await this.#opened?.catch(() => undefined);
    await this.settle();
    await this.#spool.close();
    await this.#deadLetters.close();
  }

  async #open(): Promise<void> {
    const backlog = new SpoolBacklog<Value>();
    const superfluous: number[] = [];
    const usedSequence = await this.#deadLetters.open();
    await forEachInTurns(await this.#spool.open(usedSequence), this.#options.clock, (entry) => {
      const isSuperfluous = this.#deadLetters.has(entry) || backlog.has(entry.value.id);
      if (isSuperfluous) superfluous.push(entry.sequence);
      else backlog.put(entry);
    });
    await this.#spool.finish(superfluous);
    await this.#forgetReplayed(backlog);
    this.#backlog = backlog;
    this.#opening.succeed();
  }

  /** The process ended after these were saved again, and before it was noted that they are dead letters no longer. */
  async #forgetReplayed(backlog: SpoolBacklog<Value>): Promise<void> {
    const replayed = this.#deadLetters.all.filter(({ value }) => backlog.has(value.id));
    await this.#deadLetters.remove(replayed).catch((error: unknown) => {
      this.#options.logger.warn("dead letters that wait again could not be removed from their file", { error });
    });
  }

  /** All or none; they can be applied when `confirm` has resolved as well. */
  async #save(values: readonly Value[], confirm: () => Promise<void>): Promise<void> {
    const saving = this.#opening.pass(() => this.#saveAll(values, confirm));
    for (const { id } of values) this.#saving.set(id, saving);
    try {
      await saving;
    } finally {
      for (const { id } of values) this.#saving.delete(id);
    }
  }

  async #saveAll(values: readonly Value[], confirm: () => Promise<void>): Promise<void> {
    const results = await Promise.allSettled(values.map((value) => this.#spool.save(value)));
    const entries = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    try {
      for (const result of results) if (result.status === "rejected") throw result.reason;
      await confirm();
    } catch (error) {
      await this.#spool.finish(entries.map(({ sequence }) => sequence));
      throw error;
    }
    for (const entry of entries) this.#backlog.put(entry);
  }
}
