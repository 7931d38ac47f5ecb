import { setTimeout as pause } from "node:timers/promises";
import type { HealthReport } from "../../../src/database/health/health-types.ts";
import type { Rig } from "./rig.ts";

const LOOK_MS = 200;
const RESTORABLE_LAG_MS = 5_000;
/** The archive goes on through a clock that is set back by so much: these moments come twice, and the first one counts. */
const REPEATED_MS = 6_000;

export function isNormal(health: HealthReport | undefined): boolean {
  if (!health) return false;
  const { database, gateway } = health;
  return database.state === "normal" && database.queue.size === 0 && gateway.isConnected;
}

/**
 * The archive goes on from a backup; between a new beginning and its first backup it does not. A time that is still to
 * come is one of a clock that was ahead.
 */
export function isRestorable({ at, backups: { restorableUntil = 0 } }: HealthReport): boolean {
  return restorableUntil > at - RESTORABLE_LAG_MS && restorableUntil <= at;
}

/** Looks at the bot's own report again and again, as a monitoring system does. */
export class Watcher {
  readonly #rig: Rig;
  /** When all was well, and nothing waited. */
  readonly soundMoments: number[] = [];
  /** Moments up to which the bot said that it can be restored, as it said it. */
  readonly restorableMoments: number[] = [];
  longestStallMs = 0;
  #isWatching = true;
  readonly #watching: Promise<void>;

  constructor(rig: Rig) {
    this.#rig = rig;
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#isWatching = false;
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (this.#isWatching) {
      const health = await this.#rig.health();
      if (health) this.longestStallMs = Math.max(this.longestStallMs, health.system.eventLoopDelay.maxMs);
      const { aheadMs = 0, movedAt = -Infinity } = this.#rig.clock ?? {};
      // What the bot called by a time before, it may call by another one.
      if (this.restorableMoments.some((at) => at < movedAt)) this.restorableMoments.length = 0;
      if (health && isNormal(health) && aheadMs === 0 && health.at > movedAt && health.at <= Date.now()) {
        this.#rig.model.noteApplied(health.at);
        this.soundMoments.push(health.at);
        const { restorableUntil = 0 } = health.backups;
        if (isRestorable(health) && restorableUntil > movedAt + REPEATED_MS)
          this.restorableMoments.push(restorableUntil);
      }
      await pause(LOOK_MS);
    }
  }
}

/** Milliseconds that it took; throws after `limitMs`. */
export async function waitUntil(
  what: string,
  limitMs: number,
  isSo: () => boolean | Promise<boolean>,
): Promise<number> {
  const startedAt = performance.now();
  while (!(await isSo())) {
    if (performance.now() - startedAt > limitMs) throw new Error(`${what}: not within ${limitMs / 1_000} s`);
    await pause(LOOK_MS);
  }
  return performance.now() - startedAt;
}
