import type { SpoolEntry } from "./spool.ts";

/** What is urgent goes first: every HIGH before any MEDIUM, every MEDIUM before any LOW. */
export const PRIORITIES = ["HIGH", "MEDIUM", "LOW"] as const;
export type Priority = (typeof PRIORITIES)[number];

export interface Waiting {
  readonly id: string;
  readonly priority: Priority;
  /** When it was asked for, epoch milliseconds. */
  readonly timestamp: number;
}

/** Entries in the order in which they are to be done: by priority, and within one in that of their arrival. */
export class SpoolBacklog<Value extends Waiting> {
  readonly #byPriority: Readonly<Record<Priority, Map<number, SpoolEntry<Value>>>> = {
    HIGH: new Map(),
    MEDIUM: new Map(),
    LOW: new Map(),
  };
  readonly #ids = new Set<string>();

  get size(): number {
    return PRIORITIES.reduce((sum, priority) => sum + this.#byPriority[priority].size, 0);
  }

  /** The time of the first of each priority that was asked for earliest; undefined when nothing waits. */
  get oldestAt(): number | undefined {
    const firsts = PRIORITIES.flatMap((priority) => takeFirst(this.#byPriority[priority].values(), 1));
    return firsts.length === 0 ? undefined : Math.min(...firsts.map(({ value }) => value.timestamp));
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** A new one goes behind the others of its priority; one that waits already keeps its place and gets its new value. */
  put(entry: SpoolEntry<Value>): void {
    this.#byPriority[entry.value.priority].set(entry.sequence, entry);
    this.#ids.add(entry.value.id);
  }

  remove({ sequence, value }: SpoolEntry<Value>): void {
    this.#byPriority[value.priority].delete(sequence);
    this.#ids.delete(value.id);
  }

  /** The first ones of the most urgent priority that has any. */
  nextBatch(limit: number): readonly SpoolEntry<Value>[] {
    const priority = PRIORITIES.find((priority) => this.#byPriority[priority].size > 0);
    return priority === undefined ? [] : takeFirst(this.#byPriority[priority].values(), limit);
  }

  list(limit: number): readonly SpoolEntry<Value>[] {
    const entries: SpoolEntry<Value>[] = [];
    for (const priority of PRIORITIES) {
      entries.push(...takeFirst(this.#byPriority[priority].values(), limit - entries.length));
    }
    return entries;
  }
}

function takeFirst<Item>(items: Iterable<Item>, limit: number): Item[] {
  const taken: Item[] = [];
  if (limit <= 0) return taken;
  for (const item of items) if (taken.push(item) >= limit) break;
  return taken;
}
