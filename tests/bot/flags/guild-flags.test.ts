import { GuildFlags, readFlags } from "../../../src/bot/flags/guild-flags.ts";
import { LateChanges } from "../../../src/bot/late-changes.ts";
import { MusterError } from "../../../src/core/errors.ts";
import { collectCallNotes, noteStaleRead } from "../../../src/database/call-notes.ts";
import type { FlagRecord } from "../../../src/store/flags.ts";
import type { Store } from "../../../src/store/store.ts";

const GUILD = "100000000000000001";
const OTHER_GUILD = "100000000000000002";
const ROLE = "100000000000000003";
const MEMBER = "100000000000000004";

function serverFlag(name: string, value: string): FlagRecord {
  return { name, subjectType: "server", subjectId: "", value };
}

/** The store's flags as a hand-written list, in a database of which it can be said whether writes wait. */
function createRig(list: (guildId: string) => Promise<FlagRecord[]>) {
  const state = { isSettled: true };
  const settled = new Set<() => void>();
  const late = new LateChanges({
    get isSettled() {
      return state.isSettled;
    },
    onSettled(listener) {
      settled.add(listener);
      return () => settled.delete(listener);
    },
  });
  const store = { flags: { list: ({ guildId }: { guildId: string }) => list(guildId) } } as unknown as Store;
  const flags = new GuildFlags(store, late);
  const heard: string[] = [];
  const stop = flags.onChange((guildId) => heard.push(guildId));
  const settle = (): void => {
    state.isSettled = true;
    for (const listener of settled) listener();
  };
  return { flags, late, heard, stop, state, settle };
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

describe("the flags of a guild", () => {
  it("are what is stored, each time, and are worked out once for the same list", async () => {
    let records = [serverFlag("timezone", "Europe/Vienna")];
    const { flags } = createRig(async () => records);
    const first = await flags.get(GUILD);
    expect(first.timeZone).toBe("Europe/Vienna");
    expect(await flags.get(GUILD)).toBe(first);
    records = [serverFlag("timezone", "Europe/Lisbon")];
    expect((await flags.get(GUILD)).timeZone).toBe("Europe/Lisbon");
  });

  it("say nothing of their age to who asks for something else", async () => {
    const { flags } = createRig(async () => {
      noteStaleRead(1);
      return [];
    });
    const { notes } = await collectCallNotes(() => flags.get(GUILD));
    expect(notes.oldestReadAt).toBeUndefined();
  });

  it("are told of when they change, until nobody listens any more", async () => {
    const { flags, heard, stop } = createRig(async () => []);
    expect(await flags.change(GUILD, async () => "done")).toBe("done");
    expect(heard).toEqual([GUILD]);
    stop();
    await flags.change(OTHER_GUILD, async () => undefined);
    expect(heard).toEqual([GUILD]);
  });

  it("are told of once more when a change that waits in the queue is applied", async () => {
    const { flags, heard, state, settle } = createRig(async () => []);
    state.isSettled = false;
    await flags.change(GUILD, async () => undefined);
    heard.length = 0;
    settle();
    settle();
    expect(heard).toEqual([GUILD]);
  });

  it("are told of when a change that failed turns out to be decided, and not when it was refused", async () => {
    const { flags, late, heard, state, settle } = createRig(async () => []);
    const fail = (code: "OPERATION_TIMEOUT" | "NOT_FOUND"): Promise<void> =>
      flags.change(GUILD, async () => {
        throw new MusterError(code, "failed");
      });
    await expect(fail("NOT_FOUND")).rejects.toThrow("failed");
    state.isSettled = false;
    await expect(fail("OPERATION_TIMEOUT")).rejects.toThrow("failed");
    expect(heard).toEqual([]);
    settle();
    expect(heard).toEqual([GUILD]);
    // Decided already by the time that it is told.
    await expect(fail("OPERATION_TIMEOUT")).rejects.toThrow("failed");
    expect(heard).toEqual([GUILD, GUILD]);
    state.isSettled = false;
    await expect(fail("OPERATION_TIMEOUT")).rejects.toThrow("failed");
    late.stop();
    settle();
    expect(heard).toHaveLength(2);
  });
});
