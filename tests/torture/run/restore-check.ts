import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isMusterError } from "../../../src/core/errors.ts";
import { performJob } from "../../../src/database/maintenance/perform-job.ts";
import { compareValues, type Check, type CheckContext } from "./check.ts";
import { StoredData } from "./stored.ts";

const RESTORE_COUNT = 4;

/** Restores into a folder of their own, to moments of the round, have what was acknowledged by then. */
export const restoreCheck: Check = {
  name: "restore",
  async run(context) {
    const { plan, restorableMoments } = context;
    const moments = new Set<number>();
    for (let i = 0; i < RESTORE_COUNT && restorableMoments.length > 0; i++) {
      moments.add(plan.random.pick(restorableMoments));
    }
    const findings: string[] = [];
    for (const at of moments) findings.push(...(await checkMoment(context, at)));
    return findings;
  },
};

async function checkMoment({ rig, plan }: CheckContext, at: number): Promise<readonly string[]> {
  const folder = join(rig.folder, "restored");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  try {
    const job = {
      kind: "restore",
      databasePath: join(folder, "muster.db"),
      backupFolder: rig.backupFolder,
      target: { kind: "instant", at },
    } as const;
    const { path, warnings } = await performJob("restore", job, () => undefined);
    // What was destroyed cannot be restored; then it has to say so.
    const areBackupsDestroyed = plan.faults.some(({ fault }) => fault.destroys === "backups");
    if (warnings.length > 0 && areBackupsDestroyed) return [];
    const when = `as of ${new Date(at).toISOString()}`;
    return StoredData.read(path, (data) => [
      ...compareValues(rig, data.values(), at).map((finding) => `${when}, ${finding}${toWords(warnings)}`),
      ...data.integrityProblems(),
      ...data.auditFaults(),
    ]);
  } catch (error) {
    const isGone = isMusterError(error, "BACKUP_NOT_FOUND", "BACKUP_DAMAGED");
    if (isGone && plan.faults.some(({ fault }) => fault.destroys === "backups")) return [];
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function toWords(warnings: readonly string[]): string {
  return warnings.length === 0 ? "" : ` (${warnings.join(" ")})`;
}
