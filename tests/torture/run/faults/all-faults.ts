import { discordFaults } from "./discord-faults.ts";
import type { Fault, Need } from "./fault.ts";
import { fileFaults } from "./file-faults.ts";
import { processFaults } from "./process-faults.ts";
import { findObstacle, systemFaults } from "./system-faults.ts";

export const ALL_FAULTS: readonly Fault[] = [...processFaults, ...systemFaults, ...fileFaults, ...discordFaults];

/** Those of the machine at hand, and what is left out with its reason. */
export function listPossibleFaults(): { readonly faults: readonly Fault[]; readonly leftOut: readonly string[] } {
  const reasons = new Map<Need, string>();
  for (const need of ["libfiu", "own-disk", "permissions", "moved-clock"] as const) {
    const obstacle = findObstacle(need);
    if (obstacle !== undefined) reasons.set(need, obstacle);
  }
  return {
    faults: ALL_FAULTS.filter(({ needs }) => needs === undefined || !reasons.has(needs)),
    leftOut: [...reasons].map(([need, reason]) => `${need}: ${reason}`),
  };
}
