import { isMusterError } from "../../core/errors.ts";
import { backoffDelayMs } from "../../resilience/backoff.ts";
import { isTemporary } from "../discord-errors.ts";

/** No reminder is postponed by more at once, milliseconds. */
export const MAX_POSTPONEMENT_MS = 300_000;
/** For as long as it takes: an outage of Discord, a server that is not available, a member list that does not come. */
const PAUSE_OF_TROUBLE = {
  maxAttempts: Infinity,
  baseDelay: 5_000,
  maxDelay: MAX_POSTPONEMENT_MS,
  backoffMultiplier: 2,
} as const;
/** What Discord refuses it may have refused by mistake, or a moderator mends it. */
const PAUSE_OF_REFUSAL_MS = 60_000;
const MAX_REFUSALS = 5;

interface Failures {
  readonly mayPass: boolean;
  /** In a row. */
  readonly count: number;
}

/** How often each event's reminder could not be sent, and so how long it waits before the next try. */
export class FailedTries {
  readonly #byEventId = new Map<string, Failures>();
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Notes a failure. Milliseconds until the next try; undefined when there is to be none. */
  note(eventId: string, error: unknown): number | undefined {
    const mayPass = isMusterError(error)
      ? isMusterError(error, "DISCORD_REQUEST_FAILED", "SHUTTING_DOWN")
      : isTemporary(error);
    const last = this.#byEventId.get(eventId);
    const count = last?.mayPass === mayPass ? last.count + 1 : 1;
    if (!mayPass && count >= MAX_REFUSALS) {
      this.forget(eventId);
      return undefined;
    }
    this.#byEventId.set(eventId, { mayPass, count });
    return mayPass ? backoffDelayMs(count, PAUSE_OF_TROUBLE, this.#random) : PAUSE_OF_REFUSAL_MS;
  }

  forget(eventId: string): void {
    this.#byEventId.delete(eventId);
  }
}
