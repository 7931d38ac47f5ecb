import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MusterError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { climb, REPORT_NAME } from "../../../src/database/backup/recovery-ladder.ts";
import type { MaintenanceJob } from "../../../src/database/maintenance/maintenance-job.ts";
import { offerPathOf, quarantineFolderAt } from "../../../src/database/sqlite/replacement.ts";
import { RecoveryLog } from "../../../src/resilience/recovery-log.ts";
import { RecoveryRig } from "./recovery-rig.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SOUND = ["ok"];

let rig: RecoveryRig;
beforeEach(() => (rig = new RecoveryRig()));
afterEach(() => rig.close());

const failure = new MusterError("BACKUP_DAMAGED", "restore: nothing can be used");

describe("a start", () => {
  const died = new MusterError("INTERNAL", "run the maintenance job inspect-archive: its process ended with SIGKILL");

  /** Holds the database against its archive, while time goes by. */
  async function start(onTurn: () => void = () => undefined): Promise<void> {
    let isDone = false;
    const starting = rig.recovery.prepareStart(true).finally(() => (isDone = true));
    while (!isDone) {
      await rig.turn();
      onTurn();
      rig.clock.advance(100);
    }
    await starting;
  }

  it("looks again when the process that holds the database against its archive dies", async () => {
    rig.failures.set("inspect-archive", died);
    await start(() => {
      if (rig.countJobs("inspect-archive") === 3) rig.failures.clear();
    });
    expect(rig.countJobs("inspect-archive")).toBe(4);
    expect(rig.incidents).toEqual([]);
  });

  it("says that it opened a database that could not be held against its archive", async () => {
    rig.failures.set("inspect-archive", died);
    await start();
    expect(rig.countJobs("inspect-archive")).toBe(4);
    expect(rig.incidents).toEqual(["notice"]);
    expect(rig.recovery.status().notice).toContain("SIGKILL");
  });

  it("stays without a database while the backups cannot be read, instead of making an empty one", async () => {
    rmSync(rig.databasePath);
    mkdirSync(join(rig.folder, "backups"));
    writeFileSync(join(rig.folder, "backups", "snapshots"), "not a folder");
    await rig.recovery.prepareStart(false);
    expect(rig.degradation.state).toMatchObject({
      kind: "offline",
      reason: { code: "DATABASE_MISSING", hint: expect.stringContaining("bring its disk back") as string },
    });
    expect(rig.incidents).toEqual(["failed"]);
  });

  it("does not look again at an archive that cannot be read", async () => {
    rig.failures.set("inspect-archive", new MusterError("BACKUP_DAMAGED", "read the archive: it is damaged"));
    await start();
    expect(rig.countJobs("inspect-archive")).toBe(1);
  });
});

describe("a database that is called damaged and is found sound", () => {
  beforeEach(() => (rig.lines = SOUND));

  it("is opened anew, and not recovered", async () => {
    await rig.report();
    expect(rig.incidents).toEqual(["reopened"]);
    expect(rig.jobs).toEqual(["integrity-check"]);
    expect(rig.openCount).toBe(1);
  });

  it("is recovered at once when the archive has proved that its pages are not what was written", async () => {
    const proved = new MusterError("DATABASE_CORRUPT", "check the database: 90 of its 100 pages are not", {
      details: { isProved: true },
    });
    rig.recovery.report(proved, true);
    await rig.until("idle");
    expect(rig.incidents).toEqual(["recovered"]);
    expect(rig.jobs).not.toContain("integrity-check");
  });

  it("counts as damaged the third time within a minute", async () => {
    await rig.report();
    rig.clock.advance(29_000);
    await rig.report();
    rig.clock.advance(29_000);
    await rig.report();
    expect(rig.incidents).toEqual(["reopened", "reopened", "recovered"]);
  });

  it("does not when the third time comes later, nor by what came before a recovery", async () => {
    await rig.report();
    rig.clock.advance(31_000);
    await rig.report();
    rig.clock.advance(31_000);
    await rig.report();
    expect(rig.incidents).toEqual(["reopened", "reopened", "reopened"]);
    await rig.report();
    expect(rig.incidents.at(-1)).toBe("recovered");
    await rig.report();
    expect(rig.incidents.at(-1)).toBe("reopened");
  });
});

describe("a database that is damaged again and again", () => {
  it("is recovered three times within an hour, and then not before the first of them is an hour ago", async () => {
    for (let count = 0; count < 3; count++) {
      await rig.report();
      rig.clock.advance(MINUTE_MS);
    }
    await rig.report();
    expect(rig.incidents).toEqual(["recovered", "recovered", "recovered", "failed"]);
    expect(rig.state).toMatchObject({ kind: "failed", reason: expect.stringContaining("look at the disk") as string });
    expect(rig.countJobs("restore")).toBe(3);
    rig.clock.advance(HOUR_MS - 4 * MINUTE_MS);
    await rig.turn();
    expect(rig.countJobs("restore")).toBe(3);
    rig.clock.advance(10 * MINUTE_MS);
    await rig.until("idle");
    expect(rig.incidents.at(-1)).toBe("recovered");
  });

  it("is recovered once more when a person asks for it", async () => {
    for (let count = 0; count < 4; count++) await rig.report();
    expect(rig.state.kind).toBe("failed");
    expect(await rig.recovery.accept()).toMatchObject({ route: "archive" });
    expect(rig.countJobs("exchange-database")).toBe(4);
  });
});

describe("a recovery whose process dies", () => {
  it("does the job again instead of taking a worse way", async () => {
    rig.failures.set("restore", new MusterError("INTERNAL", "run the maintenance job restore: its process ended"));
    const reporting = rig.report();
    while (rig.countJobs("restore") < 2) {
      await rig.turn();
      rig.clock.advance(100);
    }
    rig.failures.clear();
    while (rig.incidents.length === 0) {
      await rig.turn();
      rig.clock.advance(100);
    }
    await reporting;
    expect(rig.incidents).toEqual(["recovered"]);
    expect(rig.countJobs("restore")).toBeLessThanOrEqual(3);
    expect(rig.countJobs("salvage")).toBe(0);
  });
});

describe("a recovery that fails", () => {
  beforeEach(async () => {
    rig.failures.set("restore", failure);
    await rig.report();
  });

  it("says so, and leaves the bot offline", () => {
    expect(rig.state).toMatchObject({
      kind: "failed",
      reason: expect.stringContaining("nothing can be used") as string,
    });
    expect(rig.incidents).toEqual(["failed"]);
    expect(rig.degradation.state).toMatchObject({ kind: "offline", reason: { code: "DATABASE_CORRUPT" } });
    expect(rig.openCount).toBe(0);
  });

  it("is tried again after ten seconds and then ever longer, up to ten minutes, and told of once", async () => {
    for (const seconds of [10, 20, 40, 80, 160, 320, 600, 600]) {
      rig.clock.advance(seconds * 1_000 - 1);
      await rig.turn();
      expect(rig.state.kind).toBe("failed");
      rig.clock.advance(1);
      await rig.until("recovering");
      await rig.until("failed");
    }
    expect(rig.incidents).toEqual(["failed"]);
    rig.failures.set("restore", new MusterError("DATABASE_FULL", "restore the database: no room"));
    rig.clock.advance(10 * MINUTE_MS);
    await rig.until("recovering");
    await rig.until("failed");
    expect(rig.incidents).toEqual(["failed", "failed"]);
    rig.failures.clear();
    rig.clock.advance(10 * MINUTE_MS);
    await rig.until("idle");
    expect(rig.incidents).toEqual(["failed", "failed", "recovered"]);
    expect(rig.openCount).toBe(1);
  });

  it("lets a person restore something else, and is not tried meanwhile", async () => {
    let finish!: () => void;
    const done = rig.recovery.yieldTo(() => new Promise<void>((resolve) => (finish = resolve)));
    await rig.turn();
    rig.clock.advance(HOUR_MS);
    await rig.turn();
    expect(rig.countJobs("restore")).toBe(1);
    finish();
    await done;
    expect(rig.state.kind).toBe("idle");
    expect(rig.openCount).toBe(1);
  });

  it("waits on when what a person restores fails as well, and is tried again by itself", async () => {
    await expect(rig.recovery.yieldTo(() => Promise.reject(failure))).rejects.toBe(failure);
    await rig.until("failed");
    rig.failures.clear();
    rig.clock.advance(10 * MINUTE_MS);
    await rig.until("idle");
    expect(rig.incidents).toEqual(["failed", "recovered"]);
  });
});

describe("a database that is gone", () => {
  /** Which file is held against the archive. */
  async function findDamaged(): Promise<string[]> {
    const { clock, databasePath } = rig;
    const paths: string[] = [];
    await climb(failure, {
      ...{ databasePath, backupFolder: join(rig.folder, "backups"), key: undefined, isArchiving: true },
      run: (job: MaintenanceJob) => {
        if (job.kind === "inspect-archive") paths.push(job.databasePath);
        return Promise.reject(failure);
      },
      recovery: new RecoveryLog({ clock, logger: silentLogger }),
      now: () => clock.now(),
      onProgress: () => undefined,
    });
    return paths;
  }

  it("is looked for where a rescue has moved it last, also behind a recovery while the clock was ahead", async () => {
    const { clock, databasePath } = rig;
    rmSync(databasePath);
    const moveAside = (name: string): string => {
      const folder = quarantineFolderAt(databasePath, clock.now());
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, name), "moved aside");
      return join(folder, name);
    };
    moveAside("muster.db");
    clock.setBack(-9_000 * HOUR_MS);
    moveAside(REPORT_NAME);
    expect(await findDamaged()).toEqual([databasePath]);
    clock.setBack(9_000 * HOUR_MS);
    const rescued = moveAside("muster.db");
    expect(await findDamaged()).toEqual([rescued]);
    moveAside(REPORT_NAME);
    expect(await findDamaged()).toEqual([databasePath]);
  });
});

describe("a restore that a person asked for", () => {
  it("keeps a recovery from beginning until it has ended, and another restore out", async () => {
    const damaged = new MusterError("DATABASE_CORRUPT", "read a page: it is damaged");
    await rig.recovery.yieldTo(async (isReleased) => {
      expect(isReleased).toBe(false);
      rig.recovery.report(damaged);
      expect(rig.state.kind).toBe("idle");
      await expect(rig.recovery.yieldTo(async () => undefined)).rejects.toMatchObject({ code: "CONFLICT" });
    });
    await rig.report();
    expect(rig.incidents).toEqual(["recovered"]);
  });

  it("is refused while a recovery is in progress", async () => {
    const recovered = rig.report();
    await expect(rig.recovery.yieldTo(async () => undefined)).rejects.toMatchObject({ code: "CONFLICT" });
    await recovered;
  });
});

describe("a recovered database that is offered", () => {
  beforeEach(async () => {
    rig.isAutomatic = false;
    await rig.report();
    expect(rig.state).toMatchObject({ kind: "offered", offer: { isComplete: true, rows: { user: 3 } } });
  });

  it("changes nothing until somebody decides, however long that takes", async () => {
    rig.clock.advance(24 * HOUR_MS);
    await rig.turn();
    expect(rig.state.kind).toBe("offered");
    expect(rig.jobs).not.toContain("exchange-database");
    expect(rig.openCount).toBe(0);
  });

  it("takes the database's place when it is accepted", async () => {
    expect(await rig.recovery.accept()).toMatchObject({ route: "archive", isComplete: true });
    expect(rig.incidents).toEqual(["offered", "recovered"]);
    expect([rig.state.kind, rig.openCount]).toEqual(["idle", 1]);
  });

  it("does not count as accepted when it does not get there", async () => {
    rig.failures.set("exchange-database", new MusterError("DATABASE_IO", "rename: input/output error"));
    await expect(rig.recovery.accept()).rejects.toMatchObject({ code: "DATABASE_IO" });
    expect(rig.incidents).toEqual(["offered"]);
    expect(rig.state.kind).toBe("idle");
  });

  it("stays beside the database when it is declined, which is opened as it is", async () => {
    const file = rig.offerFile;
    await rig.recovery.decline();
    expect(rig.incidents).toEqual(["offered", "declined"]);
    expect(rig.offerFile).toBe(file);
    expect(existsSync(offerPathOf(rig.databasePath))).toBe(true);
    expect([rig.state.kind, rig.openCount]).toEqual(["idle", 1]);
  });

  it("is declined by a restore, which runs before anybody opens the files", async () => {
    const result = await rig.recovery.yieldTo(async (isReleased) => {
      expect(isReleased).toBe(true);
      expect([rig.state.kind, rig.openCount]).toEqual(["recovering", 0]);
      return "restored";
    });
    expect(result).toBe("restored");
    expect(rig.incidents).toEqual(["offered", "declined"]);
    expect(rig.openCount).toBe(1);
  });

  it("is offered still when the restore fails", async () => {
    const { state } = rig;
    await expect(rig.recovery.yieldTo(() => Promise.reject(failure))).rejects.toBe(failure);
    await rig.until("offered");
    expect(rig.state).toEqual(state);
    expect(rig.countJobs("restore")).toBe(1);
    await rig.recovery.accept();
    expect(rig.incidents).toEqual(["offered", "recovered"]);
  });

  it("is made anew when the restore that failed has overwritten it", async () => {
    const overwrite = async (): Promise<void> => {
      rig.writeOffer();
      throw failure;
    };
    await expect(rig.recovery.yieldTo(overwrite)).rejects.toBe(failure);
    await rig.until("offered");
    expect(rig.countJobs("restore")).toBe(2);
    expect(rig.incidents).toEqual(["offered", "offered"]);
  });

  it("is decided about once", async () => {
    const accepted = rig.recovery.accept();
    await expect(rig.recovery.yieldTo(async () => undefined)).rejects.toMatchObject({ code: "CONFLICT" });
    await accepted;
    await expect(rig.recovery.accept()).rejects.toMatchObject({ code: "BACKUP_NOT_FOUND" });
  });

  it("does not keep the program from stopping", async () => {
    await rig.recovery.stop();
    expect(rig.state.kind).toBe("idle");
    await expect(rig.recovery.accept()).rejects.toMatchObject({ code: "BACKUP_NOT_FOUND" });
  });
});
