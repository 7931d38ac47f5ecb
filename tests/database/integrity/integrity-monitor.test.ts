import { MusterError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import {
  IntegrityMonitor,
  type IntegrityIncident,
  type IntegrityMonitorOptions,
} from "../../../src/database/integrity/integrity-monitor.ts";
import type { IntegrityReport } from "../../../src/database/maintenance/integrity-check.ts";
import { GracefulDegradation } from "../../../src/resilience/graceful-degradation.ts";
import { withFolder } from "../../helpers/database.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { createIntegrityDatabase, createMonitor } from "./integrity-rig.ts";

const SOUND: IntegrityReport = { depth: "quick", lines: ["ok"], foreignKeyViolations: [], durationMs: 1 };
const reason = new MusterError("DATABASE_IO", "write: the disk is gone");

/** A monitor whose looks are answered by hand. */
function createWatched(options: Partial<IntegrityMonitorOptions> = {}) {
  const clock = new ManualClock();
  const degradation = new GracefulDegradation();
  const looks: { readonly depth: string; readonly answer: PromiseWithResolvers<IntegrityReport> }[] = [];
  const schedules: string[] = [];
  const incidents: IntegrityIncident[] = [];
  const corruptions: MusterError[] = [];
  const calls: string[] = [];
  const monitor = new IntegrityMonitor({
    ...{ path: "test.db", degradation, expression: "0 4 * * *", clock, logger: silentLogger },
    database: {
      call: async (name) => {
        calls.push(name);
        throw new MusterError("CONSTRAINT_VIOLATED", "run it: an index does not fit");
      },
    },
    inspect({ depth }, { signal }) {
      const answer = Promise.withResolvers<IntegrityReport>();
      signal.addEventListener("abort", () => answer.reject(new MusterError("SHUTTING_DOWN", "look: not any more")));
      looks.push({ depth, answer });
      return answer.promise;
    },
    schedule(expression) {
      schedules.push(expression);
      return () => void schedules.splice(schedules.indexOf(expression), 1);
    },
    onIncident: (incident) => void incidents.push(incident),
    onCorrupt: (error) => void corruptions.push(error),
    ...options,
  });
  return { monitor, clock, degradation, looks, schedules, incidents, corruptions, calls };
}

describe("IntegrityMonitor", () => {
  it("looks quickly, a moment after the start, and once", async () => {
    const { monitor, clock, looks } = createWatched();
    monitor.start();
    expect(looks).toEqual([]);
    clock.advance(10_000);
    expect(looks.map(({ depth }) => depth)).toEqual(["quick"]);
    looks[0]!.answer.resolve(SOUND);
    expect(await monitor.check("requested")).toMatchObject({ kind: "start", outcome: "ok", findings: [] });
    clock.advance(3_600_000);
    expect(looks).toHaveLength(1);
    await monitor.stop();
  });

  it("waits for a database that is away, and leaves out what falls due meanwhile", async () => {
    const { monitor, clock, degradation, looks } = createWatched();
    degradation.transition({ kind: "offline", reason, since: 0 });
    monitor.start();
    clock.advance(60_000);
    expect(await monitor.check("scheduled")).toBeUndefined();
    expect([looks, monitor.last]).toEqual([[], undefined]);
    degradation.transition({ kind: "normal" });
    clock.advance(10_000);
    expect(looks).toHaveLength(1);
    looks[0]!.answer.resolve(SOUND);
    await monitor.stop();
  });

  it("gives the check that runs to whoever asks for another", async () => {
    const { monitor, looks } = createWatched();
    monitor.start();
    const [first, second] = [monitor.check("requested"), monitor.check("scheduled")];
    looks[0]!.answer.resolve(SOUND);
    expect(await first).toBe(await second);
    expect(looks.map(({ depth }) => depth)).toEqual(["full"]);
    await monitor.stop();
  });

  it("ends the look in progress when it stops, and begins none after", async () => {
    const { monitor, clock, looks, schedules, incidents } = createWatched();
    monitor.start();
    void monitor.check("scheduled");
    await monitor.stop();
    await monitor.stop();
    expect(monitor.last).toMatchObject({ outcome: "failed" });
    expect(await monitor.check("requested")).toBeUndefined();
    clock.advance(60_000);
    expect([looks.length, schedules, incidents]).toEqual([1, [], []]);
  });

  it("changes its schedule while it runs", async () => {
    const { monitor, schedules } = createWatched();
    monitor.start();
    monitor.setSchedule("*/5 * * * *");
    expect(schedules).toEqual(["*/5 * * * *"]);
    await monitor.stop();
    expect(schedules).toEqual([]);
  });

  it("calls a database damaged when mending is refused, and goes on when that cannot be told", async () => {
    const { monitor, looks, corruptions, calls } = createWatched({
      onIncident: () => Promise.reject(new Error("the audit log is full")),
    });
    monitor.start();
    const checking = monitor.check("scheduled");
    looks[0]!.answer.resolve({ ...SOUND, depth: "full", lines: ["row 1 missing from index a"] });
    expect(await checking).toMatchObject({ outcome: "damaged" });
    expect(calls).toEqual(["integrity.rebuildIndexes", "integrity.resolveDuplicates"]);
    expect(corruptions).toMatchObject([{ code: "DATABASE_CORRUPT" }]);
    await monitor.stop();
  });

  it("takes a failing look for no damage", async () => {
    const { monitor, looks, incidents, corruptions } = createWatched();
    monitor.start();
    const checking = monitor.check("scheduled");
    looks[0]!.answer.reject(new MusterError("OPERATION_TIMEOUT", "look: it took too long"));
    expect(await checking).toMatchObject({ outcome: "failed", findings: ["look: it took too long"] });
    expect([incidents, corruptions]).toEqual([[], []]);
    await monitor.stop();
  });
});

describe("IntegrityMonitor of a database in memory", () => {
  it("looks by operations, because no other process can", async () => {
    await withFolder(async (folder) => {
      const database = createIntegrityDatabase(folder, ":memory:");
      await database.manager.start();
      const { monitor, run } = createMonitor(database, {
        path: undefined,
        inspect: () => Promise.reject(new Error("asked to look at a file")),
      });
      expect(await run("start")).toMatchObject({ outcome: "ok" });
      expect(await run("scheduled")).toMatchObject({ outcome: "ok" });
      await monitor.stop();
      await database.close();
    });
  });
});
