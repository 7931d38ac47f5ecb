import type { Clock } from "../core/clock.ts";

/** Discord's ids count from the first second of 2015. */
export const DISCORD_EPOCH_MS = 1_420_070_400_000;
const TIMESTAMP_SHIFT = 22n;
const SEQUENCE_MASK = 0x3f_ffffn;

/** The id of something made at `timestampMs`; `sequence` tells apart what was made in the same millisecond. */
export function createSnowflake(timestampMs: number, sequence = 0): string {
  return ((BigInt(timestampMs - DISCORD_EPOCH_MS) << TIMESTAMP_SHIFT) | (BigInt(sequence) & SEQUENCE_MASK)).toString();
}

export function getSnowflakeTimestampMs(id: string): number {
  return Number(BigInt(id) >> TIMESTAMP_SHIFT) + DISCORD_EPOCH_MS;
}

export function isSnowflake(text: string): boolean {
  return /^\d{15,21}$/.test(text);
}

/** Orders ids by age. Ids of different length exist, so text order is not enough. */
export function compareSnowflakes(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

/** Gives ids that always grow, even when the clock stands still or goes back. */
export class SnowflakeGenerator {
  readonly #clock: Clock;
  #last = 0n;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  next(): string {
    const fresh = BigInt(createSnowflake(Math.floor(this.#clock.now())));
    this.#last = fresh > this.#last ? fresh : this.#last + 1n;
    return this.#last.toString();
  }
}
