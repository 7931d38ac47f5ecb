import { createArchiveStatus, createManifest, startOf } from "../../helpers/backup-fixtures.ts";
import { ScheduleRig } from "../../helpers/backup-schedule-rig.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const CRON = "0 3 * * *";

let rig: ScheduleRig;
beforeEach(() => {
  rig = new ScheduleRig();
});
afterEach(() => rig.schedule.stop());

const reasons = (): string[] => rig.attempts.map(({ reason }) => reason);

describe("the schedule of the backups", () => {
  it("makes the first backup soon after the start, and none when there is one that is young enough", async () => {
    rig.schedule.start();
    await rig.pass(5_000);
    expect(rig.attempts).toEqual([]);
    await rig.pass(10_000);
    expect(reasons()).toEqual(["start"]);
    await rig.pass(10 * MINUTE_MS, MINUTE_MS);
    expect(reasons()).toEqual(["start"]);
  });

  it("makes one when the interval is over since the last one, also when that was before the start", async () => {
    const { clock } = rig;
    rig.status = { ...rig.status, lastBackup: createManifest({ createdAt: clock.now() - 5 * HOUR_MS }) };
    rig.schedule.start();
    await rig.pass(59 * MINUTE_MS, MINUTE_MS);
    expect(rig.attempts).toEqual([]);
    await rig.pass(MINUTE_MS + 5_000, 5_000);
    expect(reasons()).toEqual(["schedule"]);
    rig.settings = { ...rig.settings, intervalMs: 2 * HOUR_MS };
    await rig.pass(2 * HOUR_MS + MINUTE_MS, MINUTE_MS);
    expect(reasons()).toEqual(["schedule", "schedule"]);
  });

  it("makes one soon after the start when the last one is of the future, and then goes on at its pace", async () => {
    const { clock } = rig;
    rig.status = { ...rig.status, lastBackup: createManifest({ createdAt: clock.now() + 1_000 * HOUR_MS }) };
    rig.schedule.start();
    await rig.pass(MINUTE_MS);
    expect(reasons()).toEqual(["schedule"]);
    await rig.pass(5 * HOUR_MS, MINUTE_MS);
    expect(reasons()).toEqual(["schedule"]);
  });

  it("takes one that is dated a little later than now for one that was just made", async () => {
    rig.status = { ...rig.status, lastBackup: createManifest({ createdAt: rig.clock.now() + HOUR_MS }) };
    rig.schedule.start();
    await rig.pass(MINUTE_MS);
    expect(reasons()).toEqual([]);
  });

  it("goes on at its pace when the clock is set back, also after a failure, and seals", async () => {
    rig.schedule.start();
    rig.succeeds = () => false;
    await rig.pass(15_000);
    rig.clock.setBack(48 * HOUR_MS);
    rig.succeeds = () => true;
    await rig.pass(11 * MINUTE_MS, MINUTE_MS);
    expect(reasons()).toEqual(["start", "start"]);
    const status = { ...rig.status, archive: createArchiveStatus("a", { segment: 1 }) };
    rig.status = { ...status, lastBackup: { ...status.lastBackup!, ...startOf("a") } };
    await rig.pass(HOUR_MS, MINUTE_MS);
    expect(rig.sealCount).toBe(1);
    rig.clock.setBack(5 * HOUR_MS);
    rig.status = { ...rig.status, archive: createArchiveStatus("a", { segment: 2 }) };
    await rig.pass(HOUR_MS, MINUTE_MS);
    expect(rig.sealCount).toBe(2);
    await rig.pass(5 * HOUR_MS, MINUTE_MS);
    expect(reasons()).toEqual(["start", "start", "schedule"]);
  });

  it("follows an expression, and another one from when it is set", async () => {
    rig.settings = { ...rig.settings, expression: CRON };
    rig.schedule.start();
    await rig.pass(MINUTE_MS);
    expect(reasons()).toEqual(["start"]);
    await rig.pass(48 * HOUR_MS, HOUR_MS);
    expect(reasons()).toEqual(["start"]);
    await rig.fire(CRON);
    expect(reasons()).toEqual(["start", "schedule"]);
    rig.settings = { ...rig.settings, expression: "0 4 * * *" };
    rig.schedule.apply();
    expect(rig.expressions).not.toContain(CRON);
    await rig.fire("0 4 * * *");
    expect(reasons()).toEqual(["start", "schedule", "schedule"]);
    rig.settings = { ...rig.settings, isEnabled: false };
    rig.schedule.apply();
    expect(rig.expressions).toEqual([]);
  });

  it("pauses after a failure, and still owes the backup of an expression's moment", async () => {
    rig.status = { ...rig.status, lastBackup: createManifest({ createdAt: rig.clock.now() }) };
    rig.settings = { ...rig.settings, expression: CRON };
    rig.schedule.start();
    rig.succeeds = () => false;
    await rig.fire(CRON);
    await rig.pass(9 * MINUTE_MS, MINUTE_MS);
    expect(reasons()).toEqual(["schedule"]);
    rig.succeeds = () => true;
    await rig.pass(2 * MINUTE_MS, MINUTE_MS);
    expect(reasons()).toEqual(["schedule", "schedule"]);
    await rig.pass(HOUR_MS, MINUTE_MS);
    expect(rig.attempts).toHaveLength(2);
  });

  it("makes one for a new generation of the archive, which is not settled by one of another", async () => {
    const lastBackup = createManifest({ createdAt: rig.clock.now(), ...startOf("a") });
    rig.status = { ...rig.status, lastBackup, archive: createArchiveStatus("a") };
    rig.schedule.start();
    await rig.pass(MINUTE_MS);
    expect(rig.attempts).toEqual([]);
    rig.status = { ...rig.status, archive: createArchiveStatus("b", { gap: "another program" }) };
    await rig.pass(5_000);
    expect(reasons()).toEqual(["new-generation"]);
    expect(rig.archiveEvents).toEqual([{ kind: "archive-gap", generation: "b", reason: "another program" }]);
    await rig.pass(MINUTE_MS);
    expect(rig.attempts).toHaveLength(1);
  });

  it("makes none while backups are disabled, or there is no database", async () => {
    rig.settings = { ...rig.settings, isEnabled: false };
    rig.schedule.start();
    await rig.pass(HOUR_MS, MINUTE_MS);
    rig.settings = { ...rig.settings, isEnabled: true };
    rig.isAvailable = false;
    await rig.pass(HOUR_MS, MINUTE_MS);
    expect(rig.attempts).toEqual([]);
    rig.isAvailable = true;
    await rig.pass(MINUTE_MS);
    expect(reasons()).toEqual(["start"]);
  });

  it("tells of an archive that is behind while a backup is being made, and makes no second one beside it", async () => {
    const gate = Promise.withResolvers<void>();
    rig.gate = gate.promise;
    rig.settings = { ...rig.settings, expression: CRON };
    rig.schedule.start();
    await rig.pass(15_000);
    expect(reasons()).toEqual(["start"]);
    const archive = createArchiveStatus("a", { pendingSince: 5, pendingMs: 20_000, lastError: "no space" });
    rig.status = { ...rig.status, archive };
    await rig.pass(30_000);
    await rig.fire(CRON);
    expect(reasons()).toEqual(["start"]);
    expect(rig.archiveEvents).toEqual([{ kind: "archive-behind", lagMs: 20_000, error: "no space" }]);
    gate.resolve();
  });

  it("waits at its stop for the backup in progress, and makes none afterwards", async () => {
    const gate = Promise.withResolvers<void>();
    rig.gate = gate.promise;
    rig.schedule.start();
    await rig.pass(15_000);
    let isStopped = false;
    const stopping = rig.schedule.stop().then(() => (isStopped = true));
    await rig.pass(5_000);
    expect(isStopped).toBe(false);
    gate.resolve();
    await stopping;
    await rig.pass(24 * HOUR_MS, HOUR_MS);
    expect(reasons()).toEqual(["start"]);
    expect(rig.expressions).toEqual([]);
  });

  it("seals what was closed since the last time, a few times an hour", async () => {
    const lastBackup = createManifest({ createdAt: rig.clock.now(), ...startOf("a") });
    rig.status = { ...rig.status, lastBackup, archive: createArchiveStatus("a", { segment: 1 }) };
    rig.schedule.start();
    await rig.pass(HOUR_MS, MINUTE_MS);
    expect(rig.sealCount).toBe(1);
    rig.status = { ...rig.status, archive: createArchiveStatus("a", { segment: 5 }) };
    await rig.pass(HOUR_MS, MINUTE_MS);
    expect(rig.sealCount).toBe(2);
  });
});
