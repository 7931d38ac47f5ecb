import { findNextCronMoment } from "../../../src/config/cron.ts";
import type { BackupStatus } from "../../../src/database/backup/backup-manager.ts";
import type { BackupsSettings } from "../../../src/database/backup/backups.ts";
import type { SnapshotManifest } from "../../../src/database/backup/snapshot-manifest.ts";
import { createBackupReport } from "../../../src/database/health/backup-report.ts";

const local = (day: number, hour: number, minute = 0): number => new Date(2026, 5, day, hour, minute).getTime();
const NOW = local(10, 13, 5);

const SETTINGS: BackupsSettings = {
  ...{ isCompressed: true, key: undefined, maxBackups: 10, isArchiving: true, archiveIntervalMs: 1_000 },
  ...{ isEnabled: true, expression: "0 */6 * * *", intervalMs: 3_600_000, drillExpression: "0 4 * * *" },
};
const from = { generation: "G", segment: 1, offset: 0 };
const SNAPSHOT = { id: "abcd1234", createdAt: local(10, 12), storedBytes: 5, archive: { from, until: from } };
const STATUS: BackupStatus = {
  ...{ backupStatus: "SUCCESS", lastBackup: SNAPSHOT as unknown as SnapshotManifest, lastError: "long ago" },
  archive: {
    ...{ ...from, at: NOW - 900, archivedUntil: NOW - 5_000 },
    ...{ pendingSince: undefined, pendingMs: 0, gap: undefined, lastError: undefined },
  },
  restoreVerifiedAt: undefined,
};

const report = (status: Partial<BackupStatus> = {}, settings: Partial<BackupsSettings> = {}, canaryLagMs?: number) =>
  createBackupReport({
    ...{ status: { ...STATUS, ...status }, settings: { ...SETTINGS, ...settings }, canaryLagMs, now: NOW },
  });

describe("createBackupReport", () => {
  it("says when backups are due and that all can be restored", () => {
    expect(report()).toEqual({
      ...{ backupStatus: "SUCCESS", lastBackupAt: SNAPSHOT.createdAt, lastBackupId: "abcd1234", lastBackupBytes: 5 },
      ...{ nextBackupAt: local(10, 18), restorableUntil: NOW - 901 },
      archive: { isEnabled: true, lagMs: 0, status: "ok" },
    });
    expect(report({}, { expression: undefined }).nextBackupAt).toBe(local(10, 13));
    expect(report({}, { isEnabled: false }).nextBackupAt).toBeUndefined();
    expect(report({ lastBackup: undefined }).nextBackupAt).toBe(NOW);
    expect(report({ backupStatus: "FAILED" }).lastError).toBe("long ago");
  });

  it("says how far the archive reaches, and only of the newest backup's generation", () => {
    const archive = { ...STATUS.archive!, pendingSince: NOW - 20_000, pendingMs: 20_000 };
    expect(report({ archive })).toMatchObject({
      restorableUntil: NOW - 5_000,
      archive: { lagMs: 20_000, status: "behind" },
    });
    expect(report({ archive: { ...archive, generation: "H" } }).restorableUntil).toBe(SNAPSHOT.createdAt);
    // Whatever the time of day says: it was set back since, and what waits seems to be of the future.
    const ofFuture = { ...archive, pendingSince: NOW + 3_600_000 };
    expect(report({ archive: ofFuture }).archive).toEqual({ isEnabled: true, lagMs: 20_000, status: "behind" });
    const failing = { ...archive, pendingMs: 10, lastError: "no space left on device" };
    expect(report({ archive: failing }).archive).toMatchObject({ status: "behind" });
    expect(report({}, {}, 700).archive).toEqual({ isEnabled: true, lagMs: 700, status: "ok" });
    expect(report({ archive: undefined })).toMatchObject({ archive: { isEnabled: true, status: "off" } });
    expect(report({}, { isArchiving: false }).archive).toEqual({ isEnabled: false, status: "off" });
  });
});

describe("findNextCronMoment", () => {
  it.each([
    ["* * * * *", local(10, 13, 6)],
    ["30 4 * * *", local(11, 4, 30)],
    ["0 9-17/4 * * mon", local(15, 9)],
    ["15,45 13 10 jun *", local(10, 13, 15)],
    ["5 13 10 6 *", new Date(2027, 5, 10, 13, 5).getTime()],
    ["0 0 29 2 *", new Date(2028, 1, 29).getTime()],
  ])("knows when %s comes next", (expression, expected) => {
    expect(findNextCronMoment(expression, NOW)).toBe(expected);
  });
});
