import { mkdirSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { runChecks } from "./checks.ts";
import type { Heal } from "./faults/fault.ts";
import { fiuEnvironment } from "./faults/system-faults.ts";
import { MovedClock } from "./moved-clock.ts";
import type { PlannedFault, RoundPlan } from "./plan.ts";
import type { Random } from "./random.ts";
import type { Rig } from "./rig.ts";
import { withSmallDisk } from "./small-disk.ts";
import { StoredData, type StoredEvent } from "./stored.ts";
import { isNormal, isRestorable, waitUntil, Watcher } from "./watcher.ts";

/**
 * One round: the bot starts on what the round before has left, people use it, things go wrong and are mended again, and
 * when it is quiet everything that it has is compared with everything that it said.
 */

export interface RoundResult {
  readonly plan: RoundPlan;
  /** What differs; empty = nothing. */
  readonly findings: readonly string[];
  readonly acknowledgedCount: number;
  /** Messages that reminded people. */
  readonly reminderCount: number;
  readonly killCount: number;
  readonly longestStallMs: number;
  /** From the end of the last fault on, or its begin when it does not last; undefined when it never was. */
  readonly normalAfterMs: number | undefined;
  readonly slowestAnswerMs: number;
  /** Commands that got no answer within three seconds, also of a bot that had been killed. */
  readonly unansweredCount: number;
  /** Faults that could not be done at that moment, and why. */
  readonly missed: readonly string[];
}

const NORMAL_WITHIN_MS = 90_000;
/** What could not be sent is tried again after a minute. */
const QUIET_WITHIN_MS = 100_000;
/** Checks by schedule come with each full minute, and take a moment. */
const CHECKED_WITHIN_MS = 160_000;
/** After a start. */
const START_CHECK_WITHIN_MS = 10_000;
const OVERDUE_MS = 5_000;

export function runRound(rig: Rig, plan: RoundPlan): Promise<RoundResult> {
  const needsDisk = plan.faults.some(({ fault }) => fault.needs === "own-disk");
  mkdirSync(rig.home, { recursive: true });
  return needsDisk ? withSmallDisk(rig.home, () => run(rig, plan)) : run(rig, plan);
}

async function run(rig: Rig, plan: RoundPlan): Promise<RoundResult> {
  rig.settings = { ...plan.settings, ...prepare(rig, plan) };
  const { load, model } = rig;
  const before = { acknowledged: model.acknowledgedCount + load.reactionCount, kills: rig.killCount };
  const remindersBefore = rig.world.reminders.size;
  const unansweredBefore = load.unansweredCount;
  load.slowestAnswerMs = 0;
  const missed: string[] = [];
  const problems: string[] = [];
  let normalAfterMs: number | undefined;
  const attempt = async (step: () => Promise<unknown>): Promise<void> => {
    try {
      await step();
    } catch (error) {
      problems.push(`course: ${error instanceof Error ? error.message : String(error)}`);
    }
  };

  await attempt(() => start(rig));
  const watcher = new Watcher(rig);
  load.start(plan.random.fork());
  // Of a bot that has nothing to restore from, nothing may be destroyed.
  const mendedAt = problems.length === 0 ? await suffer(rig, plan, missed) : Date.now();
  load.calm();
  await attempt(async () => {
    await rig.startBot();
    await waitUntil("the bot is normal again", NORMAL_WITHIN_MS, async () => isNormal(await rig.health()));
    // Often it was before anybody looked: the time of the load goes on behind the last fault.
    normalAfterMs = (watcher.soundMoments.find((at) => at >= mendedAt) ?? Date.now()) - mendedAt;
    if (plan.faults.some(({ fault }) => fault.isFoundBySchedule)) await waitUntilChecked(rig, mendedAt);
    // None of those before its last move counts.
    if (rig.clock)
      await waitUntil("there is a moment to restore", NORMAL_WITHIN_MS, () => watcher.restorableMoments.length > 0);
  });
  await load.stop();
  await attempt(async () => {
    if (plan.isKilledAtEnd) await rig.killAndStart();
    await waitUntil("everything is quiet", QUIET_WITHIN_MS, async () => isNormal(await rig.health()) && isQuiet(rig));
  });
  await watcher.stop();
  await attempt(() => rig.stopBot());
  const findings = await runChecks({ rig, plan, restorableMoments: watcher.restorableMoments });
  return {
    plan,
    findings: [...problems, ...findings],
    acknowledgedCount: model.acknowledgedCount + load.reactionCount - before.acknowledged,
    reminderCount: rig.world.reminders.size - remindersBefore,
    killCount: rig.killCount - before.kills,
    longestStallMs: watcher.longestStallMs,
    normalAfterMs,
    slowestAnswerMs: load.slowestAnswerMs,
    unansweredCount: load.unansweredCount - unansweredBefore,
    missed,
  };
}

/** What the round's faults need in the bot's environment. */
function prepare(rig: Rig, { faults }: RoundPlan): Readonly<Record<string, string>> {
  const needs = new Set(faults.map(({ fault }) => fault.needs));
  rig.clock?.close();
  rig.clock = needs.has("moved-clock") ? new MovedClock(rig.folder) : undefined;
  const environments = [needs.has("libfiu") ? fiuEnvironment(rig) : {}, rig.clock?.environment ?? {}];
  const preloads = environments.flatMap(({ LD_PRELOAD }) => LD_PRELOAD ?? []);
  return Object.assign({}, ...environments, preloads.length === 0 ? {} : { LD_PRELOAD: preloads.join(" ") }) as Record<
    string,
    string
  >;
}

/** Ready, well, and with a backup of the archive's newest generation: before that nothing can be promised. */
async function start(rig: Rig): Promise<void> {
  await rig.startBot();
  await waitUntil("the bot is normal", NORMAL_WITHIN_MS, async () => isNormal(await rig.health()));
  const canRestore = async (): Promise<boolean> => {
    const health = await rig.health();
    return health !== undefined && isRestorable(health);
  };
  if (await canRestore()) return;
  await rig.load.ask(rig.world.ids.ownerId, "dbbackup create");
  await waitUntil("there is something to restore from", NORMAL_WITHIN_MS, canRestore);
}

/** Resolves when the time of the load is over and all faults are mended, with when the last one was left to the bot. */
async function suffer(rig: Rig, plan: RoundPlan, missed: string[]): Promise<number> {
  let lastAt = Date.now();
  const startedAt = Date.now();
  const apply = async ({ fault, startMs, lastsMs }: PlannedFault, random: Random): Promise<void> => {
    await pause(Math.max(0, startedAt + startMs - Date.now()));
    let mendedAt = Date.now();
    let heal: Heal | void = undefined;
    try {
      heal = await fault.begin(rig, random);
      if (heal) await pause(lastsMs);
    } catch (error) {
      missed.push(`${fault.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (heal) mendedAt = Date.now();
    try {
      await heal?.();
    } catch {
      // The bot that it was done to is gone, and with it what was done.
    }
    lastAt = Math.max(lastAt, mendedAt);
  };
  // The same fault a second time waits until the first is mended.
  const courses = [...Map.groupBy(plan.faults, ({ fault }) => fault).values()].map(async (course) => {
    const randoms = course.map(() => plan.random.fork());
    for (const [index, planned] of course.entries()) await apply(planned, randoms[index]!);
  });
  await Promise.all([pause(plan.loadMs), ...courses]);
  return lastAt;
}

/** The one that comes with a full minute looks at everything; that of a start does not. */
function waitUntilChecked(rig: Rig, since: number): Promise<number> {
  return waitUntil("the check by schedule", CHECKED_WITHIN_MS, async () => {
    const health = await rig.health();
    if (!health || !isNormal(health)) return false;
    const { checkedAt = 0 } = health.database.integrity;
    const minute = checkedAt - (checkedAt % 60_000);
    return minute > since && health.system.startedAt < minute - START_CHECK_WITHIN_MS;
  });
}

/** Nothing is under way any more: answers are as on Discord, no reminder is late or half sent. */
function isQuiet(rig: Rig): boolean {
  try {
    return StoredData.read(rig.databasePath, (data) => {
      const stored = data.reactions();
      const isAnswered = ({ id, messageId, state }: StoredEvent): boolean => {
        const truth = rig.world.listReactions(messageId);
        return state === "closed" || truth === undefined || (stored.get(id) ?? []).join() === truth.join();
      };
      const isInTime = ({ nextReminderAt }: StoredEvent): boolean =>
        nextReminderAt === null || nextReminderAt > Date.now() - OVERDUE_MS;
      const events = data.events();
      const areSent = data.reminders().every(({ status }) => status !== "pending");
      return areSent && events.every((event) => isAnswered(event) && isInTime(event));
    });
  } catch {
    // Locked, or being replaced.
    return false;
  }
}
