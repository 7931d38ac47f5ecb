import { once } from "node:events";
import { Events, GatewayIntentBits, GatewayRateLimitError } from "discord.js";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { largeServer, smallServer } from "../../src/sandbox/seeds.ts";
import { createClient, startTestBot, type TestBot } from "./test-bot.ts";

describe("logging in", () => {
  let bot: TestBot | undefined;
  let sandbox: Sandbox | undefined;

  afterEach(async () => {
    await bot?.stop();
    await sandbox?.stop();
    bot = undefined;
    sandbox = undefined;
  });

  it("fills the client's caches of guilds, channels and roles", async () => {
    bot = await startTestBot();
    const guild = bot.client.guilds.cache.get(bot.ids.guildId)!;
    expect(guild.name).toBe("Muster sandbox");
    expect(guild.memberCount).toBe(9);
    expect(guild.channels.cache.map((channel) => channel.name)).toEqual(["roll-calls", "general"]);
    expect(guild.roles.cache.get(bot.ids.crewRoleId)?.name).toBe("Crew");
    expect(bot.client.user.id).toBe(bot.sandbox.botUserId);
    expect(bot.client.application.id).toBe(bot.sandbox.applicationId);
    expect(bot.sandbox.isBotConnected).toBe(true);
    expect((await bot.client.application.fetch()).name).toBe("Muster");
  });

  it("tells a bot without the presences intent of no member but itself until it asks", async () => {
    bot = await startTestBot();
    const guild = bot.client.guilds.cache.get(bot.ids.guildId)!;
    expect([...guild.members.cache.keys()]).toEqual([bot.sandbox.botUserId]);
    const members = await guild.members.fetch();
    expect(members.size).toBe(9);
    expect(members.get(bot.ids.ownerId)?.displayName).toBe("Owner");
  });

  it("tells a bot with the presences intent of all members of a small guild", async () => {
    bot = await startTestBot({
      client: {
        intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMembers, GatewayIntentBits.GuildPresences],
      },
    });
    expect(bot.client.guilds.cache.get(bot.ids.guildId)?.members.cache.size).toBe(9);
  });

  it("gives thousands of members in chunks, and a second full list within thirty seconds is refused", async () => {
    bot = await startTestBot({ seed: largeServer({ memberCount: 2_500 }) });
    const guild = bot.client.guilds.cache.get(bot.ids.guildId)!;
    expect(guild.large).toBe(true);
    expect((await guild.members.fetch()).size).toBe(2_503);
    await expect(guild.members.fetch()).rejects.toBeInstanceOf(GatewayRateLimitError);
    const found = await guild.members.fetch({ query: "member25", limit: 100 });
    expect(found.size).toBe(12);
    const single = await guild.members.fetch({ user: bot.ids.memberIds.slice(0, 3) });
    expect(single.size).toBe(3);
  });

  it("lists members over REST in pages ordered by id", async () => {
    bot = await startTestBot({ seed: largeServer({ memberCount: 30 }) });
    const guild = bot.client.guilds.cache.get(bot.ids.guildId)!;
    const first = await guild.members.list({ limit: 20 });
    const second = await guild.members.list({ limit: 20, after: first.lastKey()! });
    expect(first.size).toBe(20);
    expect(second.size).toBe(13);
    expect((await guild.members.search({ query: "member 3", limit: 5 })).map((member) => member.user.username)).toEqual(
      ["member3", "member30"],
    );
  });

  it("rejects a wrong token", async () => {
    sandbox = await Sandbox.start({ port: 0 });
    const client = createClient(sandbox);
    await expect(client.login(sandbox.botToken.replace(/.$/, "!"))).rejects.toMatchObject({ code: "TokenInvalid" });
    expect(sandbox.counters.invalid).toBeGreaterThan(0);
    await client.destroy();
  });

  it("refuses privileged intents that the application has not enabled", async () => {
    const seed = smallServer();
    sandbox = await Sandbox.start({
      port: 0,
      seed: { ...seed, application: { privilegedIntents: { guildMembers: false } } },
    });
    const client = createClient(sandbox);
    await expect(client.login(sandbox.botToken)).rejects.toThrow("Used disallowed intents");
    await client.destroy();
  });

  it("announces guilds that the bot joins and leaves", async () => {
    bot = await startTestBot();
    const joined = once(bot.client, Events.GuildCreate);
    const guild = bot.sandbox.world.addGuild({ name: "Second", ownerId: bot.ids.ownerId, botPermissions: 8n });
    await joined;
    expect(bot.client.guilds.cache.size).toBe(2);
    const left = once(bot.client, Events.GuildDelete);
    bot.sandbox.world.removeGuild(guild.id);
    await left;
    await expect(bot.client.guilds.fetch({ guild: guild.id, force: true })).rejects.toMatchObject({ code: 10_004 });
  });

  it("makes a guild unavailable and available again", async () => {
    bot = await startTestBot();
    const lost = once(bot.client, Events.GuildUnavailable);
    bot.sandbox.world.setGuildOutage(bot.ids.guildId, true);
    await lost;
    const back = once(bot.client, Events.GuildAvailable);
    bot.sandbox.world.setGuildOutage(bot.ids.guildId, false);
    await back;
    expect(bot.client.guilds.cache.get(bot.ids.guildId)?.channels.cache.size).toBe(2);
  });

  it("keeps the client's members and roles up to date", async () => {
    bot = await startTestBot();
    const { client, ids, sandbox } = bot;
    const { world } = sandbox;
    const guild = client.guilds.cache.get(ids.guildId)!;
    await guild.members.fetch();
    const newcomer = world.addUser({ username: "newcomer" });
    world.addMember(ids.guildId, newcomer.id);
    const role = world.addRole(ids.guildId, { name: "Extra" });
    world.giveRole(ids.guildId, newcomer.id, role.id);
    await sandbox.waitFor(() => guild.members.cache.get(newcomer.id)?.roles.cache.has(role.id) === true);
    world.takeRole(ids.guildId, newcomer.id, role.id);
    await sandbox.waitFor(() => guild.members.cache.get(newcomer.id)?.roles.cache.has(role.id) === false);
    world.removeMember(ids.guildId, newcomer.id);
    await sandbox.waitFor(() => !guild.members.cache.has(newcomer.id));
  });
});
