import { once } from "node:events";
import {
  Events,
  PermissionFlagsBits,
  ReactionType,
  type MessageReaction,
  type TextChannel,
  type User,
} from "discord.js";
import { largeServer } from "../../src/sandbox/seeds.ts";
import { startTestBot, type TestBot } from "./test-bot.ts";

describe("reactions", () => {
  let bot: TestBot;
  let channel: TextChannel;

  beforeEach(async () => {
    bot = await startTestBot({ seed: largeServer({ memberCount: 150 }) });
    channel = bot.client.channels.cache.get(bot.ids.generalChannelId) as TextChannel;
  });

  afterEach(() => bot.stop());

  const heard = async (event: "messageReactionAdd" | "messageReactionRemove"): Promise<[MessageReaction, User]> =>
    (await once(bot.client, event)) as [MessageReaction, User];

  it("tells of reactions to messages and by people that the client has never seen", async () => {
    const { ids, sandbox } = bot;
    const sent = once(bot.client, Events.MessageCreate);
    const message = await sandbox.as(ids.ownerId).send(channel.id, { content: "question" });
    await sent;
    channel.messages.cache.clear();
    const added = heard("messageReactionAdd");
    await sandbox.as(ids.memberIds[0]!).react(channel.id, message.id, "✅");
    const [reaction, user] = await added;
    expect(reaction.message.partial).toBe(true);
    expect(reaction.emoji.name).toBe("✅");
    expect(user.id).toBe(ids.memberIds[0]);
    expect((await reaction.message.fetch()).content).toBe("question");

    channel.messages.cache.clear();
    bot.client.users.cache.delete(ids.memberIds[0]!);
    const removed = heard("messageReactionRemove");
    await sandbox.as(ids.memberIds[0]!).unreact(channel.id, message.id, "✅");
    const [, remover] = await removed;
    expect(remover.id).toBe(ids.memberIds[0]);
    expect(remover.partial).toBe(true);
  });

  it("does not announce a reaction twice, nor the removal of one that is not there", async () => {
    const { ids, sandbox } = bot;
    const message = await sandbox.as(ids.ownerId).send(channel.id, { content: "question" });
    const events: string[] = [];
    sandbox.world.events.subscribe((event) => events.push(event.type));
    const person = sandbox.as(ids.memberIds[0]!);
    await person.react(channel.id, message.id, "✅");
    await person.react(channel.id, message.id, "✅");
    await person.unreact(channel.id, message.id, "❌");
    expect(events).toEqual(["MESSAGE_REACTION_ADD"]);
  });

  it("lists who reacted in pages of a hundred, normal and burst apart", async () => {
    const { ids, sandbox } = bot;
    const message = await channel.send("roll call");
    // In reverse, so that the order of the list is not that of reacting.
    for (const userId of ids.memberIds.toReversed()) await sandbox.as(userId).react(channel.id, message.id, "✅");
    await sandbox.as(ids.ownerId).react(channel.id, message.id, "✅", { burst: true });
    const fetched = await message.fetch(true);
    const reaction = fetched.reactions.cache.get("✅")!;
    expect(reaction.count).toBe(151);
    expect(reaction.countDetails).toEqual({ normal: 150, burst: 1 });
    const first = await reaction.users.fetch({ limit: 100 });
    const second = await reaction.users.fetch({ limit: 100, after: first.lastKey()! });
    expect([first.size, second.size]).toEqual([100, 50]);
    expect(new Set([...first.keys(), ...second.keys()])).toEqual(new Set(ids.memberIds));
    const burst = await reaction.users.fetch({ type: ReactionType.Super });
    expect([...burst.keys()]).toEqual([ids.ownerId]);
  });

  it("lets the bot react and take reactions away", async () => {
    const { ids, sandbox } = bot;
    const message = await channel.send("roll call");
    await message.react("✅");
    await message.react("❌");
    await sandbox.as(ids.memberIds[0]!).react(channel.id, message.id, "✅");
    const shown = () =>
      sandbox.world.requireMessage(message.id).reactions.map((entry) => [entry.emoji.name, entry.normal]);
    expect(shown()).toEqual([
      ["✅", [bot.client.user.id, ids.memberIds[0]]],
      ["❌", [bot.client.user.id]],
    ]);
    const reaction = (await message.fetch(true)).reactions.cache.get("✅")!;
    expect(reaction.me).toBe(true);
    await reaction.users.remove(ids.memberIds[0]);
    await reaction.users.remove();
    expect(shown()).toEqual([["❌", [bot.client.user.id]]]);
    await message.reactions.cache.get("❌")?.remove();
    await message.react("✅");
    await message.reactions.removeAll();
    expect(shown()).toEqual([]);
  });

  it("knows custom emoji of its guilds, and no others", async () => {
    const { ids, sandbox } = bot;
    const emoji = sandbox.world.addEmoji(ids.guildId, "flag");
    const message = await channel.send("roll call");
    await message.react(`<:flag:${emoji.id}>`);
    expect(sandbox.world.requireMessage(message.id).reactions[0]?.emoji).toMatchObject({ id: emoji.id, name: "flag" });
    await expect(message.react("<:other:123456789012345678>")).rejects.toMatchObject({ code: 10_014 });
    await expect(message.react("not an emoji")).rejects.toMatchObject({ code: 10_014 });
    await sandbox.as(ids.ownerId).react(channel.id, message.id, "other:123456789012345678");
    await message.react("<:other:123456789012345678>");
    expect(sandbox.world.requireMessage(message.id).reactions).toHaveLength(2);
  });

  it("refuses a twenty-first emoji", async () => {
    const message = await channel.send("roll call");
    const emojis = [
      "🇦",
      "🇧",
      "😀",
      "😁",
      "😂",
      "😃",
      "😄",
      "😅",
      "😆",
      "😇",
      "😈",
      "😉",
      "😊",
      "😋",
      "😌",
      "😍",
      "😎",
      "😏",
      "😐",
      "😑",
      "😒",
      "😓",
    ];
    const usable = emojis.slice(2);
    for (const emoji of usable) await bot.sandbox.as(bot.ids.ownerId).react(channel.id, message.id, emoji);
    await expect(message.react("✅")).rejects.toMatchObject({ code: 30_010 });
    await message.react(usable[0]!);
  });

  it("refuses what the bot's permissions do not allow", async () => {
    const { ids, sandbox } = bot;
    const message = await sandbox.as(ids.ownerId).send(channel.id, { content: "question" });
    const target = await channel.messages.fetch(message.id);
    sandbox.world.setOverwrite(channel.id, bot.client.user.id, { deny: PermissionFlagsBits.AddReactions });
    await expect(target.react("✅")).rejects.toMatchObject({ code: 50_013, status: 403 });
    await sandbox.as(ids.ownerId).react(channel.id, message.id, "✅");
    await target.react("✅");
    sandbox.world.setOverwrite(channel.id, bot.client.user.id, { deny: PermissionFlagsBits.ManageMessages });
    await expect(target.reactions.removeAll()).rejects.toMatchObject({ code: 50_013 });
    sandbox.world.setOverwrite(channel.id, bot.client.user.id, { deny: PermissionFlagsBits.ViewChannel });
    await expect(target.react("✅")).rejects.toMatchObject({ code: 50_001 });
    const silence: unknown[] = [];
    bot.client.on(Events.MessageReactionAdd, (reaction) => silence.push(reaction));
    await sandbox.as(ids.ownerId).react(channel.id, message.id, "❌");
    sandbox.world.setOverwrite(channel.id, bot.client.user.id, {});
    const heardAfter = heard("messageReactionAdd");
    await sandbox.as(ids.ownerId).react(channel.id, message.id, "❓");
    expect((await heardAfter)[0].emoji.name).toBe("❓");
    expect(silence).toHaveLength(1);
  });
});
