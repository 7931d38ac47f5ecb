import { AlertCenter } from "../../../src/monitor/alerts/alert-center.ts";
import { REMINDER_MS } from "../../../src/monitor/alerts/alert-matter.ts";
import type { AlertNotice, AlertSeverity, Finding } from "../../../src/monitor/alerts/alert.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const SAMPLE_MS = 30_000;
const MINUTE_MS = 60_000;

function finding(key: string, severity: AlertSeverity = "warning"): Finding {
  return { key, severity, title: `title of ${key}`, text: `text of ${key}` };
}

function createRig(clock = new ManualClock()) {
  const notices: AlertNotice[] = [];
  const center = new AlertCenter({ clock, onNotice: (notice) => notices.push(notice) });
  return {
    ...{ clock, center, notices },
    /** As many samples, each with these findings. */
    sample: (count: number, ...findings: readonly Finding[]): void => {
      for (let index = 0; index < count; index++) {
        clock.advance(SAMPLE_MS);
        center.sample(findings);
      }
    },
    /** What was said since it was last asked. */
    said: (): string[] => notices.splice(0).map(({ kind, alert }) => `${kind} ${alert.key} ${alert.severity}`),
  };
}

describe("what samples show", () => {
  it("is said when two in a row have it, at once when it is critical, and once", () => {
    const { sample, said } = createRig();
    sample(1, finding("slow"));
    expect(said()).toEqual([]);
    sample(1);
    sample(1, finding("slow"), finding("disk", "critical"));
    expect(said()).toEqual(["begun disk critical"]);
    sample(50, finding("slow"), finding("disk", "critical"));
    expect(said()).toEqual(["begun slow warning"]);
  });

  it("is said again when it becomes critical, and not when it wavers between the two", () => {
    const { sample, said } = createRig();
    sample(2, finding("slow"));
    sample(1, finding("slow", "critical"));
    expect(said()).toEqual(["begun slow warning", "worse slow critical"]);
    for (let round = 0; round < 20; round++) {
      sample(1, finding("slow"));
      sample(1, finding("slow", "critical"));
    }
    expect(said()).toEqual([]);
  });

  it("is over when it has been gone for a while, with the time for which it lasted", () => {
    const { sample, said, notices, center } = createRig();
    sample(9, finding("slow"));
    expect(said()).toEqual(["begun slow warning"]);
    sample(1);
    sample(1, finding("slow"));
    sample(2);
    expect(said()).toEqual([]);
    sample(1);
    const [{ kind, alert }] = notices as [AlertNotice];
    expect({ kind, lastedMs: alert.endedAt! - alert.startedAt }).toEqual({ kind: "over", lastedMs: 11 * SAMPLE_MS });
    expect(center.alerts()).toMatchObject([{ key: "slow", endedAt: alert.endedAt }]);
  });

  it("is reminded of every six hours while it lasts", () => {
    const { sample, notices } = createRig();
    sample(2 + (13 * 60 * MINUTE_MS) / SAMPLE_MS, finding("slow"));
    expect(notices.map(({ kind }) => kind)).toEqual(["begun", "reminder", "reminder"]);
    expect(notices[2]!.at - notices[1]!.at).toBe(REMINDER_MS);
  });

  it("is told ever more rarely when it comes and goes all day", () => {
    const { sample, notices } = createRig();
    for (let round = 0; round < 144; round++) {
      sample(10, finding("slow", "critical"));
      sample(10);
    }
    const begins = notices.filter(({ kind }) => kind === "begun");
    expect(begins.length).toBeLessThan(50);
    expect(begins.filter(({ at }) => at >= notices[0]!.at && at < notices[0]!.at + 60 * MINUTE_MS).length).toBeLessThan(
      5,
    );
  });
});

describe("events", () => {
  it("that are over within their grace are not worth a word", () => {
    const { clock, center, said } = createRig();
    center.signal({ kind: "raise", finding: finding("database", "critical"), afterMs: 5_000 });
    clock.advance(4_000);
    center.signal({ kind: "clear", keys: ["database"] });
    clock.advance(60 * MINUTE_MS);
    expect(said()).toEqual([]);
    expect(center.alerts()).toEqual([]);
  });

  it("begin an alert that ends when what was cleared stays away", () => {
    const { clock, center, said } = createRig();
    center.signal({ kind: "raise", finding: finding("database", "critical"), afterMs: 5_000 });
    clock.advance(5_000);
    expect(said()).toEqual(["begun database critical"]);
    center.signal({ kind: "clear", keys: ["database", "unknown"] });
    clock.advance(40_000);
    center.signal({ kind: "raise", finding: finding("database", "critical"), afterMs: 5_000 });
    clock.advance(MINUTE_MS);
    center.signal({ kind: "clear", keys: ["database"] });
    clock.advance(59_000);
    expect(said()).toEqual([]);
    clock.advance(1_000);
    expect(said()).toEqual(["over database critical"]);
  });

  it("and samples about one matter are one alert, which lasts as long as either of them", () => {
    const { center, sample, said } = createRig();
    center.signal({ kind: "raise", finding: finding("backup", "critical") });
    sample(3, finding("backup"));
    expect(said()).toEqual(["begun backup critical"]);
    center.signal({ kind: "clear", keys: ["backup"] });
    sample(10, finding("backup"));
    expect(said()).toEqual([]);
    sample(4);
    expect(said()).toEqual(["over backup warning"]);
  });

  it("that only happen are told of once in six hours, with their number, and end without a word", () => {
    const { clock, center, said, notices } = createRig();
    const happen = (): void => center.signal({ kind: "happened", finding: finding("dead-letter") });
    for (let count = 0; count < 500; count++) happen();
    expect(said()).toEqual(["begun dead-letter warning"]);
    clock.advance(60 * MINUTE_MS);
    happen();
    clock.advance(REMINDER_MS - 60 * MINUTE_MS);
    expect(notices).toMatchObject([{ kind: "reminder", alert: { count: 501, isOccurrence: true } }]);
    notices.length = 0;
    clock.advance(10 * REMINDER_MS);
    expect(said()).toEqual([]);
    expect(center.alerts()).toMatchObject([{ key: "dead-letter", count: 501 }]);
    expect(center.alerts()[0]?.endedAt).toBeLessThanOrEqual(clock.now());
    happen();
    expect(said()).toEqual(["begun dead-letter warning"]);
  });
});

describe("a time of day that is set", () => {
  const YEAR_MS = 365 * 24 * 60 * MINUTE_MS;

  it.each([YEAR_MS, -YEAR_MS])("by %d ms neither keeps an end back nor the next beginning", (setBackMs) => {
    const { clock, center, sample, said, notices } = createRig();
    sample(2, finding("disk", "critical"));
    sample(2);
    expect(said()).toEqual(["begun disk critical"]);
    clock.setBack(setBackMs);
    expect(center.alerts()).toMatchObject([{ startedAt: clock.now() - 3 * SAMPLE_MS }]);
    sample(1);
    const [{ at, alert }] = notices as [AlertNotice];
    expect({ at, lastedMs: alert.endedAt! - alert.startedAt }).toEqual({ at: clock.now(), lastedMs: 2 * SAMPLE_MS });
    expect(said()).toEqual(["over disk critical"]);
    expect(center.alerts()).toEqual([alert]);
    sample(1, finding("disk", "critical"));
    expect(said()).toEqual(["begun disk critical"]);
  });

  it("within the grace of an event does not keep it from being told", () => {
    const { clock, center, said } = createRig();
    center.signal({ kind: "raise", finding: finding("database", "critical"), afterMs: 5_000 });
    clock.setBack(YEAR_MS);
    clock.advance(5_000);
    expect(said()).toEqual(["begun database critical"]);
  });

  it("does not keep reminders away, also when it is set back while the bot is down", () => {
    const before = createRig();
    before.center.signal({ kind: "raise", finding: finding("backup", "critical") });
    before.center.signal({ kind: "happened", finding: finding("dead-letter") });
    before.clock.setBack(YEAR_MS);
    before.clock.advance(REMINDER_MS);
    expect(before.said()).toEqual(["begun backup critical", "begun dead-letter warning", "reminder backup critical"]);
    before.center.signal({ kind: "happened", finding: finding("dead-letter") });
    before.said();
    const stored = before.center.store();
    expect(stored.map(({ saidAt }) => saidAt)).toEqual([before.clock.now(), before.clock.now()]);
    before.center.stop();
    before.clock.setBack(YEAR_MS);

    const { clock, center, said } = createRig(before.clock);
    center.restore(stored, (key) => key === "backup");
    expect(center.alerts().map(({ startedAt }) => startedAt)).toEqual([clock.now(), clock.now()]);
    clock.advance(REMINDER_MS);
    expect(said()).toEqual(["reminder backup critical"]);
    expect(center.alerts()).toMatchObject([{ key: "backup" }, { key: "dead-letter", endedAt: clock.now() }]);
  });
});

describe("after a restart", () => {
  it("nothing is told again, and what does not show again is over", () => {
    const before = createRig();
    before.sample(2, finding("slow"), finding("disk", "critical"));
    before.center.signal({ kind: "raise", finding: finding("backup", "critical") });
    before.center.signal({ kind: "happened", finding: finding("dead-letter") });
    const stored = JSON.parse(JSON.stringify(before.center.store())) as ReturnType<AlertCenter["store"]>;
    before.center.stop();
    before.clock.advance(10 * MINUTE_MS);

    const { center, sample, said } = createRig(before.clock);
    center.restore(stored, (key) => key === "backup");
    sample(20, finding("disk", "critical"));
    expect(said()).toEqual(["over slow warning"]);
    center.signal({ kind: "happened", finding: finding("dead-letter") });
    expect(said()).toEqual([]);
    center.signal({ kind: "clear", keys: ["backup"] });
    sample(20);
    expect(said().sort()).toEqual(["over backup critical", "over disk critical"]);
  });
});
