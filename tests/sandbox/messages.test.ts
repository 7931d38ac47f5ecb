import { once } from "node:events";
import {
  ActionRowBuilder,
  ButtonBuilder,
  ButtonStyle,
  Events,
  GatewayIntentBits,
  PermissionFlagsBits,
  type Message,
  type MessageCreateOptions,
  type TextChannel,
} from "discord.js";
import { startTestBot, type TestBot } from "./test-bot.ts";

describe("messages", () => {
  let bot: TestBot;
  let channel: TextChannel;

  beforeEach(async () => {
    bot = await startTestBot();
    channel = bot.client.channels.cache.get(bot.ids.generalChannelId) as TextChannel;
  });

  afterEach(() => bot.stop());

  const everyone = (): string => bot.ids.guildId;

  it("are sent, edited, replied to and deleted", async () => {
    const message = await channel.send({ content: "first", embeds: [{ title: "card" }] });
    const edited = await message.edit("second");
    expect(edited.editedTimestamp).not.toBeNull();
    expect(edited.embeds[0]?.title).toBe("card");
    const reply = await message.reply("answer");
    expect(reply.reference?.messageId).toBe(message.id);
    await message.delete();
    await expect(channel.messages.fetch({ message: message.id, force: true })).rejects.toMatchObject({ code: 10_008 });
    await expect(message.reply("too late")).rejects.toMatchObject({ code: 50_035 });
  });

  it("are listed newest first, before, after and around one", async () => {
    const sent: string[] = [];
    for (let index = 0; index < 12; index++) sent.push((await channel.send(`${index}`)).id);
    const contents = async (options: object): Promise<string[]> =>
      (await channel.messages.fetch({ cache: false, ...options })).map((message) => message.content);
    expect(await contents({ limit: 3 })).toEqual(["11", "10", "9"]);
    expect(await contents({ limit: 2, before: sent[5] })).toEqual(["4", "3"]);
    expect(await contents({ limit: 2, after: sent[5] })).toEqual(["7", "6"]);
    expect(await contents({ limit: 3, around: sent[5] })).toEqual(["6", "5", "4"]);
    await expect(contents({ limit: 101 })).rejects.toMatchObject({ code: 50_035 });
  });

  it("are given once when the same nonce is enforced", async () => {
    const first = await channel.send({ content: "once", nonce: "n1", enforceNonce: true });
    const second = await channel.send({ content: "once", nonce: "n1", enforceNonce: true });
    expect(second.id).toBe(first.id);
    expect(bot.sandbox.world.messages(channel.id)).toHaveLength(1);
  });

  it("mention only whom the bot allows", async () => {
    const [first, second] = bot.ids.memberIds as [string, string];
    const content = `<@${first}> <@${second}> <@&${bot.ids.crewRoleId}> @everyone`;
    const all = await channel.send({ content });
    expect([...all.mentions.users.keys()]).toEqual([first, second]);
    expect([...all.mentions.roles.keys()]).toEqual([bot.ids.crewRoleId]);
    expect(all.mentions.everyone).toBe(true);
    const none = await channel.send({ content, allowedMentions: { parse: [] } });
    expect([none.mentions.users.size, none.mentions.roles.size, none.mentions.everyone]).toEqual([0, 0, false]);
    const one = await channel.send({ content, allowedMentions: { users: [second] } });
    expect([...one.mentions.users.keys()]).toEqual([second]);
    const users = Array.from({ length: 101 }, (_, index) => `${100000000000000000n + BigInt(index)}`);
    await expect(channel.send({ content, allowedMentions: { users } })).rejects.toMatchObject({ code: 50_035 });
  });

  const button = (id: string): ButtonBuilder =>
    new ButtonBuilder().setCustomId(id).setLabel("x").setStyle(ButtonStyle.Primary);
  const row = (count: number, prefix = "b"): ActionRowBuilder<ButtonBuilder> =>
    new ActionRowBuilder<ButtonBuilder>().addComponents(
      Array.from({ length: count }, (_, index) => button(`${prefix}${index}`)),
    );
  const raw = (components: unknown): MessageCreateOptions =>
    ({ content: "x", components }) as unknown as MessageCreateOptions;

  it.each<[string, MessageCreateOptions, number, string | undefined]>([
    ["text over 2,000 characters", { content: "x".repeat(2_001) }, 50_035, "content"],
    ["nothing", { content: "  " }, 50_006, undefined],
    ["eleven embeds", { embeds: Array.from({ length: 11 }, () => ({ title: "x" })) }, 50_035, "embeds"],
    ["a long title", { embeds: [{ title: "x".repeat(257) }] }, 50_035, "embeds"],
    ["a long description", { embeds: [{ description: "x".repeat(4_097) }] }, 50_035, "embeds"],
    ["a long footer", { embeds: [{ title: "x", footer: { text: "x".repeat(2_049) } }] }, 50_035, "embeds"],
    [
      "26 fields",
      { embeds: [{ fields: Array.from({ length: 26 }, () => ({ name: "x", value: "y" })) }] },
      50_035,
      "embeds",
    ],
    ["a long field", { embeds: [{ fields: [{ name: "x", value: "y".repeat(1_025) }] }] }, 50_035, "embeds"],
    ["an empty field", { embeds: [{ fields: [{ name: "x", value: "" }] }] }, 50_035, "embeds"],
    [
      "embeds of more than 6,000 characters together",
      { embeds: [{ description: "x".repeat(4_000) }, { description: "x".repeat(2_001) }] },
      50_035,
      "embeds",
    ],
    ["six rows", raw(Array.from({ length: 6 }, (_, index) => row(1, `r${index}`).toJSON())), 50_035, "components"],
    [
      "six buttons in a row",
      raw([{ type: 1, components: row(5).toJSON().components.concat(row(1, "c").toJSON().components) }]),
      50_035,
      "components",
    ],
    ["the same custom id twice", raw([row(1).toJSON(), row(1).toJSON()]), 50_035, "components"],
    [
      "a long custom id",
      raw([{ type: 1, components: [{ type: 2, style: 1, label: "x", custom_id: "x".repeat(101) }] }]),
      50_035,
      "components",
    ],
  ])("refuse %s", async (_what, options, code, field) => {
    const refusal = (await channel.send(options).catch((error: unknown) => error)) as {
      code: number;
      rawError: object;
    };
    expect(refusal.code).toBe(code);
    if (field !== undefined) expect(refusal.rawError).toHaveProperty(["errors", field]);
    expect(bot.sandbox.world.messages(channel.id)).toEqual([]);
  });

  it("need the permissions that Discord asks for", async () => {
    const { world } = bot.sandbox;
    const deny = (bits: bigint): void => world.setOverwrite(channel.id, bot.client.user.id, { deny: bits });
    deny(PermissionFlagsBits.EmbedLinks);
    await expect(channel.send({ embeds: [{ title: "x" }] })).rejects.toMatchObject({ code: 50_013 });
    deny(PermissionFlagsBits.AttachFiles);
    await expect(channel.send({ files: [Buffer.from("x")] })).rejects.toMatchObject({ code: 50_013 });
    deny(PermissionFlagsBits.SendMessages);
    await expect(channel.send("x")).rejects.toMatchObject({ code: 50_013 });
    deny(PermissionFlagsBits.ViewChannel);
    await expect(channel.send("x")).rejects.toMatchObject({ code: 50_001 });
    world.deleteChannel(channel.id);
    await expect(
      bot.client.rest.post(`/channels/${channel.id}/messages`, { body: { content: "x" } }),
    ).rejects.toMatchObject({
      code: 10_003,
    });
  });

  it("let overwrites of roles and members outrank the guild's permissions", async () => {
    const { world } = bot.sandbox;
    const person = bot.ids.memberIds[0]!;
    const can = (): boolean => (world.permissionsOf(person, channel.id) & PermissionFlagsBits.SendMessages) !== 0n;
    expect(can()).toBe(true);
    world.setOverwrite(channel.id, everyone(), { deny: PermissionFlagsBits.SendMessages });
    expect(can()).toBe(false);
    world.setOverwrite(channel.id, bot.ids.crewRoleId, { allow: PermissionFlagsBits.SendMessages });
    expect(can()).toBe(true);
    world.setOverwrite(channel.id, person, { deny: PermissionFlagsBits.SendMessages });
    expect(can()).toBe(false);
    await expect(bot.sandbox.as(person).send(channel.id, { content: "x" })).rejects.toThrow(/lacks SendMessages/);
    world.updateRole(bot.ids.guildId, bot.ids.crewRoleId, { permissions: PermissionFlagsBits.Administrator });
    expect(can()).toBe(true);
  });

  it("of others are deleted only with ManageMessages, and edited never", async () => {
    const { world } = bot.sandbox;
    const sent = await bot.sandbox.as(bot.ids.ownerId).send(channel.id, { content: "mine" });
    const message = await channel.messages.fetch(sent.id);
    await expect(
      bot.client.rest.patch(`/channels/${channel.id}/messages/${sent.id}`, { body: { content: "x" } }),
    ).rejects.toMatchObject({
      code: 50_005,
    });
    world.setOverwrite(channel.id, bot.client.user.id, { deny: PermissionFlagsBits.ManageMessages });
    await expect(message.delete()).rejects.toMatchObject({ code: 50_013 });
    world.setOverwrite(channel.id, bot.client.user.id, {});
    await message.delete();
    const two = [await channel.send("a"), await channel.send("b")];
    const gone = once(bot.client, Events.MessageBulkDelete);
    await channel.bulkDelete(two);
    await gone;
    expect(world.messages(channel.id)).toEqual([]);
  });

  it("reach people directly unless they block it or share no guild", async () => {
    const { sandbox, ids, client } = bot;
    const person = await client.users.fetch(ids.memberIds[0]!);
    await person.send("hello");
    expect(
      sandbox
        .as(person.id)
        .directMessages()
        .map((message) => message.content),
    ).toEqual(["hello"]);
    const heard = once(client, Events.MessageCreate) as Promise<[Message]>;
    await sandbox.as(person.id).send(sandbox.as(person.id).openDirectChannel(), { content: "back" });
    expect((await heard)[0].content).toBe("back");
    sandbox.world.blockDirectMessages(person.id);
    await expect(person.send("again")).rejects.toMatchObject({ code: 50_007 });
    sandbox.world.blockDirectMessages(person.id, false);
    sandbox.world.removeMember(ids.guildId, person.id);
    await expect(person.send("again")).rejects.toMatchObject({ code: 50_278 });
  });

  it("come without their text to a bot that may not read it, except its own and those that mention it", async () => {
    const { sandbox, ids } = bot;
    const contents: string[] = [];
    bot.client.on(Events.MessageCreate, (message) => contents.push(message.content));
    await sandbox.as(ids.ownerId).send(channel.id, { content: "secret" });
    await sandbox.as(ids.ownerId).send(channel.id, { content: `<@${bot.client.user.id}> hello` });
    await channel.send("own");
    await sandbox.waitFor(() => contents.length === 3);
    expect(contents).toEqual(["", `<@${bot.client.user.id}> hello`, "own"]);
  });

  it("say nothing to a bot without the intent", async () => {
    await bot.stop();
    bot = await startTestBot({ client: { intents: [GatewayIntentBits.Guilds] } });
    const heard: unknown[] = [];
    bot.client.on(Events.MessageCreate, (message) => heard.push(message));
    await bot.sandbox.as(bot.ids.ownerId).send(bot.ids.generalChannelId, { content: "x" });
    const renamed = once(bot.client, Events.GuildRoleCreate);
    bot.sandbox.world.addRole(bot.ids.guildId, { name: "after" });
    await renamed;
    expect(heard).toEqual([]);
  });

  it("answer unknown routes with 404 and count them", async () => {
    await expect(bot.client.rest.get("/voice/regions")).rejects.toMatchObject({ status: 404 });
    expect(bot.sandbox.counters.unknownRoutes).toBe(1);
  });
});
