import { MusterError } from "../core/errors.ts";
import { isQuiet, quietEndAt, type QuietHours } from "./quiet-hours.ts";

export interface ScheduleInput {
  /**
   * Where the grid of due times begins: the event's creation, or any reminder's time on the grid. Never the time to which
   * quiet hours moved a reminder: the grid would move with it.
   */
  readonly fromAt: number;
  readonly intervalMs: number;
  readonly nowAt: number;
  readonly quietHours?: QuietHours | undefined;
  readonly closesAt?: number | undefined;
}

export interface PlannedReminder {
  /** The time on the grid: what the next plan may start from. */
  readonly gridAt: number;
  /** When to send it: `gridAt`, or the end of the quiet hours that it falls into. */
  readonly dueAt: number;
}

/**
 * The reminder to send next. Grid times are `fromAt + k * intervalMs` with k ≥ 1, each moved out of quiet hours; the
 * earliest after `nowAt` is taken, so what was missed while the bot was away is skipped, and asking again before a moved
 * reminder is due gives the same one. Undefined when it would come at `closesAt` or later.
 */
export function planNextReminder(input: ScheduleInput): PlannedReminder | undefined {
  const { fromAt, intervalMs, nowAt, quietHours, closesAt } = input;
  if (!(intervalMs > 0)) {
    throw new MusterError("INPUT_INVALID", `planning a reminder: the interval is ${intervalMs} ms, not above 0`);
  }
  const moveOutOfQuiet = (at: number): number => (quietHours ? quietEndAt(quietHours, at) : at);

  const passedCount = Math.max(Math.floor((nowAt - fromAt) / intervalMs), 0);
  let gridAt = fromAt + (passedCount + 1) * intervalMs;
  let dueAt = moveOutOfQuiet(gridAt);
  if (passedCount > 0) {
    // The last one that passed may be waiting for the end of quiet hours.
    const passedAt = fromAt + passedCount * intervalMs;
    const passedDueAt = moveOutOfQuiet(passedAt);
    if (passedDueAt > nowAt) [gridAt, dueAt] = [passedAt, passedDueAt];
  }
  return closesAt !== undefined && dueAt >= closesAt ? undefined : { gridAt, dueAt };
}

/** When to send the next reminder; see `planNextReminder`. */
export function nextReminderAt(input: ScheduleInput): number | undefined {
  return planNextReminder(input)?.dueAt;
}

/**
 * Whether a reminder planned for `nextReminderAt` is to be sent now. Not in quiet hours, even when it is overdue (the bot
 * was away, or the hours were set later): it is due when they end.
 */
export function isDue(input: {
  readonly nextReminderAt: number | undefined;
  readonly nowAt: number;
  readonly quietHours?: QuietHours | undefined;
  readonly closesAt?: number | undefined;
}): boolean {
  const { nowAt, quietHours, closesAt } = input;
  if (input.nextReminderAt === undefined || nowAt < input.nextReminderAt) return false;
  if (closesAt !== undefined && nowAt >= closesAt) return false;
  return !quietHours || !isQuiet(quietHours, nowAt);
}
