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
