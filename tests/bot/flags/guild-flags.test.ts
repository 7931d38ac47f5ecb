import { GuildFlags, readFlags } from "../../../src/bot/flags/guild-flags.ts";
import type { FlagRecord } from "../../../src/store/flags.ts";
import type { Store } from "../../../src/store/store.ts";

const GUILD = "100000000000000001";
const OTHER_GUILD = "100000000000000002";
const ROLE = "100000000000000003";
const MEMBER = "100000000000000004";

function serverFlag(name: string, value: string): FlagRecord {
  return { name, subjectType: "server", subjectId: "", value };
}

/** The store's flags as a hand-written list, with a count of how often they are read. */
function createFlags(list: (guildId: string) => Promise<FlagRecord[]>): { flags: GuildFlags; reads: string[] } {
  const reads: string[] = [];
  const store = {
    flags: {
      list: async ({ guildId }: { guildId: string }) => {
        reads.push(guildId);
        return list(guildId);
      },
    },
  } as unknown as Store;
  return { flags: new GuildFlags(store), reads };
}

describe("readFlags", () => {
  it("gives the defaults where nothing is set", () => {
    expect(readFlags([])).toEqual({
      areRemindersOn: true,
      eventCreators: "moderators",
      reminderDelivery: "channel",
      quietHours: undefined,
      timeZone: "UTC",
      alertChannelId: undefined,
      excused: { memberIds: new Set(), roleIds: new Set() },
      emblems: { server: undefined, byRoleId: new Map() },
      keepsReminders: false,
    });
  });

  it("gives what is set", () => {
    const flags = readFlags([
      serverFlag("reminders", "off"),
      serverFlag("event-creators", "everyone"),
      serverFlag("reminder-delivery", "dm"),
      serverFlag("quiet-hours", "22:00-08:00"),
      serverFlag("timezone", "Europe/Vienna"),
      serverFlag("alert-channel", "100000000000000009"),
      serverFlag("keep-reminders", "on"),
      serverFlag("emblem", "✅"),
      { name: "emblem", subjectType: "role", subjectId: ROLE, value: "https://example.org/a.png" },
      { name: "excused", subjectType: "role", subjectId: ROLE, value: "yes" },
      { name: "excused", subjectType: "member", subjectId: MEMBER, value: "yes" },
    ]);
    expect(flags).toEqual({
      areRemindersOn: false,
      eventCreators: "everyone",
      reminderDelivery: "dm",
      quietHours: { startMinute: 1_320, endMinute: 480, timeZone: "Europe/Vienna" },
      timeZone: "Europe/Vienna",
      alertChannelId: "100000000000000009",
      excused: { memberIds: new Set([MEMBER]), roleIds: new Set([ROLE]) },
      emblems: { server: "✅", byRoleId: new Map([[ROLE, "https://example.org/a.png"]]) },
      keepsReminders: true,
    });
  });

  it("counts what it does not understand as not set", () => {
    const flags = readFlags([
      serverFlag("timezone", "Mars/Olympus"),
      serverFlag("quiet-hours", "late"),
      serverFlag("x", "y"),
    ]);
    expect(flags.timeZone).toBe("UTC");
    expect(flags.quietHours).toBeUndefined();
  });
});

describe("GuildFlags", () => {
  it("reads a guild once, also when several ask at the same time", async () => {
    const { flags, reads } = createFlags(async () => [serverFlag("timezone", "Europe/Vienna")]);
    const [first, second] = await Promise.all([flags.get(GUILD), flags.get(GUILD)]);
    await flags.get(GUILD);
    expect(first.timeZone).toBe("Europe/Vienna");
    expect(second).toBe(first);
    expect(reads).toEqual([GUILD]);
  });

  it("reads anew what was forgotten, even while an older reading is under way", async () => {
    let value = "Europe/Vienna";
    const { flags } = createFlags(async () => [serverFlag("timezone", value)]);
    const before = flags.get(GUILD);
    value = "Europe/Lisbon";
    flags.forget(GUILD);
    expect((await before).timeZone).toBe("Europe/Vienna");
    expect((await flags.get(GUILD)).timeZone).toBe("Europe/Lisbon");
  });

  it("tells those who listen which guild changed, until they stop", () => {
    const { flags } = createFlags(async () => []);
    const heard: string[] = [];
    const stop = flags.onChange((guildId) => heard.push(guildId));
    flags.forget(GUILD);
    stop();
    flags.forget(OTHER_GUILD);
    expect(heard).toEqual([GUILD]);
  });

  it("does not remember a failure", async () => {
    let isAway = true;
    const { flags } = createFlags(async () => {
      if (isAway) throw new Error("away");
      return [];
    });
    await expect(flags.get(GUILD)).rejects.toThrow("away");
    isAway = false;
    expect((await flags.get(GUILD)).timeZone).toBe("UTC");
  });

  it("keeps no more guilds than its limit, dropping the one not asked for the longest", async () => {
    const { flags, reads } = createFlags(async () => []);
    await flags.get(GUILD);
    await flags.get(OTHER_GUILD);
    for (let index = 0; index < 4_999; index++) {
      await flags.get(GUILD);
      await flags.get(String(200_000_000_000_000_000n + BigInt(index)));
    }
    reads.length = 0;
    await flags.get(GUILD);
    expect(reads).toEqual([]);
    await flags.get(OTHER_GUILD);
    expect(reads).toEqual([OTHER_GUILD]);
  });
});
