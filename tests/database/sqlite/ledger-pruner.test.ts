import Database from "better-sqlite3";
import { createId } from "../../../src/core/ids.ts";
import { INTERNAL_TABLES } from "../../../src/database/schema/schema-version.ts";
import { LedgerPruner } from "../../../src/database/sqlite/ledger-pruner.ts";
import { StatementCache } from "../../../src/database/sqlite/statement-cache.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe("LedgerPruner", () => {
  let [database, clock] = [new Database(":memory:"), new ManualClock()];
  beforeEach(() => {
    [database, clock] = [new Database(":memory:"), new ManualClock()];
    for (const sql of INTERNAL_TABLES) database.exec(sql);
  });
  afterEach(() => database.close());

  const apply = (atMs: number, count = 1): void => {
    const insert = database.prepare("INSERT INTO applied_operation VALUES (?, 0, '[]')");
    for (let index = 0; index < count; index++) insert.run(createId(atMs));
  };
  const count = (): unknown => database.prepare("SELECT count(*) FROM applied_operation").pluck().get();
  const start = (): LedgerPruner => new LedgerPruner({ statements: new StatementCache(database) }, clock);
  /** As housekeeping calls it, some seconds apart. */
  const run = (pruner: LedgerPruner, durationMs: number): void => {
    for (let ms = 0; ms < durationMs; ms += 5_000) {
      clock.advance(5_000);
      pruner.prune();
    }
  };

  it("deletes what is older than thirty days, a bounded number at a time", () => {
    apply(clock.now() - 31 * DAY_MS, 1_200);
    apply(clock.now() - 29 * DAY_MS);
    const pruner = start();
    clock.advance(HOUR_MS);
    expect([1, 2, 3, 4].map(() => pruner.prune())).toEqual([500, 500, 200, 0]);
    expect(count()).toBe(1);
  });

  it("deletes nothing in the first hour after a start, when writes of earlier runs are asked for again", () => {
    apply(clock.now());
    clock.setBack(-60 * DAY_MS);
    const pruner = start();
    run(pruner, HOUR_MS - 5_000);
    expect(count()).toBe(1);
    run(pruner, 5_000);
    expect(count()).toBe(0);
  });

  it("deletes nothing in the hour after the clock was put ahead, also where that is to put it right", () => {
    const pruner = start();
    run(pruner, 2 * HOUR_MS);
    apply(clock.now());
    clock.setBack(-60 * DAY_MS);
    run(pruner, HOUR_MS / 2);
    expect(count()).toBe(1);
    // Put right before the hour is over: nothing looks old any more.
    clock.setBack(60 * DAY_MS);
    run(pruner, 2 * HOUR_MS);
    expect(count()).toBe(1);
  });

  it("is not held up by a clock that is brought in line little by little", () => {
    apply(clock.now() - 31 * DAY_MS);
    const pruner = start();
    for (let minutes = 0; minutes < 60; minutes++) {
      run(pruner, 60_000);
      clock.setBack(minutes % 2 === 0 ? 50_000 : -30_000);
    }
    pruner.prune();
    expect(count()).toBe(0);
  });
});
