import { PermissionFlagsBits } from "discord.js";
import { FLAG_NAMES, getFlagDefinition } from "../../../src/bot/flags/flag-table.ts";
import { readFlags, type EffectiveFlags } from "../../../src/bot/flags/guild-flags.ts";
import type { Outcome } from "../../../src/sandbox/actor/outcome.ts";
import { startTestBot, type TestBot } from "../../helpers/bot.ts";

let bot: TestBot;
beforeAll(async () => {
  bot = await startTestBot();
});
afterAll(() => bot.stop());

const REFUSED_CHANNEL = "I cannot use this channel: I need **Send Messages** there.";

type Values = Readonly<Record<string, string>>;

async function use(name: string, values: Values = {}): Promise<Outcome> {
  const outcome = await bot
    .as(bot.ids.moderatorId)
    .command(`admin-set-flag ${name}`, values, { channelId: bot.channelId });
  await outcome.settled();
  return outcome;
}

async function reply(name: string, values: Values = {}): Promise<string> {
  return (await use(name, values)).message?.content ?? "";
}

async function choices(
  values: Values,
  focused: string,
  subcommand = "set",
): Promise<{ name: string; value: string | number }[]> {
  const actor = bot.as(bot.ids.moderatorId);
  const where = { channelId: bot.channelId };
  const found = await actor.autocomplete(`admin-set-flag ${subcommand}`, values, focused, where);
  return found.map(({ name, value }) => ({ name, value }));
}

async function readStored(): Promise<EffectiveFlags> {
  return readFlags(await bot.store.flags.list({ guildId: bot.guildId }));
}

async function listFields(): Promise<Record<string, string>> {
  const embed = (await use("list")).message?.embeds[0];
  return Object.fromEntries((embed?.fields ?? []).map(({ name, value }) => [name, value]));
}

describe("/admin-set-flag", () => {
  it("explains itself while nothing is set", async () => {
    const embed = (await use("list")).message?.embeds[0];
    expect(embed?.description).toContain("No flag is set");
    for (const name of FLAG_NAMES) expect(embed?.description).toContain(name);
  });

  it("sets, shows and clears a flag, visibly to nobody else, and all of it is in the audit log", async () => {
    const set = await use("set", { flag: "timezone", value: "europe/vienna" });
    expect(set.isEphemeral).toBe(true);
    expect(set.message?.content).toBe("✅ **timezone** is now Europe/Vienna for the server.");
    expect((await readStored()).timeZone).toBe("Europe/Vienna");
    expect(await reply("set", { flag: "timezone", value: "UTC" })).toContain("Before: Europe/Vienna.");
    expect((await listFields()).timezone).toBe("the server: UTC");
    expect(await reply("clear", { flag: "timezone" })).toContain("not set any more for the server");
    expect((await listFields()).timezone).toBeUndefined();
    expect(await reply("clear", { flag: "timezone" })).toBe("**timezone** is not set for the server.");
    const { entries } = await bot.store.audit.list({ guildId: bot.guildId, limit: 3 });
    expect(entries.map(({ action, target, actorId }) => [action, target, actorId])).toEqual([
      ["flag.clear", "timezone", bot.ids.moderatorId],
      ["flag.set", "timezone", bot.ids.moderatorId],
      ["flag.set", "timezone", bot.ids.moderatorId],
    ]);
  });

  it("counts from the next command on", async () => {
    const create = async (): Promise<string> => {
      const where = { channelId: bot.channelId };
      const outcome = await bot
        .as(bot.ids.memberIds[0]!)
        .command("event create", { title: "Mine", every: "1h" }, where);
      return JSON.stringify(await outcome.settled());
    };
    const refused = await create();
    expect((await bot.store.events.list({ guildId: bot.guildId, state: "all", limit: 5 })).events).toHaveLength(0);
    await use("set", { flag: "event-creators", value: "everyone" });
    expect(await create()).not.toBe(refused);
    expect((await bot.store.events.list({ guildId: bot.guildId, state: "all", limit: 5 })).events).toHaveLength(1);
    await use("clear", { flag: "event-creators" });
    await create();
    expect((await bot.store.events.list({ guildId: bot.guildId, state: "all", limit: 5 })).events).toHaveLength(1);
  });

  it("sets a flag for a role and for a member", async () => {
    const [memberId] = bot.ids.memberIds;
    expect(await reply("set", { flag: "excused", value: "yes", role: bot.ids.crewRoleId })).toBe(
      `✅ **excused** is now yes for <@&${bot.ids.crewRoleId}>.`,
    );
    await use("set", { flag: "excused", value: "yes", member: memberId! });
    const { excused } = await readStored();
    expect(excused).toEqual({ memberIds: new Set([memberId]), roleIds: new Set([bot.ids.crewRoleId]) });
    expect((await listFields()).excused).toBe(`<@${memberId}>: yes\n<@&${bot.ids.crewRoleId}>: yes`);
    await use("clear", { flag: "excused", role: bot.ids.crewRoleId });
    await use("clear", { flag: "excused", member: memberId! });
  });

  it("refuses two subjects, and a subject that the flag does not take", async () => {
    const { crewRoleId, memberIds, guildId } = bot.ids;
    const both = { role: crewRoleId, member: memberIds[0]! };
    expect(await reply("set", { flag: "excused", value: "yes", ...both })).toContain("not both");
    expect(await reply("set", { flag: "timezone", value: "UTC", role: crewRoleId })).toContain("only for the server");
    expect(await reply("set", { flag: "excused", value: "yes" })).toContain("only for a role or a member");
    expect(await reply("set", { flag: "excused", value: "yes", role: guildId })).toContain("Everyone");
  });

  it("refuses unknown flags and wrong values, saying what there is", async () => {
    expect(await reply("set", { flag: "weather", value: "on" })).toContain("`timezone`");
    for (const name of FLAG_NAMES) {
      const values = { flag: name, value: "@everyone", ...(name === "excused" ? { role: bot.ids.crewRoleId } : {}) };
      const content = await reply("set", values);
      expect(content).toContain(`It must be ${getFlagDefinition(name).expected}`);
      expect(content).not.toContain("@everyone");
    }
    expect((await bot.store.flags.list({ guildId: bot.guildId })).length).toBe(0);
  });

  it("refuses an alert channel in which the bot may not send, and names what it needs", async () => {
    const channelId = bot.ids.generalChannelId;
    expect(await reply("set", { flag: "alert-channel", value: `<#${channelId}>` })).toContain(`<#${channelId}>`);
    await use("clear", { flag: "alert-channel" });
    bot.sandbox.world.setOverwrite(channelId, bot.guildId, { deny: PermissionFlagsBits.SendMessages });
    // Until the gateway has told the bot of the change, it may still set the flag.
    await bot.sandbox.waitFor(
      async () => (await reply("set", { flag: "alert-channel", value: channelId })) === REFUSED_CHANNEL,
    );
    await use("clear", { flag: "alert-channel" });
  });

  it("offers the flags of the table with what they do, and for clear only those that are set", async () => {
    const offered = await choices({ flag: "" }, "flag");
    expect(offered.map(({ value }) => value)).toEqual([...FLAG_NAMES]);
    for (const { name, value } of offered) {
      expect(`${value}: ${getFlagDefinition(value as (typeof FLAG_NAMES)[number]).description}`).toContain(
        name.slice(0, -1),
      );
    }
    expect((await choices({ flag: "QUIET" }, "flag")).map(({ value }) => value)).toContain("quiet-hours");
    await use("set", { flag: "reminders", value: "off" });
    expect((await choices({ flag: "" }, "flag", "clear")).map(({ value }) => value)).toEqual(["reminders"]);
    await use("clear", { flag: "reminders" });
  });

  it("offers values where the flag has choices, found by any part of their name", async () => {
    const valuesOf = async (flag: string, value: string): Promise<unknown[]> =>
      (await choices({ flag, value }, "value")).map((choice) => choice.value);
    expect(await valuesOf("reminders", "")).toEqual(["on", "off"]);
    expect(await valuesOf("timezone", "vienn")).toEqual(["Europe/Vienna"]);
    expect(await valuesOf("timezone", "new york")).toEqual(["America/New_York"]);
    expect(await valuesOf("timezone", "")).toHaveLength(25);
    expect(await valuesOf("alert-channel", "roll")).toEqual([bot.channelId]);
    expect(await valuesOf("emblem", "")).toEqual([]);
    expect(await valuesOf("weather", "")).toEqual([]);
  });

  it("refuses a member, whatever their client lets them send, and offers them nothing", async () => {
    const member = bot.as(bot.ids.memberIds[0]!);
    const where = { channelId: bot.channelId, bypassPermissionCheck: true };
    const actions = { set: { flag: "reminders", value: "off" }, clear: { flag: "reminders" }, list: {} };
    for (const [name, values] of Object.entries(actions)) {
      const outcome = await member.command(`admin-set-flag ${name}`, values, where);
      expect((await outcome.settled())?.content).toContain("Manage Guild");
    }
    expect(await bot.store.flags.list({ guildId: bot.guildId })).toEqual([]);
    expect(await member.autocomplete("admin-set-flag set", { flag: "" }, "flag", where)).toEqual([]);
  });
});
