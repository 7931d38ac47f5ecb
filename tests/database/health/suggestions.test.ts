import { findSuggestions, type SuggestionFacts } from "../../../src/database/health/suggestions.ts";
import { AT, createBackups, createDatabaseReport, createThroughput } from "./report-fixtures.ts";

const GB = 1024 ** 3;
const SETTINGS: SuggestionFacts["settings"] = {
  ...{ DB_READ_CACHE: 10_000, DB_CACHE_SIZE: GB / 16, DB_MAX_CONNECTIONS: 3, DB_SLOW_QUERY: 100 },
  ...{ DB_ARCHIVE_INTERVAL: 1_000, DB_BACKUP_SCHEDULE: "0 */6 * * *" },
};

function suggest(given: Partial<SuggestionFacts>): string[] {
  const facts: SuggestionFacts = {
    ...{ database: createDatabaseReport(), backups: createBackups(), lastBackupDurationMs: 5_000, settings: SETTINGS },
    readerLooks: { count: 100, waitingCount: 5 },
    ...given,
  };
  return findSuggestions(facts).map(({ setting, current, suggested }) => `${setting} ${current} → ${suggested}`);
}

const files = (databaseBytes: number, maxBytes: number): NonNullable<SuggestionFacts["database"]["files"]> => ({
  ...createDatabaseReport().files!,
  ...{ databaseBytes, maxBytes },
});

describe("findSuggestions", () => {
  it.each<[string, Partial<SuggestionFacts>, string[]]>([
    ["nothing when all is well", {}, []],
    [
      "a larger cache that is full and of little use",
      { database: createDatabaseReport({ cache: { hits: 400, misses: 700, hitRate: 0.36, size: 9_900 } }) },
      ["DB_READ_CACHE 10000 → 20000"],
    ],
    [
      "no larger cache while there is room",
      { database: createDatabaseReport({ cache: { hits: 400, misses: 700, hitRate: 0.36, size: 900 } }) },
      [],
    ],
    [
      "more readers when calls wait for them",
      { readerLooks: { count: 100, waitingCount: 20 } },
      ["DB_MAX_CONNECTIONS 3 → 4"],
    ],
    ["nothing after a few looks", { readerLooks: { count: 19, waitingCount: 19 } }, []],
    [
      "more memory for a large and slow database",
      {
        database: createDatabaseReport({
          files: files(GB, 2 * GB),
          lastFiveMinutes: createThroughput({ p95Ms: 40 }),
        }),
      },
      ["DB_CACHE_SIZE 64MB → 128MB"],
    ],
    [
      "another limit for what is slow when everything is",
      { database: createDatabaseReport({ lastFiveMinutes: createThroughput({ p50Ms: 110, p99Ms: 201 }) }) },
      ["DB_SLOW_QUERY 100ms → 250ms"],
    ],
    [
      "backups less often that take long",
      {
        lastBackupDurationMs: 1_800_000,
        backups: createBackups({ lastBackupAt: AT, nextBackupAt: AT + 3_600_000 }),
        settings: { ...SETTINGS, DB_BACKUP_SCHEDULE: "0 * * * *" },
      },
      ["DB_BACKUP_SCHEDULE 0 * * * * → 0 */5 * * *"],
    ],
    [
      "an interval for the archive that writes wait for",
      {
        database: createDatabaseReport({ lastFiveMinutes: createThroughput({ p95Ms: 40 }) }),
        settings: { ...SETTINGS, DB_ARCHIVE_INTERVAL: 0 },
      },
      ["DB_ARCHIVE_INTERVAL 0 → 1s"],
    ],
    [
      "a higher limit where the disk has room",
      { database: createDatabaseReport({ files: files(1.9 * GB, 2 * GB) }) },
      ["DB_MAX_SIZE 2GB → 4GB"],
    ],
  ])("suggests %s", (_title, facts, expected) => {
    expect(suggest(facts)).toEqual(expected);
  });
});
