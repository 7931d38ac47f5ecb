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

  async function plan(id: string, how: "replan" | "bringBack" = "bringBack"): Promise<number | undefined> {
    await tracked.load(guildId);
    await replanner[how](guildId);
    const stored = await store.events.find({ guildId, id });
    expect(tracked.find(id)).toEqual(stored);
    return stored?.nextReminderAt;
  }

  it("brings a reminder back that a clock has planned which was a year ahead", async () => {
    const now = clock.now();
    expect(await plan(await createEvent(now + YEAR_MS))).toBe(now + HOUR_MS);
  });

  it("leaves alone what is planned rightly, is due, was postponed, or may be right by another clock", async () => {
    for (const fromNow of [HOUR_MS, -MINUTE_MS, MINUTE_MS, 2 * HOUR_MS, 30 * MINUTE_MS]) {
      const at = clock.now() + fromNow;
      expect(await plan(await createEvent(at))).toBe(at);
    }
  });

  it("follows a change of the flags to the letter, but for what is due or was postponed", async () => {
    const now = clock.now();
    for (const fromNow of [30 * MINUTE_MS, 2 * HOUR_MS]) {
      expect(await plan(await createEvent(now + fromNow), "replan")).toBe(now + HOUR_MS);
    }
    for (const fromNow of [-MINUTE_MS, MINUTE_MS]) {
      expect(await plan(await createEvent(now + fromNow), "replan")).toBe(now + fromNow);
    }
  });

  it("gives a paused event no reminder", async () => {
    const id = await createEvent(clock.now() + HOUR_MS);
    await store.events.transition({ guildId, id, actorId: OWNER, to: "paused" });
    expect(await plan(id)).toBeUndefined();
  });
});
