import type { APIEmbed } from "discord.js";
import fc from "fast-check";
import type { BackupHealth } from "../../../src/bot/commands/dbhealth-backups.ts";
import { createHealthEmbed, dbhealthCommand } from "../../../src/bot/commands/dbhealth.ts";
import { countEmbedLength, EMBED_LIMITS } from "../../../src/bot/events/embed-limits.ts";
import { english } from "../../../src/bot/texts/texts.ts";
import { ERROR_CODES, MusterError, type ErrorCode } from "../../../src/core/errors.ts";
import type { BackupStatus } from "../../../src/database/backup/backup-manager.ts";
import type { RecoveryState } from "../../../src/database/backup/recovery.ts";
import type { DatabaseHealth } from "../../../src/database/database-manager.ts";
import type { EngineState } from "../../../src/database/engine.ts";
import type { HealthReport } from "../../../src/database/health/health-types.ts";
import type { ArchiveStatus } from "../../../src/database/sqlite/wal-archive.ts";
import type { DegradationState } from "../../../src/resilience/graceful-degradation.ts";
import { createManifest } from "../../helpers/backup-fixtures.ts";

const NOW = 1_750_000_000_000;
const SECRETS = "/srv/data/muster.db: SELECT * FROM flag: SQLITE_IOERR_WRITE at Object.run (file.ts:1:2)";

const TIMES = { count: 214, averageMs: 0.6, minMs: 0.1, maxMs: 90, p50Ms: 0.4, p95Ms: 1.25, p99Ms: 12 };
const WINDOW = { ...TIMES, windowMs: 300_000, errorCount: 0, errorRate: 0, perSecond: 0.7 };
const REPORT: HealthReport = {
  ...{ at: NOW, status: "warning", problems: [{ severity: "warning", kind: "queue", message: SECRETS }] },
  database: {
    ...{ state: "normal", isConnected: true, engine: "ready", restartCount: 0, queryCount: 1, errorCount: 0 },
    ...{ lastMinute: WINDOW, lastFiveMinutes: WINDOW, pendingWrites: 0, breaker: "half-open", reason: SECRETS },
    pool: { size: 1, inUse: 0, idle: 1, waiting: 0 },
    cache: { hits: 3, misses: 1, hitRate: 0.75, size: 42 },
    queue: { size: 3, oldestAt: NOW - 60_000, deadLetterCount: 1 },
    files: { databaseBytes: 1_572_864, walBytes: 2048, maxBytes: 0, diskFreeBytes: 1024 ** 3, diskTotalBytes: 0 },
    integrity: { status: "ok", problemCount: 0 },
  },
  backups: { archive: { isEnabled: true, lagMs: 400, status: "ok" }, lastError: SECRETS },
  system: {
    ...{ version: "1", nodeVersion: "24", startedAt: NOW, uptimeMs: 1, cpuShare: 0 },
    eventLoopDelay: { meanMs: 10, p99Ms: 12, maxMs: 31 },
    memory: { residentBytes: 150 * 1024 ** 2, heapUsedBytes: 0, heapTotalBytes: 0 },
  },
  gateway: { isConnected: true, pingMs: 41, reconnectCount: 0, rateLimitCount: 0, guildCount: 1 },
};

function createHealth(changes: Partial<DatabaseHealth> & { state?: EngineState } = {}): DatabaseHealth {
  const { state = { kind: "ready", since: NOW - 60_000 }, ...rest } = changes;
  return {
    ...{
      isConnected: state.kind === "ready",
      queryCount: 200,
      errorCount: 3,
      averageQueryTime: 0.4567,
      lastHealthCheck: NOW,
    },
    breaker: { kind: "closed", consecutiveFailures: 0 },
    cache: { size: 0, hitCount: 0, missCount: 0 },
    queue: { size: 0, oldestAt: undefined, deadLetterCount: 0 },
    ...rest,
    engine: {
      state,
      pool: { size: 2, inUse: 1, idle: 1, waiting: 0 },
      pendingWrites: 5,
      restartCount: 4,
      engineVersion: "3.53.0",
    },
  };
}

function show(
  health: DatabaseHealth,
  state: DegradationState,
  hasDetails = false,
  backups: BackupHealth | undefined = createBackupHealth(),
): APIEmbed {
  return createHealthEmbed(health, state, { texts: english, backups, report: hasDetails ? REPORT : undefined });
}

interface BackupChanges extends Partial<Omit<BackupHealth, "status">> {
  readonly status?: Partial<BackupStatus>;
}

function createBackupHealth(changes: BackupChanges = {}): BackupHealth {
  return {
    ...{ recovery: { kind: "idle" }, notice: undefined, isArchiving: true, archiveIntervalMs: 1_000 },
    ...changes,
    status: {
      ...{ backupStatus: "SUCCESS", lastBackup: createManifest({ createdAt: NOW - 60_000 }), lastError: undefined },
      ...{ archive: archiveThatWaits(undefined), restoreVerifiedAt: NOW - 3_600_000 },
      ...changes.status,
    },
  };
}

const archiveThatWaits = (sinceMs: number | undefined): ArchiveStatus => ({
  ...{ generation: "20261120T140509Z-00000000", segment: 1, offset: 4152, archivedUntil: NOW, lastError: SECRETS },
  ...{ at: NOW, pendingSince: sinceMs === undefined ? undefined : NOW - sinceMs, gap: undefined },
  pendingMs: sinceMs ?? 0,
});

const valueOf = ({ fields }: APIEmbed, name: string): string | undefined =>
  fields?.find((field) => field.name === name)?.value;

const OFFER = { reachesAt: NOW - 5_000, isComplete: false, warnings: [SECRETS], rows: {} };
const RECOVERIES: readonly (readonly [string, RecoveryState, readonly string[]])[] = [
  ["confirming", { kind: "confirming", since: NOW, finding: SECRETS }, ["may be damaged"]],
  [
    "recovering",
    { kind: "recovering", since: NOW, finding: SECRETS, step: SECRETS, share: 0.416 },
    ["is being recovered (this step: 41 %)"],
  ],
  [
    "offered",
    { kind: "offered", since: NOW, finding: SECRETS, offer: OFFER },
    ["as of <t:1749999995:F>", "may not have everything", "`/dbbackup restore` and choose **recovered**"],
  ],
  [
    "failed",
    { kind: "failed", since: NOW, finding: SECRETS, reason: SECRETS },
    ["could not be recovered", "tried again by itself", "`/dbbackup restore`"],
  ],
];

describe("/dbhealth about a damaged database", () => {
  const reason = new MusterError("DATABASE_CORRUPT", SECRETS);
  const health = createHealth({
    state: { kind: "recovering", since: NOW, attempt: 1, isLasting: true, cause: reason },
  });

  it.each(RECOVERIES)("says in plain words what is done and what to do: %s", (_, recovery, expected) => {
    const backups = createBackupHealth({ recovery });
    const { description } = show(health, { kind: "offline", reason, since: NOW }, false, backups);
    for (const words of expected) expect(description).toContain(words);
    expect(description).not.toContain("Reconnecting");
  });

  it("says of a complete offer that nothing is missing in it", () => {
    const recovery = { kind: "offered", since: NOW, finding: "", offer: { ...OFFER, isComplete: true } } as const;
    const { description } = show(health, { kind: "normal" }, false, createBackupHealth({ recovery }));
    expect(description).toContain("It has everything");
  });
});

describe("/dbhealth about backups", () => {
  const linesFor = (changes: BackupChanges): string[] =>
    valueOf(show(createHealth(), { kind: "normal" }, false, createBackupHealth(changes)), "Backups")!.split("\n");

  it("shows the last backup, the archive and the last restore on trial", () => {
    expect(linesFor({})).toEqual([
      "Last backup: <t:1749999940:R>",
      "Archive of changes: has every change",
      "Last restore on trial that brought everything: <t:1749996400:R>",
    ]);
  });

  it.each([
    [{ backupStatus: "IN_PROGRESS" }, "Last backup: <t:1749999940:R> (another is being made)"],
    [{ backupStatus: "FAILED" }, "Last backup: <t:1749999940:R> (⚠️ a later one failed)"],
    [{ backupStatus: "FAILED", lastBackup: undefined }, "Last backup: ⚠️ none, the last try failed"],
    [{ backupStatus: undefined, lastBackup: undefined }, "Last backup: none yet"],
  ] as const)("tells of %j", (status, line) => expect(linesFor({ status })[0]).toBe(line));

  it.each([
    [16_000, "16 s behind, which is as it should be"],
    [16_001, "⚠️ behind by 16 s"],
    [90_000, "⚠️ behind by 1 min 30 s"],
  ])("judges an archive whose oldest commit waits for %d ms", (waitedMs, words) => {
    expect(linesFor({ status: { archive: archiveThatWaits(waitedMs) } })[1]).toBe(`Archive of changes: ${words}`);
  });

  it("tells an archive that is off from one that waits for the database", () => {
    expect(linesFor({ isArchiving: false })[1]).toContain("off");
    expect(linesFor({ status: { archive: undefined } })[1]).toContain("goes on with the database");
  });

  it("says that no restore was tried", () => {
    expect(linesFor({ status: { restoreVerifiedAt: undefined } })[2]).toContain("none since the start");
  });

  it("says that a database in memory has none", () => {
    const embed = createHealthEmbed(createHealth(), { kind: "normal" }, { texts: english, backups: undefined });
    expect(valueOf(embed, "Backups")).toBe("None: the database is in memory only (test mode).");
  });
});

describe("/dbhealth", () => {
  it("needs no database", () => expect(dbhealthCommand.actions[""]?.database).toBe("none"));

  it("shows a healthy database with its figures", () => {
    const embed = show(createHealth(), { kind: "normal" });
    expect(embed.title).toBe("🟢 Normal");
    expect(embed.description).toBe(`Everything works.\nSince <t:1749999940:f> (<t:1749999940:R>)`);
    expect(Object.fromEntries(embed.fields!.map(({ name, value }) => [name, value]))).toEqual({
      Connections: "3 open",
      Queries: "200",
      Errors: "3 (1.5 %)",
      "Average time": "0.46 ms",
      "Restarts of connections": "4",
      Backups: expect.stringMatching(/^Last backup: .*\nArchive of changes: .*\nLast restore on trial/) as string,
    });
  });

  it("shows pool, waiting writes and version only when details are asked for", () => {
    expect(valueOf(show(createHealth(), { kind: "normal" }), "Readers")).toBeUndefined();
    const embed = show(createHealth(), { kind: "normal" }, true);
    expect(valueOf(embed, "Readers")).toBe("2 in all: 1 at work, 1 free. 0 waiting for one.");
    expect(valueOf(embed, "Writes waiting")).toBe("5");
    expect(valueOf(embed, "Version of the engine")).toBe("3.53.0");
    expect(valueOf(embed, "Answers, last 5 min")).toBe(
      "214: half within 0.40 ms, 95 % within 1.25 ms, 99 % within 12 ms, all within 90 ms",
    );
    expect(valueOf(embed, "Saved for later")).toBe("3 waiting, the oldest from <t:1749999940:R>, ⚠️ 1 given up");
    expect(valueOf(embed, "Size")).toBe("1.5 MB, and 2 KB of log. 1 GB of disk are free.");
    expect(valueOf(embed, "Archive of changes")).toBe("400 ms behind");
    expect(valueOf(embed, "Circuit breaker")).toContain("half-open");
    expect(valueOf(embed, "Answers in memory")).toBe("42, used for 75 % of the questions");
    expect(valueOf(embed, "Delay of the program")).toBe("99 % within 12 ms, 31 ms at most");
    expect(valueOf(embed, "Discord")).toBe("answers in 41 ms");
    expect(embed.fields!.length).toBeLessThanOrEqual(EMBED_LIMITS.fields);
    expect(countEmbedLength(embed)).toBeLessThan(EMBED_LIMITS.total);
  });

  it("tells what the start found, without paths and codes", () => {
    const notice = "it cannot be read as it should: open /srv/data/muster.db: SQLITE_CANTOPEN";
    const { description } = show(createHealth(), { kind: "normal" }, false, createBackupHealth({ notice }));
    expect(description).toMatch(/\nℹ️ Found at the start: it cannot be read as it should: open … ….$/);
  });

  it("says since when and why it is limited, and that it reconnects", () => {
    const reason = new MusterError("DATABASE_UNAVAILABLE", SECRETS);
    const health = createHealth({
      state: { kind: "recovering", since: NOW, attempt: 2, isLasting: true, cause: reason },
      lastError: SECRETS,
    });
    const embed = show(health, { kind: "offline", reason, since: NOW });
    expect(embed.title).toBe("🔴 Offline");
    expect(embed.description!.split("\n").slice(1)).toEqual([
      "The connection to the database was lost.",
      "Since <t:1750000000:f> (<t:1750000000:R>)",
      "The figures are the last known ones.",
      "Reconnecting: attempt 2.",
    ]);
    expect(valueOf(embed, "Connections")).toBe("none");
  });

  it("has a colour of its own for each state", () => {
    const reason = new MusterError("DATABASE_FULL", "full");
    const states: DegradationState[] = [
      { kind: "normal" },
      { kind: "read-only", reason, since: NOW },
      { kind: "offline", reason, since: NOW },
    ];
    expect(new Set(states.map((state) => show(createHealth(), state).color)).size).toBe(3);
  });

  it("does not call a database normal that is only being opened, or is closed", () => {
    expect(show(createHealth({ state: { kind: "starting" } }), { kind: "normal" }).title).toBe("🟡 Starting");
    expect(show(createHealth({ state: { kind: "closed" } }), { kind: "normal" }).title).toBe("⚪ Closed");
  });

  it("counts no errors where there were no queries", () => {
    const embed = show(createHealth({ queryCount: 0, errorCount: 0, averageQueryTime: 0 }), { kind: "normal" });
    expect(valueOf(embed, "Errors")).toBe("0 (0 %)");
  });

  it("shows no path, SQL, code or stack, whatever failed", () => {
    const codes = fc.constantFrom(...(Object.keys(ERROR_CODES) as ErrorCode[]));
    const kinds = fc.constantFrom("read-only" as const, "offline" as const);
    const recoveries = fc.constantFrom(...RECOVERIES.map(([, state]) => state));
    fc.assert(
      fc.property(codes, kinds, fc.boolean(), recoveries, (code, kind, hasDetails, recovery) => {
        const backups = createBackupHealth({ recovery, status: { backupStatus: "FAILED", lastError: SECRETS } });
        const reason = new MusterError(code, SECRETS, { hint: SECRETS });
        const state: EngineState = { kind: "offline", since: NOW, cause: reason };
        const text = JSON.stringify(
          show(createHealth({ state, lastError: SECRETS }), { kind, reason, since: NOW }, hasDetails, backups),
        );
        expect(text).not.toMatch(/muster\.db|SELECT|SQLITE_|file\.ts|[A-Z]{3,}_[A-Z]{2,}/);
      }),
    );
  });
});
