import type { LogFields, Logger } from "../../src/core/logger.ts";
import { RecoveryLog, type RecoveryAction } from "../../src/resilience/recovery-log.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const START = 1_750_000_000_000;

function createLog(capacity?: number) {
  const clock = new ManualClock(START);
  const lines: [level: string, message: string, fields: LogFields | undefined][] = [];
  const write =
    (level: string) =>
    (message: string, fields?: LogFields): void =>
      void lines.push([level, message, fields]);
  const logger: Logger = {
    error: write("error"),
    warn: write("warn"),
    info: write("info"),
    debug: write("debug"),
    with: () => logger,
  };
  const log = new RecoveryLog({ clock, logger, ...(capacity === undefined ? {} : { capacity }) });
  return { log, clock, lines };
}

function names(actions: readonly RecoveryAction[]): string[] {
  return actions.map(({ action, target }) => `${action} ${target}`);
}

describe("RecoveryLog", () => {
  it("keeps what was tried, on what, when, and how it ended", () => {
    const { log, clock } = createLog();
    const restart = log.begin("restart-writer", "database", 2);
    clock.advance(40);
    const replay = log.begin("replay-queue", "spool");
    log.begin("reopen", "archive");
    clock.advance(60);
    restart.succeed("SQLite is back");
    replay.fail(new Error("the disk is full"));
    expect(log.list().map(({ id: _id, ...known }) => known)).toEqual([
      { action: "reopen", target: "archive", startedAt: START + 40, outcome: "running" },
      {
        action: "replay-queue",
        target: "spool",
        startedAt: START + 40,
        finishedAt: START + 100,
        outcome: "failed",
        detail: "the disk is full",
      },
      {
        action: "restart-writer",
        target: "database",
        startedAt: START,
        finishedAt: START + 100,
        outcome: "succeeded",
        detail: "SQLite is back",
        attempt: 2,
      },
    ]);
    expect(new Set(log.list().map(({ id }) => id)).size).toBe(3);
  });

  it("lets stand what ended an action first", () => {
    const { log, clock, lines } = createLog();
    const action = log.begin("reopen", "database");
    action.succeed();
    clock.advance(5);
    action.fail(new Error("too late"));
    action.succeed("again");
    expect(log.list()).toMatchObject([{ outcome: "succeeded", finishedAt: START }]);
    expect(log.list()[0]).not.toHaveProperty("detail");
    expect(lines).toHaveLength(2);
  });

  it("lists newest first, by moment, kind and number", () => {
    const { log, clock } = createLog();
    for (const target of ["a", "b", "c"]) {
      log.begin("reopen", target).succeed();
      log.begin("rescue", target).succeed();
      clock.advance(10);
    }
    expect(names(log.list({ action: "rescue" }))).toEqual(["rescue c", "rescue b", "rescue a"]);
    expect(names(log.list({ since: START + 10 }))).toEqual(["rescue c", "reopen c", "rescue b", "reopen b"]);
    expect(names(log.list({ since: START + 10, action: "reopen", limit: 1 }))).toEqual(["reopen c"]);
    expect(log.list({ limit: 0 })).toEqual([]);
  });

  it("hands out what was true when it was asked, not what changes later", () => {
    const { log } = createLog();
    const action = log.begin("reopen", "database");
    const before = log.list();
    action.succeed();
    expect(before).toMatchObject([{ outcome: "running" }]);
    expect(log.list()).toMatchObject([{ outcome: "succeeded" }]);
  });

  it("drops the oldest that has ended for a newer one, and never one that runs while there is another", () => {
    const { log } = createLog(3);
    const running = log.begin("restore", "database");
    for (const target of ["a", "b", "c", "d"]) log.begin("reopen", target).succeed();
    expect(names(log.list())).toEqual(["reopen d", "reopen c", "restore database"]);
    running.succeed();
    log.begin("reopen", "e");
    expect(names(log.list())).toEqual(["reopen e", "reopen d", "reopen c"]);
  });

  it("stays within its capacity when nothing ever ends, and does not bring back what it dropped", () => {
    const { log, lines } = createLog(2);
    const [first] = ["a", "b", "c"].map((target) => log.begin("reopen", target));
    first!.succeed();
    expect(names(log.list())).toEqual(["reopen c", "reopen b"]);
    expect(lines.at(-1)).toMatchObject(["info", "recovery action succeeded", { target: "a" }]);
  });

  it("keeps 500 by default", () => {
    const { log } = createLog();
    for (let count = 0; count < 600; count++) log.begin("reopen", String(count)).succeed();
    expect(log.list()).toHaveLength(500);
    expect(log.list()[499]).toMatchObject({ target: "100" });
  });

  it("writes every step to the log, a failure with its error and how long it took", () => {
    const { log, clock, lines } = createLog();
    const error = new Error("the disk is full");
    const action = log.begin("replay-queue", "spool", 1);
    clock.advance(25);
    action.fail(error);
    const [{ id }] = log.list() as [RecoveryAction];
    const fields = { recoveryId: id, action: "replay-queue", target: "spool", attempt: 1 };
    expect(lines).toEqual([
      ["info", "recovery action began", fields],
      ["warn", "recovery action failed", { ...fields, durationMs: 25, error }],
    ]);
  });

  it("tells listeners of each beginning and end until they leave", () => {
    const { log } = createLog();
    const told: string[] = [];
    const leave = log.onAction(({ target, outcome }) => void told.push(`${target} ${outcome}`));
    log.begin("reopen", "a").fail("no error object");
    const second = log.begin("reopen", "b");
    leave();
    second.succeed();
    expect(told).toEqual(["a running", "a failed", "b running"]);
    expect(log.list({ action: "reopen" })[1]).toMatchObject({ detail: "no error object" });
  });
});
