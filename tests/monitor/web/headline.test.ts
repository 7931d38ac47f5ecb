import type { HealthReport } from "../../../src/database/health/health-types.ts";
import { formatAgo, formatBytes, formatMs, formatShare, formatSpan } from "../../../src/monitor/web/text/format.ts";
import { headlineOf, otherProblems } from "../../../src/monitor/web/text/headline.ts";

const NOW = new Date(2026, 4, 1, 14, 8).getTime();

interface Figures {
  readonly database?: Partial<HealthReport["database"]>;
  readonly backups?: Partial<HealthReport["backups"]>;
  readonly isConnected?: boolean;
  readonly problems?: HealthReport["problems"];
}

/** Only what the words are made of. */
function report({ database, backups, isConnected = true, problems = [] }: Figures): HealthReport {
  const report = {
    problems,
    database: { state: "normal", engine: "ready", queue: { size: 0, deadLetterCount: 0 }, ...database },
    backups: { archive: { isEnabled: true, status: "ok" }, restorableUntil: NOW - 2_000, ...backups },
    gateway: { isConnected },
  };
  return report as unknown as HealthReport;
}

describe("the headline", () => {
  it("says that all is well, and to which moment it could be restored", () => {
    expect(headlineOf(report({}), NOW)).toEqual({
      tone: "good",
      title: "All is well.",
      text: "The newest restorable moment is 2 seconds ago.",
    });
    const bare = headlineOf({ ...report({}), backups: { archive: { isEnabled: false, status: "off" } } }, NOW);
    expect(bare.text).toBe("There is no backup yet.");
  });

  it("says since when the database is away, why, and how many writes wait", () => {
    const since = new Date(2026, 4, 1, 14, 5).getTime();
    const queue = { size: 12, deadLetterCount: 0 };
    const headline = headlineOf(report({ database: { state: "offline", reason: "DATABASE_FULL", since, queue } }), NOW);
    expect(headline.tone).toBe("critical");
    expect(headline.title).toBe("The database is offline since 14:05: the disk is full.");
    expect(headline.text).toMatch(/^12 writes wait, nothing is lost\./);
  });

  it("names the day when that was not today, and counts one write as one", () => {
    const since = new Date(2026, 3, 3, 14, 5).getTime();
    const queue = { size: 1, deadLetterCount: 0 };
    const { title, text } = headlineOf(report({ database: { state: "read-only", since, queue } }), NOW);
    expect(title).toBe("The database can only be read since 3 Apr, 14:05.");
    expect(text).toMatch(/^1 write waits/);
  });

  it("tells of the worst problem itself, and leaves the others to the list", () => {
    const problems = [
      { severity: "critical", kind: "error-rate", message: "a fifth of the calls fail" },
      { severity: "warning", kind: "disk", message: "the disk is nearly full" },
    ] as const;
    const health = report({ problems });
    expect(headlineOf(health, NOW)).toMatchObject({ tone: "critical", title: "Something is wrong." });
    expect(headlineOf(health, NOW).text).toMatch(/^A fifth of the calls fail\. /);
    expect(otherProblems(health)).toEqual([problems[1]]);
  });

  it("says that Discord is away while the database is well", () => {
    expect(headlineOf(report({ isConnected: false }), NOW)).toMatchObject({ tone: "critical" });
    expect(headlineOf(report({ isConnected: false }), NOW).title).toContain("Discord");
  });
});

describe("figures", () => {
  it("have their unit and no more digits than say something", () => {
    expect([0, 0.4213, 12.44, 999.4, 1_300, 90_000, 7_200_000].map(formatMs)).toEqual([
      ...["0 ms", "0.42 ms", "12.4 ms", "999 ms", "1.3 s", "1.5 min", "2 h"],
    ]);
    expect(formatMs(undefined)).toBe("–");
    expect([0, 512, 1_536, 41e6].map(formatBytes)).toEqual(["0 B", "512 B", "1.5 KB", "39.1 MB"]);
    expect([0, 0.0031, 0.25].map(formatShare)).toEqual(["0 %", "0.31 %", "25 %"]);
  });

  it("tell times as a person does", () => {
    expect([1_000, 61_000, 7_200_000].map(formatSpan)).toEqual(["1 second", "1 minute", "2 hours"]);
    expect([NOW - 300, NOW - 5_000, NOW + 3_600_000].map((at) => formatAgo(at, NOW))).toEqual([
      ...["just now", "5 seconds ago", "in 1 hour"],
    ]);
  });
});
