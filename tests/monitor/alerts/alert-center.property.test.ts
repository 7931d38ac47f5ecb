import fc from "fast-check";
import { AlertCenter } from "../../../src/monitor/alerts/alert-center.ts";
import { REMINDER_MS } from "../../../src/monitor/alerts/alert-matter.ts";
import type { AlertNotice, Finding } from "../../../src/monitor/alerts/alert.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const key = fc.constantFrom("a", "b");
const finding: fc.Arbitrary<Finding> = fc.record({
  key,
  severity: fc.constantFrom("warning" as const, "critical" as const),
  title: fc.constant("title"),
  text: fc.constant("text"),
});
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("sample" as const), findings: fc.array(finding, { maxLength: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("raise" as const), finding, afterMs: fc.constantFrom(0, 5_000) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("clear" as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("happened" as const), finding }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
);
const life = fc.array(fc.tuple(fc.constantFrom(1_000, 30_000, 120_000, 3_600_000, 8 * 3_600_000), step), {
  minLength: 1,
  maxLength: 60,
});

function live(steps: typeof life extends fc.Arbitrary<infer Life> ? Life : never) {
  const clock = new ManualClock();
  const notices: AlertNotice[] = [];
  const open = (): AlertCenter => new AlertCenter({ clock, onNotice: (notice) => notices.push(notice) });
  let center = open();
  for (const [pauseMs, what] of steps) {
    clock.advance(pauseMs);
    if (what.do === "sample") center.sample(what.findings);
    else if (what.do === "raise") center.signal({ kind: "raise", finding: what.finding, afterMs: what.afterMs });
    else if (what.do === "clear") center.signal({ kind: "clear", keys: [what.key] });
    else if (what.do === "happened") center.signal({ kind: "happened", finding: what.finding });
    else {
      const stored = center.store();
      center.stop();
      center = open();
      center.restore(stored, () => true);
    }
  }
  return { clock, center, notices };
}

function sayingOf({ kind, alert }: AlertNotice): string {
  return `${kind} ${alert.key} ${alert.severity}`;
}

describe("alerts, whatever happens", () => {
  it("are never said twice without an end or six hours between", () => {
    fc.assert(
      fc.property(life, (steps) => {
        const lastAt = new Map<string, number>();
        for (const notice of live(steps).notices) {
          const saying = sayingOf(notice);
          expect(notice.at - (lastAt.get(saying) ?? -Infinity)).toBeGreaterThanOrEqual(REMINDER_MS);
          lastAt.set(saying, notice.at);
          if (notice.kind !== "over") continue;
          for (const said of lastAt.keys()) if (said.includes(` ${notice.alert.key} `)) lastAt.delete(said);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("have an end for each beginning once nothing is wrong any more, unless they only happened", () => {
    fc.assert(
      fc.property(life, (steps) => {
        const { clock, center, notices } = live(steps);
        center.signal({ kind: "clear", keys: ["a", "b"] });
        for (let count = 0; count < 70; count++) {
          clock.advance(30_000);
          center.sample([]);
        }
        clock.advance(2 * REMINDER_MS);
        expect(center.alerts().filter(({ endedAt }) => endedAt === undefined)).toEqual([]);
        const openAlerts = new Map<string, AlertNotice>();
        for (const notice of notices) {
          const { kind, alert } = notice;
          if (kind !== "over") openAlerts.set(alert.key, notice);
          else {
            expect(openAlerts.delete(alert.key)).toBe(true);
            expect(alert.endedAt).toBeGreaterThanOrEqual(alert.startedAt);
          }
        }
        expect([...openAlerts.values()].filter(({ alert }) => !alert.isOccurrence)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
