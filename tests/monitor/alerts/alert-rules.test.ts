import { MusterError } from "../../../src/core/errors.ts";
import { REPLACED } from "../../../src/database/sqlite/replacement.ts";
import { findingsOf, signalsOf } from "../../../src/monitor/alerts/alert-rules.ts";
import { alertTexts, describeDuration } from "../../../src/monitor/alerts/alert-texts.ts";
import type { Alert } from "../../../src/monitor/alerts/alert.ts";
import type { SystemEvent } from "../../../src/store/system-event.ts";

const path = "/srv/muster/data/muster.db";
const error = new MusterError("BACKUP_FAILED", `store a backup in ${path}: no room`);
const pending = { from: 1, to: 2 } as Extract<SystemEvent, { of: "migration" }>["event"]["pending"] & object;

/** `raise backup critical` and the like. */
function said(event: SystemEvent): string[] {
  return signalsOf(event).map((signal) =>
    signal.kind === "clear"
      ? `clear ${signal.keys.join(" ")}`
      : `${signal.kind} ${signal.finding.key} ${signal.finding.severity}`,
  );
}

const TABLE: readonly (readonly [SystemEvent, readonly string[]])[] = [
  [{ of: "backup", event: { kind: "failed", reason: "schedule", error } }, ["raise backup critical"]],
  [{ of: "backup", event: { kind: "made", manifest: {} as never } }, ["clear backup archive-gap"]],
  [{ of: "backup", event: { kind: "damaged", id: "b1", findings: [path] } }, ["happened backup-damaged:b1 critical"]],
  [{ of: "backup", event: { kind: "drill", result: undefined, error } }, ["raise backup-drill warning"]],
  [
    { of: "backup", event: { kind: "drill", result: { isComplete: true } as never, error: undefined } },
    ["clear backup-drill"],
  ],
  [
    { of: "backup", event: { kind: "archive-gap", generation: "g", reason: "a checkpoint" } },
    ["raise archive-gap warning"],
  ],
  [{ of: "backup", event: { kind: "archive-behind", lagMs: 20_000, error: path } }, ["raise archive critical"]],
  [{ of: "backup", event: { kind: "archive-recovered" } }, ["clear archive"]],
  [{ of: "migration", event: { kind: "waiting", pending, until: 0 } }, []],
  [{ of: "migration", event: { kind: "failed", pending, error } }, ["raise migration critical"]],
  [{ of: "migration", event: { kind: "backup-failed", pending, error } }, ["raise migration critical"]],
  [{ of: "migration", event: { kind: "migrated", pending, backupId: "b1" } }, ["clear migration"]],
  [
    { of: "integrity", incident: { kind: "damage-found", details: { findings: [path] } } },
    ["happened integrity critical"],
  ],
  [
    {
      of: "integrity",
      incident: { kind: "orphans-quarantined", details: { movedByTable: { reaction: 2, event: 1 } } },
    },
    ["happened mended:orphans-quarantined warning"],
  ],
  [
    { of: "recovery", incident: { kind: "recovered", summary: path, details: {} } },
    ["clear recovery integrity", "happened recovered critical"],
  ],
  [{ of: "recovery", incident: { kind: "offered", summary: path, details: {} } }, ["raise recovery critical"]],
  [{ of: "recovery", incident: { kind: "failed", summary: path, details: {} } }, ["raise recovery critical"]],
  [{ of: "recovery", incident: { kind: "notice", summary: path, details: {} } }, ["happened recovery-notice critical"]],
  [{ of: "recovery", incident: { kind: "reopened", summary: path, details: {} } }, ["clear recovery"]],
  [{ of: "action", action: createAction("recover", "running") }, ["raise recovery-running warning"]],
  [{ of: "action", action: createAction("restore", "failed") }, ["clear recovery-running"]],
  [{ of: "action", action: createAction("restart-writer", "running") }, []],
  [{ of: "state", state: { kind: "offline", reason: error, since: 0 } }, ["raise database critical"]],
  [{ of: "state", state: { kind: "read-only", reason: error, since: 0 } }, ["raise database critical"]],
  [{ of: "state", state: { kind: "normal" } }, ["clear database migration recovery"]],
  [{ of: "dead-letter", operation: "reactions.record" }, ["happened dead-letter warning"]],
  [
    {
      of: "settings",
      report: { kind: "rejected", error, problems: [{ name: "DB_MAX_RETRIES", where: path, expected: "a number" }] },
    },
    ["raise settings warning"],
  ],
  [{ of: "settings", report: { kind: "corrected" } }, ["clear settings"]],
];

function createAction(action: string, outcome: "running" | "failed") {
  return { id: "1", action, target: path, startedAt: 0, outcome };
}

describe("what events mean for alerts", () => {
  it.each(TABLE.map(([event, expected]) => ({ event, expected })))("$event → $expected", ({ event, expected }) => {
    expect(said(event)).toEqual(expected);
    for (const signal of signalsOf(event)) {
      if (signal.kind === "clear") continue;
      const { title, text } = signal.finding;
      expect(title.length).toBeGreaterThan(5);
      expect(text.length).toBeGreaterThan(10);
      expect(title + text).not.toContain("/");
    }
  });

  it("is nothing for a new generation of the archive that a restore began", () => {
    const [gap] = signalsOf({ of: "backup", event: { kind: "archive-gap", generation: "g", reason: REPLACED } });
    expect(gap).toBeUndefined();
  });
});

describe("what problems mean for alerts", () => {
  it("is an alert of the matter that events speak of too, or of their own name", () => {
    const problem = (kind: string) => ({ kind, severity: "warning" as const, message: `about ${kind}` });
    const findings = findingsOf(["backup-failed", "archive-behind", "response-time", "strange-thing"].map(problem));
    expect(findings.map(({ key, title }) => `${key}: ${title}`)).toEqual([
      "backup: Backups fail",
      "archive: The archive is behind",
      "response-time: The database answers slowly",
      "strange-thing: Strange thing",
    ]);
    // Its own event tells of it, and waits whether it is only for a moment.
    expect(findingsOf([problem("database-offline"), problem("database-read-only")])).toEqual([]);
  });
});

describe("the words of alerts", () => {
  const alert: Alert = {
    ...{ key: "database", severity: "critical", title: "The database is away", text: "It cannot be used." },
    ...{ startedAt: 0, saidAt: 0, count: 3, isOccurrence: false },
  };
  const say = (kind: "begun" | "worse" | "reminder" | "over", change: Partial<Alert> = {}): string =>
    alertTexts.describeNotice({ kind, at: 6 * 3_600_000, alert: { ...alert, ...change }, isLogged: false });

  it("say what it is, what it means, and how long it lasted", () => {
    expect(say("begun")).toBe("🔴 The database is away: It cannot be used.");
    expect(say("begun", { severity: "warning" })).toBe("🟠 The database is away: It cannot be used.");
    expect(say("worse")).toBe("🔴 Worse now: The database is away: It cannot be used.");
    expect(say("reminder")).toBe("🔴 Still: The database is away (for 6 h): It cannot be used.");
    expect(say("reminder", { isOccurrence: true })).toContain("(3 times in 6 h)");
    expect(say("over", { endedAt: 240_000 })).toBe("🟢 Over: The database is away (recovered after 4 min)");
  });

  it.each([
    [300, "1 s"],
    [40_000, "40 s"],
    [240_000, "4 min"],
    [3 * 3_600_000, "3 h"],
    [72 * 3_600_000, "3 days"],
  ])("call %d ms %j", (durationMs, words) => expect(describeDuration(durationMs)).toBe(words));
});
