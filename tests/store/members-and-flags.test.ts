import type { TestStore } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { MEMBER_1, MEMBER_2, newGuild, newSnowflake, OWNER } from "./fixtures.ts";
import { shareStore } from "./shared-store.ts";

describe("the store", () => {
  const clock = new ManualClock();
  let database: TestStore;
  let guildId: string;
  shareStore(clock, (shared) => ({ database, guildId } = shared));

  describe("guilds", () => {
    it("are made known, renamed and found", async () => {
      const { guilds } = database.store;
      expect(await guilds.find({ guildId })).toEqual({ id: guildId, name: "Server" });
      await guilds.upsert({ guildId, name: "Server 2" });
      expect(await guilds.find({ guildId })).toEqual({ id: guildId, name: "Server 2" });
      expect(await guilds.find({ guildId: newSnowflake() })).toBeNull();
      await expect(guilds.find({ guildId: "1" })).rejects.toMatchObject({
        code: "INPUT_INVALID",
        message: expect.stringContaining("at guildId") as string,
      });
    });
  });

  describe("users", () => {
    it("are seen, and a name that is not known now does not erase the one that was", async () => {
      const { users } = database.store;
      await users.observe({ guildId, id: MEMBER_1, username: "name", isBot: false });
      await users.observe({ guildId, id: MEMBER_1, username: null, isBot: true });
      await users.observe({ guildId, id: MEMBER_2, username: null, isBot: false });
      expect(await users.listSeen({ guildId, limit: 1 })).toEqual([{ id: MEMBER_1, isBot: true }]);
      expect(await users.listSeen({ guildId, afterId: MEMBER_1, limit: 1 })).toEqual([{ id: MEMBER_2, isBot: false }]);
      expect(await users.listSeen({ guildId, afterId: MEMBER_2, limit: 1 })).toEqual([]);
    });

    it("choose how they are reminded, each in each server", async () => {
      const { users } = database.store;
      const other = await newGuild(database.store);
      await users.setReminderMode({ guildId, id: MEMBER_1, username: "name", mode: "dm" });
      await users.setReminderMode({ guildId, id: MEMBER_2, username: "name", mode: "off" });
      expect(await users.listReminderModes({ guildId })).toEqual([
        { id: MEMBER_1, mode: "dm" },
        { id: MEMBER_2, mode: "off" },
      ]);
      expect(await users.listReminderModes({ guildId: other })).toEqual([]);
      await users.setReminderMode({ guildId, id: MEMBER_1, username: "name", mode: "mention" });
      expect(await users.listReminderModes({ guildId })).toEqual([{ id: MEMBER_2, mode: "off" }]);
      const wrong = users.setReminderMode({ guildId, id: MEMBER_1, username: null, mode: "shout" as "off" });
      await expect(wrong).rejects.toMatchObject({
        code: "INPUT_INVALID",
        message: expect.stringContaining("at mode") as string,
      });
    });

    it("are refused for a server that is not known", async () => {
      const observing = database.store.users.observe({
        guildId: newSnowflake(),
        id: MEMBER_1,
        username: null,
        isBot: false,
      });
      await expect(observing).rejects.toMatchObject({ code: "CONSTRAINT_VIOLATED" });
    });
  });

  describe("flags", () => {
    const role = newSnowflake();
    const flag = (subjectType: "server" | "role" | "member", subjectId: string) => ({
      guildId,
      actorId: OWNER,
      name: "quiet-hours",
      subjectType,
      subjectId,
    });

    it("are set for the server, a role or a member, each on its own, and listed in order", async () => {
      const { flags } = database.store;
      expect(await flags.set({ ...flag("server", ""), value: "22:00-08:00" })).toEqual({ previousValue: null });
      expect(await flags.set({ ...flag("server", ""), value: "23:00-08:00" })).toEqual({
        previousValue: "22:00-08:00",
      });
      await flags.set({ ...flag("role", role), value: "off" });
      await flags.set({ ...flag("member", MEMBER_1), name: "excused", value: "on" });
      expect(await flags.list({ guildId })).toEqual([
        { name: "excused", subjectType: "member", subjectId: MEMBER_1, value: "on" },
        { name: "quiet-hours", subjectType: "role", subjectId: role, value: "off" },
        { name: "quiet-hours", subjectType: "server", subjectId: "", value: "23:00-08:00" },
      ]);
    });

    it("are cleared once; both are in the audit log with what was there before", async () => {
      const { flags, audit } = database.store;
      await flags.set({ ...flag("role", role), value: "a" });
      await flags.set({ ...flag("role", role), value: "b" });
      await flags.clear(flag("role", role));
      await expect(flags.clear(flag("role", role))).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect(await flags.list({ guildId })).toEqual([]);
      const { entries } = await audit.list({ guildId, limit: 10 });
      expect(entries.map(({ action, target, details }) => [action, target, JSON.parse(details) as unknown])).toEqual([
        ["flag.clear", `quiet-hours role ${role}`, {}],
        ["flag.set", `quiet-hours role ${role}`, { value: "b", previousValue: "a" }],
        ["flag.set", `quiet-hours role ${role}`, { value: "a" }],
      ]);
    });

    it.each([
      ["name", { name: "Quiet Hours" }],
      ["value", { value: "" }],
      ["value", { value: "x".repeat(501) }],
      ["value", { value: "\0" }],
      ["subjectId", { subjectType: "server" as const, subjectId: MEMBER_1 }],
      ["subjectId", { subjectType: "role" as const, subjectId: "" }],
      ["actorId", { actorId: "system" }],
    ])("refuse a wrong %s, naming it: %j", async (field, wrong) => {
      const setting = database.store.flags.set({ ...flag("server", ""), value: "a", ...wrong });
      await expect(setting).rejects.toMatchObject({
        code: "INPUT_INVALID",
        message: expect.stringContaining(`at ${field}`) as string,
      });
    });
  });

  it("gives parts that must not write a client that cannot", async () => {
    const { createReadStore } = await import("../../src/store/store.ts");
    const store = createReadStore(database.manager);
    expect(Object.keys(store.events).sort()).not.toContain("create");
    expect(Object.keys(store.flags)).toEqual(["list"]);
    expect(await store.guilds.find({ guildId })).toMatchObject({ id: guildId });
  });
});
