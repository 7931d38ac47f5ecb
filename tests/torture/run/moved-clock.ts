import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { buildPreload } from "../../helpers/preload.ts";

const SOURCE = join(import.meta.dirname, "moved-clock.c");

/** The time of day as the bot has it: the machine's own, until it is moved. */
export class MovedClock {
  /** What a process needs in its environment to go by this clock. */
  readonly environment: Readonly<Record<string, string>> & { readonly LD_PRELOAD: string };
  readonly #file: number;
  #aheadMs = 0;
  /** By the machine's clock; 0 = never. */
  movedAt = 0;

  /** Throws without a C compiler. */
  constructor(folder: string) {
    const path = join(folder, "moved-clock");
    this.#file = openSync(path, "w");
    this.environment = { LD_PRELOAD: buildPreload(SOURCE, folder), MOVED_CLOCK: path };
    this.move(0);
    this.movedAt = 0;
  }

  get aheadMs(): number {
    return this.#aheadMs;
  }

  /** Negative: behind the machine's. All processes that go by it have it at once. */
  move(aheadMs: number): void {
    this.#aheadMs = aheadMs;
    this.movedAt = Date.now();
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(aheadMs) * 1_000n);
    writeSync(this.#file, bytes, 0, bytes.length, 0);
  }

  close(): void {
    closeSync(this.#file);
  }
}
