import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../core/clock.ts";

export type TokenVerdict = "absent" | "wrong" | "right";

/** Compares what a request brings with the monitor's token, in a time that tells nothing of either. */
export class TokenCheck {
  readonly #digest: Buffer | undefined;

  /** Empty = no token is right. */
  constructor(token: string) {
    this.#digest = token === "" ? undefined : digestOf(token);
  }

  get hasToken(): boolean {
    return this.#digest !== undefined;
  }

  /** `authorization` is the header's value. */
  verify(authorization: string | undefined): TokenVerdict {
    if (authorization === undefined) return "absent";
    const [, token] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
    if (token === undefined || this.#digest === undefined) return "wrong";
    // Of equal length, whatever was sent.
    return timingSafeEqual(digestOf(token), this.#digest) ? "right" : "wrong";
  }
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** So many wrong tokens from one address in this time; then none of its tokens is looked at until it is over. */
const MAX_WRONG = 10;
const WINDOW_MS = 60_000;
/** Addresses remembered: a bound, so that many of them cannot fill the memory. */
const MAX_ADDRESSES = 1_000;

/** Counts wrong tokens by address, so that guessing takes longer than anybody lives. */
export class WrongTokens {
  readonly #clock: Clock;
  /** The oldest window first. */
  readonly #byAddress = new Map<string, { readonly beganAt: number; count: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long an address has to wait, milliseconds; 0 = not at all. */
  waitMs(address: string): number {
    const entry = this.#byAddress.get(address);
    if (!entry || entry.count < MAX_WRONG) return 0;
    return Math.max(0, entry.beganAt + WINDOW_MS - this.#clock.monotonic());
  }

  count(address: string): void {
    const now = this.#clock.monotonic();
    const entry = this.#byAddress.get(address);
    if (entry && now - entry.beganAt < WINDOW_MS) {
      entry.count++;
      return;
    }
    this.#byAddress.delete(address);
    this.#byAddress.set(address, { beganAt: now, count: 1 });
    if (this.#byAddress.size > MAX_ADDRESSES) this.#byAddress.delete(this.#byAddress.keys().next().value!);
  }
}
