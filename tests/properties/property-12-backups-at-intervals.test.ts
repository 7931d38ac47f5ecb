import fc from "fast-check";
import { silentLogger } from "../../src/core/logger.ts";
import { BackupManager } from "../../src/database/backup/backup-manager.ts";
import { BackupSchedule } from "../../src/database/backup/backup-schedule.ts";
import { ScheduleRig, type Attempt } from "../helpers/backup-schedule-rig.ts";
import { createCounterDatabase, withFolder } from "../helpers/database.ts";
import { JobsHere } from "../helpers/jobs-here.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const MINUTE_MS = 60_000;
const LOOK_MS = 1_000;
const START_MS = 10_000;
const PAUSE_MS = 10 * MINUTE_MS;
const CRON = "any";

interface Phase {
  readonly mode: "interval" | "expression" | "disabled" | "away";
  readonly intervalMs: number;
  readonly steps: number;
}

const phase: fc.Arbitrary<Phase> = fc.record({
  mode: fc.constantFrom("interval", "interval", "expression", "disabled", "away"),
  intervalMs: fc.integer({ min: 1, max: 7 * 24 * 60 }).map((minutes) => minutes * MINUTE_MS),
  steps: fc.integer({ min: 1, max: 40 }),
});

/** What is due at a look, by what was made before: the rule, in the plainest words. */
function isDue({ mode, intervalMs }: Phase, now: number, attempts: readonly Attempt[], isOwed: boolean): boolean {
  const last = attempts.at(-1);
  if (mode === "disabled" || mode === "away") return false;
  if (last && !last.isSuccess && now < last.at + PAUSE_MS) return false;
  const made = attempts.findLast(({ isSuccess }) => isSuccess);
  if (!made) return true;
  return mode === "interval" ? now - made.at >= intervalMs : isOwed;
}

describe("Feature: database-reliability, Property 12: backups at any configured interval", () => {
  it("come when they are due, and only then, whatever the schedule is, and whichever fail", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(phase, { minLength: 1, maxLength: 4 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
        async (phases, outcomes) => {
          const rig = new ScheduleRig();
          let [outcomeIndex, isOwed] = [0, false];
          rig.succeeds = () => outcomes[outcomeIndex++ % outcomes.length]!;
          const set = ({ mode, intervalMs }: Phase): void => {
            const expression = mode === "expression" ? CRON : undefined;
            rig.settings = { ...rig.settings, isEnabled: mode !== "disabled", expression, intervalMs };
            rig.isAvailable = mode !== "away";
            rig.schedule.apply();
          };
          set(phases[0]!);
          rig.schedule.start();
          await rig.pass(START_MS - LOOK_MS, LOOK_MS);
          expect(rig.attempts).toEqual([]);
          for (const one of phases) {
            set(one);
            for (let step = 0; step < one.steps; step++) {
              if (one.mode === "expression" && step % 3 === 2) {
                const before = rig.attempts.length;
                await rig.fire(CRON);
                expect(rig.attempts).toHaveLength(before + 1);
                isOwed = !rig.attempts.at(-1)!.isSuccess;
              }
              // Now and then a long time, so that every interval ends within the run; a look comes at its beginning.
              const lookAt = rig.clock.now() + LOOK_MS;
              const expected = isDue(one, lookAt, rig.attempts, isOwed);
              const before = rig.attempts.length;
              await rig.advance(step % 2 === 0 ? LOOK_MS : Math.ceil(one.intervalMs / 5));
              expect(rig.attempts.length - before).toBe(expected ? 1 : 0);
              if (!expected) continue;
              expect(rig.attempts.at(-1)!.at).toBe(lookAt);
              const { reason, isSuccess } = rig.attempts.at(-1)!;
              isOwed = !isSuccess && reason === "schedule";
            }
          }
          await rig.schedule.stop();
        },
      ),
      { numRuns: 150 },
    );
  });

  it("are real ones: each interval leaves one more verified backup, as many as are kept", async () => {
    await withFolder(async (folder) => {
      const database = createCounterDatabase({ folder });
      await database.manager.start();
      await database.manager.call("counter.add", { name: "a", amount: 1 });
      await database.close();
      // The schedule's own; the backups' times are those of the job, on the system's.
      const clock = new ManualClock(Date.now());
      const jobs = new JobsHere();
      const manager = new BackupManager({
        databasePath: database.path,
        folder: `${folder}/backups`,
        settings: () => ({ isCompressed: false, key: undefined, maxBackups: 2, isArchiving: false }),
        retry: () => ({ maxAttempts: 1, baseDelay: 1, maxDelay: 1, backoffMultiplier: 1 }),
        run: jobs.run,
        getArchiveStatus: () => undefined,
        flushArchive: () => Promise.resolve(),
        mark: () => Promise.resolve(""),
        ...{ clock, logger: silentLogger },
      });
      const schedule = new BackupSchedule({
        backups: manager,
        settings: () => ({
          ...{ isEnabled: true, expression: undefined, intervalMs },
          ...{ drillExpression: "0 5 * * *", archiveIntervalMs: 1_000 },
        }),
        onArchiveEvent: () => undefined,
        isAvailable: () => true,
        schedule: () => () => undefined,
        ...{ clock, logger: silentLogger },
      });
      let [madeCount, intervalMs] = [0, 60 * MINUTE_MS];
      manager.onEvent(({ kind }) => void (kind === "made" && madeCount++));
      schedule.start();
      for (let made = 1; made <= 3; made++) {
        clock.advance(60 * MINUTE_MS);
        // What follows the last one, removing what is not kept, may still go on.
        while (madeCount < made) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          clock.advance(LOOK_MS);
        }
        intervalMs += 60 * MINUTE_MS;
      }
      await schedule.stop();
      const { snapshots, problems } = await manager.list();
      expect({ count: snapshots.length, problems }).toEqual({ count: 2, problems: [] });
    });
  }, 60_000);
});
