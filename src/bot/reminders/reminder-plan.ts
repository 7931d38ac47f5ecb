import { isQuiet } from "../../roll-call/quiet-hours.ts";
import { nextReminderAt } from "../../roll-call/schedule.ts";
import type { EventRecord } from "../../store/events.ts";
import type { EffectiveFlags } from "../flags/guild-flags.ts";

/**
 * When an event's next reminder is due: the first moment after `nowAt` that is a whole number of intervals after its
 * creation, moved out of the quiet hours. However long the bot was away, that is one reminder. Undefined = none before it closes.
 */
export function planNextReminder(
  event: Pick<EventRecord, "createdAt" | "intervalMs" | "closesAt">,
  { quietHours }: Pick<EffectiveFlags, "quietHours">,
  nowAt: number,
): number | undefined {
  const { createdAt, intervalMs, closesAt } = event;
  return nextReminderAt({
    fromAt: createdAt,
    intervalMs,
    nowAt,
    ...(quietHours === undefined ? {} : { quietHours }),
    ...(closesAt === undefined ? {} : { closesAt }),
  });
}

/**
 * Whether a reminder that was interrupted is to reach the rest of its people now: not when nobody would be reminded now,
 * and not when the event's next one is due, or postponed, and reaches them anyway.
 */
export function isWorthResuming(
  event: Pick<EventRecord, "state" | "createdAt" | "intervalMs" | "closesAt" | "nextReminderAt">,
  flags: Pick<EffectiveFlags, "areRemindersOn" | "quietHours">,
  nowAt: number,
): boolean {
  const { state, closesAt = Infinity, nextReminderAt = Infinity } = event;
  if (state !== "open" || closesAt <= nowAt || !flags.areRemindersOn) return false;
  if (flags.quietHours && isQuiet(flags.quietHours, nowAt)) return false;
  return nextReminderAt >= (planNextReminder(event, flags, nowAt) ?? Infinity);
}
