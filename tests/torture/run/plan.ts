import { ALL_FAULTS } from "./faults/all-faults.ts";
import type { Fault } from "./faults/fault.ts";
import { randomOfRound, type Random } from "./random.ts";

/** What a round does, before it does it: all of it follows from the seed and the round's number. */

export interface PlannedFault {
  readonly fault: Fault;
  readonly startMs: number;
  readonly lastsMs: number;
}

export interface RoundPlan {
  readonly seed: number;
  readonly round: number;
  readonly faults: readonly PlannedFault[];
  readonly settings: Readonly<Record<string, string>>;
  /** How it ends: as a supervisor stops it, or by kill -9 and one more start. */
  readonly isKilledAtEnd: boolean;
  readonly loadMs: number;
  /** For everything else that is a matter of chance. */
  readonly random: Random;
}

export interface PlanOptions {
  readonly seed: number;
  /** To choose from; at least one. */
  readonly faults: readonly Fault[];
  /** Begins of faults lie within it. */
  readonly loadMs: number;
  /** In one round; a third of it at least. */
  readonly maxFaults?: number;
}

export const MAX_FAULTS = 3;
const SHORTEST_MS = 300;
const QUIET_BEFORE_MS = 300;

export function planRound(round: number, { seed, faults, loadMs, maxFaults = MAX_FAULTS }: PlanOptions): RoundPlan {
  const random = randomOfRound(seed, round);
  const chosen = chooseFaults(random, faults, random.between(Math.ceil(maxFaults / 3), maxFaults));
  const planned = chosen.map((fault) => ({
    fault,
    startMs: random.between(QUIET_BEFORE_MS, Math.max(loadMs - SHORTEST_MS, QUIET_BEFORE_MS)),
    lastsMs: fault.maxMs === undefined ? 0 : random.between(Math.min(SHORTEST_MS, fault.maxMs), fault.maxMs),
  }));
  const isDatabaseDestroyed = chosen.some(({ destroys }) => destroys === "database");
  return {
    ...{ seed, round, loadMs, random },
    faults: planned.sort((a, b) => a.startMs - b.startMs),
    settings: {
      // With the default the last second may be missing from the archive, and the file is gone with it.
      DB_ARCHIVE_INTERVAL: isDatabaseDestroyed || random.isTrue(0.5) ? "0" : "1s",
      ...(chosen.some(({ isFoundBySchedule }) => isFoundBySchedule) ? { DB_INTEGRITY_SCHEDULE: "* * * * *" } : {}),
    },
    isKilledAtEnd: random.isTrue(0.4),
  };
}

function chooseFaults(random: Random, faults: readonly Fault[], count: number): Fault[] {
  const chosen: Fault[] = [];
  let left = faults;
  while (chosen.length < count && left.length > 0) {
    const fault = pickWeighted(random, left);
    chosen.push(fault);
    // No second copy of the data is destroyed.
    if (fault.destroys) left = left.filter(({ destroys }) => !destroys);
  }
  return chosen;
}

function pickWeighted(random: Random, faults: readonly Fault[]): Fault {
  let rest = random.next() * faults.reduce((sum, { weight }) => sum + weight, 0);
  return faults.find(({ weight }) => (rest -= weight) < 0) ?? faults.at(-1)!;
}

/** By their names, or the begin of them: "kill -9" takes all that begin so. Throws for a name that fits nothing. */
export function findFaults(names: readonly string[]): Fault[] {
  return names.flatMap((name) => {
    const wanted = name.trim().toLowerCase();
    const found = ALL_FAULTS.filter((fault) => fault.name.toLowerCase().startsWith(wanted));
    if (found.length === 0) {
      throw new Error(`there is no fault "${name}"; there are: ${ALL_FAULTS.map((fault) => fault.name).join(", ")}`);
    }
    return found;
  });
}
