import type { DatabaseReport } from "../../../src/database/health/health-types.ts";
import { findProblems, toHealthStatus, type HealthFacts } from "../../../src/database/health/problems.ts";
import { AT, createBackups, createDatabaseReport, createFacts, createThroughput } from "./report-fixtures.ts";

const THRESHOLDS = {
  ...{ warningResponseMs: 2_000, criticalResponseMs: 5_000 },
  ...{ warningErrorRate: 0.05, criticalErrorRate: 0.15 },
};
const MB = 1024 ** 2;

const withDatabase = (given: Partial<DatabaseReport>): Partial<HealthFacts> => ({
  database: createDatabaseReport(given),
});
const withMinute = (given: Parameters<typeof createThroughput>[0]): Partial<HealthFacts> =>
  withDatabase({ lastMinute: createThroughput(given) });
const withFiles = (given: Partial<NonNullable<DatabaseReport["files"]>>): Partial<HealthFacts> =>
  withDatabase({ files: { ...createDatabaseReport().files!, ...given } });

function problemsOf(facts: Partial<HealthFacts>): string[] {
  return findProblems(createFacts(facts), THRESHOLDS).map(({ severity, kind }) => `${severity} ${kind}`);
}

describe("findProblems", () => {
  it.each<[string, Partial<HealthFacts>, string[]]>([
    ["nothing when all is well", {}, []],
    ["nothing at the thresholds", withMinute({ p95Ms: 2_000, errorRate: 0.05 }), []],
    ["slow answers", withMinute({ p95Ms: 2_001 }), ["warning response-time"]],
    ["very slow answers", withMinute({ p95Ms: 5_001 }), ["critical response-time"]],
    ["failing calls", withMinute({ errorRate: 0.051, errorCount: 51 }), ["warning error-rate"]],
    ["many failing calls", withMinute({ errorRate: 0.151 }), ["critical error-rate"]],
    ["nothing of so few calls", withMinute({ count: 4, p95Ms: 9_000, errorRate: 1 }), []],
    ["a breaker that is not closed", withDatabase({ breaker: "half-open" }), ["critical breaker-open"]],
    ["a database that is away", withDatabase({ state: "offline", reason: "x" }), ["critical database-offline"]],
    ["one that takes no writes", withDatabase({ state: "read-only" }), ["critical database-read-only"]],
    [
      "damage that was not mended",
      withDatabase({ integrity: { status: "damaged", problemCount: 2 } }),
      ["critical integrity-damaged"],
    ],
    [
      "a queue that grows",
      { ...withDatabase({ queue: { size: 150, deadLetterCount: 0 } }), formerQueueSize: 149 },
      ["warning queue-growing"],
    ],
    [
      "no queue that shrinks",
      { ...withDatabase({ queue: { size: 150, oldestAt: AT - 1_000, deadLetterCount: 0 } }), formerQueueSize: 151 },
      [],
    ],
    [
      "a queue that nobody empties",
      withDatabase({ queue: { size: 1, oldestAt: AT - 60_001, deadLetterCount: 0 } }),
      ["warning queue-stuck"],
    ],
    ["writes that were given up", withDatabase({ queue: { size: 0, deadLetterCount: 1 } }), ["warning dead-letters"]],
    ["a disk that fills up", withFiles({ diskFreeBytes: 499 * MB }), ["warning disk-full"]],
    [
      "a disk without room for a restore",
      withFiles({ databaseBytes: 800 * MB, diskFreeBytes: 700 * MB }),
      ["warning disk-full"],
    ],
    ["a full disk", withFiles({ diskFreeBytes: 99 * MB }), ["critical disk-full"]],
    [
      "a database near its limit",
      withFiles({ databaseBytes: 80 * MB, walBytes: 10 * MB, maxBytes: 100 * MB }),
      ["warning size-limit"],
    ],
    ["a failed backup", { backups: createBackups({ backupStatus: "FAILED" }) }, ["warning backup-failed"]],
    ["an overdue backup", { backups: createBackups({ nextBackupAt: AT - 1_800_001 }) }, ["warning backup-overdue"]],
    [
      "no backup that is being made",
      { backups: createBackups({ nextBackupAt: AT - 1_800_001, backupStatus: "IN_PROGRESS" }) },
      [],
    ],
    [
      "an archive that is behind",
      { backups: createBackups({ archive: { isEnabled: true, lagMs: 20_000, status: "behind" } }) },
      ["critical archive-behind"],
    ],
    [
      "a bot without Discord",
      { gateway: { isConnected: false, reconnectCount: 0, rateLimitCount: 0, guildCount: 0 } },
      ["warning gateway-away"],
    ],
  ])("tells of %s", (_title, facts, expected) => {
    expect(problemsOf(facts)).toEqual(expected);
  });

  it("does not hold it against a bot that was off that no backup was made meanwhile", () => {
    const { system } = createFacts();
    const backups = createBackups({ nextBackupAt: AT - 86_400_000 });
    expect(problemsOf({ backups, system: { ...system, uptimeMs: 60_000 } })).toEqual([]);
  });

  it("puts the worst first, which decides the status, and says it in words without codes", () => {
    const facts = createFacts({
      ...withDatabase({
        state: "offline",
        reason: "DATABASE_IO",
        since: AT - 90_000,
        queue: { size: 3, deadLetterCount: 2 },
      }),
      backups: createBackups({ backupStatus: "FAILED", lastError: "no room" }),
    });
    const problems = findProblems(facts, THRESHOLDS);
    expect(problems.map(({ message }) => message)).toEqual([
      "The database has been offline for 1m30s (DATABASE_IO)",
      "2 writes were given up after several tries",
      "The last backup failed: no room",
    ]);
    expect(toHealthStatus(problems)).toBe("critical");
    expect(toHealthStatus(problems.slice(1))).toBe("warning");
    expect(toHealthStatus([])).toBe("healthy");
  });
});
