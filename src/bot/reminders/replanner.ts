import type { Clock } from "../../core/clock.ts";
import type { Store } from "../../store/store.ts";
import type { TrackedEvents } from "../events/tracked-events.ts";
import type { GuildFlags } from "../flags/guild-flags.ts";
import { MAX_POSTPONEMENT_MS } from "./failed-tries.ts";
import { planNextReminder } from "./reminder-plan.ts";

export interface ReplannerOptions {
  readonly store: Store;
  readonly tracked: TrackedEvents;
  readonly flags: GuildFlags;
  readonly clock: Clock;
}

/**
 * Plans anew what would be planned otherwise now: quiet hours have changed, or the clock had been ahead, and a reminder
 * planned by it would not come before that time has come.
 */
export class Replanner {
  readonly #options: ReplannerOptions;

  constructor(options: ReplannerOptions) {
    this.#options = options;
  }

  async replan(guildId: string): Promise<void> {
    const { store, tracked, flags, clock } = this.#options;
    const effective = await flags.get(guildId);
    for (const event of tracked.listByGuild(guildId)) {
      const { id: eventId, nextReminderAt, state } = event;
      const planned = planNextReminder(event, effective, clock.now());
      // One that is due, or was postponed, is about to be sent, and must not be skipped; it keeps to quiet hours itself.
      const isDue = nextReminderAt !== undefined && nextReminderAt <= clock.now() + MAX_POSTPONEMENT_MS;
      if (state !== "open" || isDue || planned === nextReminderAt) continue;
      const plan = { scheduledAt: nextReminderAt ?? null, nextReminderAt: planned ?? null };
      await store.reminders.reschedule({ guildId, eventId, ...plan });
      const current = await store.events.find({ guildId, id: eventId });
      if (current) tracked.put(current);
    }
  }
}
