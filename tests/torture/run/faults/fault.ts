import { setTimeout as pause } from "node:timers/promises";
import type { Random } from "../random.ts";
import type { Rig } from "../rig.ts";

/** What a machine may lack: then faults that need it are left out, and said. */
export type Need = "libfiu" | "own-disk" | "permissions" | "moved-clock";

/** Ends what was begun. */
export type Heal = () => Promise<void> | void;

/** One way in which things go wrong. All of it is data for the round, but what it does. */
export interface Fault {
  readonly name: string;
  /** How often it is chosen, against others. */
  readonly weight: number;
  readonly needs?: Need;
  /**
   * Which copy of the data it destroys: a round destroys at most one, for no promise is made for all of them at once.
   * When it is the database, the archive of the round is written before anything is acknowledged.
   */
  readonly destroys?: "database" | "backups";
  /** The order to the bot, or the process, is repeated on each pass. Milliseconds that it lasts, at most. */
  readonly maxMs?: number;
  /** The bot finds this when it looks for it by schedule, each full minute. */
  readonly isFoundBySchedule?: boolean;
  /** Discord itself is not to be trusted meanwhile: reminders may honestly fail. */
  readonly troublesDiscord?: boolean;
  /** Throws when it could not be done, as when another fault has ended the bot at that moment. */
  readonly begin: (rig: Rig, random: Random) => Promise<Heal | void>;
}

/** Throws after `limitMs`. */
export async function waitFor(what: string, limitMs: number, isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${limitMs} ms`);
    await pause(3);
  }
}
