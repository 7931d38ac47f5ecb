import { setImmediate } from "node:timers/promises";
import type { Clock } from "../core/clock.ts";

/** A quarter of what may hold up the main thread: others want their share of it in the same turn. */
const TURN_MS = 5;

/** Cuts long work into turns of the event loop: while `isOver`, `await next()` lets everybody else go first. */
export class Turns {
  readonly #clock: Clock;
  #startedAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
  }

  get isOver(): boolean {
    return this.#clock.monotonic() - this.#startedAt >= TURN_MS;
  }

  async next(): Promise<void> {
    await setImmediate();
    this.restart();
  }

  /** Something else has been waited for, so a new turn has begun. */
  restart(): void {
    this.#startedAt = this.#clock.monotonic();
  }
}

export async function forEachInTurns<Item>(
  items: Iterable<Item>,
  clock: Clock,
  visit: (item: Item) => void,
): Promise<void> {
  const turns = new Turns(clock);
  for (const item of items) {
    visit(item);
    if (turns.isOver) await turns.next();
  }
}
