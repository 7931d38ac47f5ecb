import { silentLogger, type LogFields } from "../../../src/core/logger.ts";
import { SlowQueries } from "../../../src/database/health/slow-queries.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const SQL = "SELECT * FROM event WHERE state = ?";

function createRig() {
  const clock = new ManualClock();
  const warnings: LogFields[] = [];
  const rig = { isAway: false };
  const slow = new SlowQueries({
    plans: {
      statements: (operation) => (operation === "events.list" ? [SQL] : []),
      explain: () => (rig.isAway ? Promise.reject(new Error("away")) : Promise.resolve(["SCAN event"])),
    },
    clock,
    logger: { ...silentLogger, warn: (message, fields = {}) => void warnings.push({ message, ...fields }) },
  });
  const note = (operation: string): void => slow.note({ at: clock.now(), operation, durationMs: 150 });
  return { clock, warnings, slow, note, rig };
}

describe("SlowQueries", () => {
  it("notes an operation once a minute, explains it afterwards, and tells of a missing index once", async () => {
    const { clock, warnings, slow, note } = createRig();
    note("events.list");
    note("events.list");
    expect(slow.list).toMatchObject([{ operation: "events.list", sql: "", plan: [] }]);
    await slow.explain();
    expect(slow.list).toMatchObject([{ sql: SQL, plan: ["SCAN event"], missingIndex: "event (state)" }]);
    clock.advance(60_000);
    note("events.list");
    note("made.up");
    await slow.explain();
    expect(slow.list.map(({ operation }) => operation)).toEqual(["made.up", "events.list", "events.list"]);
    expect(warnings).toMatchObject([{ index: "event (state)", operation: "events.list" }]);
  });

  it("waits with the plan for a database that is away, and is bounded meanwhile", async () => {
    const { slow, note, rig } = createRig();
    rig.isAway = true;
    note("events.list");
    await slow.explain();
    expect(slow.list).toMatchObject([{ plan: [] }]);
    rig.isAway = false;
    await slow.explain();
    expect(slow.list).toMatchObject([{ plan: ["SCAN event"] }]);
    for (let index = 0; index < 500; index++) note(`operation.${index}`);
    expect(slow.list.length).toBeLessThan(50);
    for (let index = 0; index < 500; index++) {
      note(`other.${index}`);
      await slow.explain();
    }
    expect(slow.list.length).toBe(100);
  });
});
