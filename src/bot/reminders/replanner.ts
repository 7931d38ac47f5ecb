import type { Clock } from "../../core/clock.ts";
import type { EventRecord } from "../../store/events.ts";
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

type Plan = number | undefined;

/** Plans reminders anew that would be planned otherwise now. */
export class Replanner {
  readonly #options: ReplannerOptions;

  constructor(options: ReplannerOptions) {
    this.#options = options;
  }

  /** After a change of the flags: quiet hours move what is planned already. */
  replan(guildId: string): Promise<void> {
    return this.#replan(guildId, (_event, stored, planned) => stored !== planned);
  }

  /**
   * What a clock has planned that was ahead would not come before its time has come: brought back, when it is late by
   * more than an interval. Less may be the work of a clock that is behind now, and would remind twice.
   */
  bringBack(guildId: string): Promise<void> {
    return this.#replan(guildId, ({ intervalMs }, stored = 0, planned = Infinity) => stored > planned + intervalMs);
  }

  async #replan(guildId: string, isWrong: (event: EventRecord, stored: Plan, planned: Plan) => boolean): Promise<void> {
    const { store, tracked, flags, clock } = this.#options;
    const effective = await flags.get(guildId);
    for (const event of tracked.listByGuild(guildId)) {
      const { id: eventId, nextReminderAt, state } = event;
      const planned = planNextReminder(event, effective, clock.now());
      // One that is due, or was postponed, is about to be sent, and must not be skipped; it keeps to quiet hours itself.
      const isDue = nextReminderAt !== undefined && nextReminderAt <= clock.now() + MAX_POSTPONEMENT_MS;
      if (state !== "open" || isDue || !isWrong(event, nextReminderAt, planned)) continue;
      const plan = { scheduledAt: nextReminderAt ?? null, nextReminderAt: planned ?? null };
      await store.reminders.reschedule({ guildId, eventId, ...plan });
      const current = await store.events.find({ guildId, id: eventId });
      if (current) tracked.put(current);
    }
  }
}
