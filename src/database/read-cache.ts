import { EVERYTHING } from "./operation.ts";

/**
 * What reads have answered, kept until a write touches what they depend on. An outdated answer is not thrown away: while
 * the database is away it is the last known one, and is given with its age.
 */

export interface CachedRead {
  readonly value: unknown;
  /** When it was read, epoch milliseconds. */
  readonly readAt: number;
}

interface Entry extends CachedRead {
  readonly tags: readonly string[];
  readonly moment: number;
  isFresh: boolean;
}

export interface ReadCacheStatistics {
  readonly size: number;
  readonly hitCount: number;
  readonly missCount: number;
}

export class ReadCache {
  readonly #capacity: () => number;
  /** In order of use, the least recent first. */
  readonly #entries = new Map<string, Entry>();
  readonly #keysByTag = new Map<string, Set<string>>();
  /** Counts up with every touch, so that an answer read before a write is not kept after it. */
  #touchCount = 0;
  #hitCount = 0;
  #missCount = 0;

  /** `capacity` in entries, asked anew each time; 0 keeps nothing. */
  constructor(capacity: () => number) {
    this.#capacity = capacity;
  }

  get statistics(): ReadCacheStatistics {
    return { size: this.#entries.size, hitCount: this.#hitCount, missCount: this.#missCount };
  }

  /** To be handed to `put` with the answer: taken before the question is sent. */
  get moment(): number {
    return this.#touchCount;
  }

  /** An answer that nothing has touched since. */
  getFresh(key: string): CachedRead | undefined {
    const entry = this.#entries.get(key);
    if (!entry?.isFresh) {
      this.#missCount++;
      return undefined;
    }
    this.#hitCount++;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  /** The last answer there was, outdated or not. */
  getLast(key: string): CachedRead | undefined {
    return this.#entries.get(key);
  }

  /**
   * Keeps an answer; one that a write may have overtaken since `moment` counts as outdated from the start. The value is
   * frozen through and through, because all who ask get the same one.
   */
  put(key: string, value: unknown, tags: readonly string[], readAt: number, moment: number): void {
    if (tags.length === 0) return;
    freezeDeeply(value);
    // Answers may come in another order than their questions: the newer one stays.
    if ((this.#entries.get(key)?.moment ?? 0) > moment) return;
    const capacity = this.#capacity();
    this.#remove(key);
    while (this.#entries.size > 0 && this.#entries.size >= capacity) this.#remove(this.#entries.keys().next().value!);
    if (capacity === 0) return;
    this.#entries.set(key, { value, readAt, tags, moment, isFresh: moment === this.#touchCount });
    for (const tag of tags) {
      const keys = this.#keysByTag.get(tag);
      if (keys) keys.add(key);
      else this.#keysByTag.set(tag, new Set([key]));
    }
  }

  /** A write has changed, or may have changed, what these tags name. */
  touch(tags: readonly string[]): void {
    if (tags.includes(EVERYTHING)) {
      this.touchAll();
      return;
    }
    this.#touchCount++;
    for (const tag of tags) {
      for (const key of this.#keysByTag.get(tag) ?? []) this.#entries.get(key)!.isFresh = false;
    }
  }

  /** What is stored may have changed altogether: a restore, another file. */
  touchAll(): void {
    this.#touchCount++;
    for (const entry of this.#entries.values()) entry.isFresh = false;
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    for (const tag of entry.tags) {
      const keys = this.#keysByTag.get(tag)!;
      keys.delete(key);
      if (keys.size === 0) this.#keysByTag.delete(tag);
    }
  }
}

/** Plain data, which has no cycles. */
function freezeDeeply(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const member of Object.values(value)) freezeDeeply(member);
}
