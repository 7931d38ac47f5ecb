import { ManualClock } from "./manual-clock.ts";

/** A clock that jumps to the end of each wait as soon as it begins, and knows how long every one was. */
export class JumpingClock extends ManualClock {
  readonly waitsMs: number[] = [];

  override schedule(delayMs: number, callback: () => void): () => void {
    this.waitsMs.push(delayMs);
    const cancel = super.schedule(delayMs, callback);
    queueMicrotask(() => this.advance(delayMs));
    return cancel;
  }
}
