import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isMusterError } from "../../../src/core/errors.ts";
import { performJob } from "../../../src/database/maintenance/perform-job.ts";
import { compareValues, type Check } from "./check.ts";
import { StoredData } from "./stored.ts";

/** A restore into a folder of its own, to one moment of the round, has what was acknowledged by then. */
export const restoreCheck: Check = {
  name: "restore",
  async run({ rig, plan, restorableMoments }) {
    if (restorableMoments.length === 0) return [];
    const at = plan.random.pick(restorableMoments);
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
  },
};

function toWords(warnings: readonly string[]): string {
  return warnings.length === 0 ? "" : ` (${warnings.join(" ")})`;
}
