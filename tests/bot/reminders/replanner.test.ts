import { TrackedEvents } from "../../../src/bot/events/tracked-events.ts";
import { readFlags, type GuildFlags } from "../../../src/bot/flags/guild-flags.ts";
import { Replanner } from "../../../src/bot/reminders/replanner.ts";
import type { Store } from "../../../src/store/store.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { eventInput, newSnowflake, OWNER } from "../../store/fixtures.ts";
import { shareStore } from "../../store/shared-store.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const YEAR_MS = 365 * 24 * HOUR_MS;

describe("planning reminders anew", () => {
  const clock = new ManualClock();
  let store: Store;
  let guildId: string;
  let tracked: TrackedEvents;
  let replanner: Replanner;
  shareStore(clock, (shared) => {
    guildId = shared.guildId;
    store = shared.database.store;
  });
  beforeEach(() => {
    tracked = new TrackedEvents(store);
    const flags = { get: async () => readFlags([]) } as unknown as GuildFlags;
    replanner = new Replanner({ store, tracked, flags, clock });
  });

  /** Of each hour, created now. */
  async function createEvent(nextReminderAt: number): Promise<string> {
    const { id } = await store.events.create(eventInput(guildId, { channelId: newSnowflake(), nextReminderAt }));
    return id;
  }

  async function replan(id: string): Promise<number | undefined> {
    await tracked.load(guildId);
    await replanner.replan(guildId);
    const stored = await store.events.find({ guildId, id });
    expect(tracked.find(id)).toEqual(stored);
    return stored?.nextReminderAt;
  }

  it("brings a reminder back that a clock has planned which was a year ahead", async () => {
    const now = clock.now();
    expect(await replan(await createEvent(now + YEAR_MS))).toBe(now + HOUR_MS);
  });

  it("leaves alone what is planned rightly, is due, or was postponed", async () => {
    for (const fromNow of [HOUR_MS, -MINUTE_MS, MINUTE_MS]) {
      const at = clock.now() + fromNow;
      expect(await replan(await createEvent(at))).toBe(at);
    }
  });

  it("gives a paused event no reminder", async () => {
    const id = await createEvent(clock.now() + HOUR_MS);
    await store.events.transition({ guildId, id, actorId: OWNER, to: "paused" });
    expect(await replan(id)).toBeUndefined();
  });
});
