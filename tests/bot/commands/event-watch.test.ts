import { MessageType } from "discord-api-types/v10";
import { PermissionFlagsBits } from "discord.js";
import { startTestBot, type TestBot } from "../../helpers/bot.ts";
import {
  cardOf,
  fieldOf,
  findEvent,
  idIn,
  ownMessages,
  press,
  readMessage,
  requireEvent,
  use,
  waitForCard,
  waitForRefresh,
  type Options,
} from "./event-rig.ts";

let bot: TestBot;
let moderator: string;
beforeAll(async () => {
  bot = await startTestBot();
  moderator = bot.ids.moderatorId;
});
afterAll(() => bot.stop());
afterEach(() => bot.sandbox.faults.clear());

async function post(channelId = bot.channelId): Promise<string> {
  return (await bot.as(bot.ids.ownerId).send(channelId, { content: "Who comes?" })).id;
}

async function watch(message: string, options: Options = {}, channelId = bot.channelId): Promise<string> {
  const answer = await use(bot, moderator, "event watch", { message, title: "Adopted", ...options }, channelId);
  return answer.text;
}

describe("/event watch", () => {
  it("adopts a message with the reactions that it has, and counts who reacted before", async () => {
    const messageId = await post();
    const [first] = bot.ids.memberIds as [string];
    await bot.as(first).react(bot.channelId, messageId, "🎉");
    const text = await watch(messageId);
    const event = await requireEvent(bot, idIn(text));
    expect(event).toMatchObject({ messageId, reactions: ["🎉"], title: "Adopted" });
    const card = ownMessages(bot).find(({ id }) => id === event.cardMessageId)!;
    expect(card.message_reference?.message_id).toBe(messageId);
    expect(card.mentions).toEqual([]);
    await waitForCard(bot, event, (card) => fieldOf(card, "🎉 1") === `<@${first}>`);
    expect(cardOf(bot, event)!.description).toContain(messageId);
  });

  it("counts any reaction on a message that has none", async () => {
    const event = await requireEvent(bot, idIn(await watch(await post())));
    expect(event.reactions).toEqual([]);
    await bot.as(bot.ids.memberIds[0]!).react(bot.channelId, event.messageId, "🦊");
    await waitForCard(bot, event, (card) => fieldOf(card, "🦊 1") !== undefined);
  });

  it("adds the reactions that it is given", async () => {
    const messageId = await post();
    await watch(messageId, { reactions: "✅ ❌" });
    const message = bot.sandbox.world.messages(bot.channelId).find(({ id }) => id === messageId)!;
    expect(message.reactions?.map(({ emoji }) => emoji.name)).toEqual(["✅", "❌"]);
  });

  it("finds a message anywhere in the server by its link", async () => {
    const messageId = await post(bot.ids.generalChannelId);
    expect(await watch(messageId)).toContain("no such message in this channel");
    const link = `https://discord.com/channels/${bot.guildId}/${bot.ids.generalChannelId}/${messageId}`;
    const event = await requireEvent(bot, idIn(await watch(link)));
    expect(event.channelId).toBe(bot.ids.generalChannelId);
  });

  it("refuses a message that is watched already, and names the event", async () => {
    const messageId = await post();
    const event = await requireEvent(bot, idIn(await watch(messageId)));
    const text = await watch(messageId);
    expect(text).toContain("watched already");
    expect(text).toContain(event.id);
    await use(bot, moderator, "event close", { event: event.id });
    const cardCount = ownMessages(bot).length;
    expect(await watch(messageId)).toContain("belongs to an event already");
    expect(ownMessages(bot)).toHaveLength(cardCount);
  });

  it("refuses what is no message of this server, or one of its own", async () => {
    expect(await watch("that one above")).toContain("not a message");
    expect(await watch(`https://discord.com/channels/100000000000000001/${bot.channelId}/${await post()}`)).toContain(
      "another server",
    );
    const { text } = await use(bot, moderator, "event create", { title: "Own" });
    const { messageId, cardMessageId } = await requireEvent(bot, idIn(await watch(await post())));
    expect(await watch(cardMessageId)).toContain("one of my own");
    expect(await watch((await requireEvent(bot, idIn(text))).messageId)).toContain("watched already");
    expect(await watch(messageId)).toContain("watched already");
  });

  it("says nothing of a channel that the asker cannot see", async () => {
    const { id: channelId } = bot.sandbox.world.createChannel(bot.guildId, { name: "hidden" });
    const messageId = await post(channelId);
    bot.sandbox.world.setOverwrite(channelId, moderator, { deny: PermissionFlagsBits.ViewChannel });
    const hidden = await watch(`https://discord.com/channels/${bot.guildId}/${channelId}/${messageId}`);
    const unknown = await watch(`https://discord.com/channels/${bot.guildId}/100000000000000001/${messageId}`);
    expect(hidden).toBe(unknown);
  });

  it("leaves the message as it was when a reaction is refused", async () => {
    const messageId = await post();
    bot.sandbox.faults.add({
      ...{ method: "PUT", path: `/channels/${bot.channelId}/messages/*/reactions/❌/@me` },
      effect: { kind: "error", status: 403, code: 90001 },
    });
    const cardCount = ownMessages(bot).length;
    expect(await watch(messageId, { reactions: "✅ ❌" })).toContain("blocked me");
    expect(ownMessages(bot)).toHaveLength(cardCount);
    const message = bot.sandbox.world.messages(bot.channelId).find(({ id }) => id === messageId)!;
    expect(message.reactions ?? []).toEqual([]);
    bot.sandbox.faults.clear();
    expect(await watch(messageId)).toContain("is watched");
  });

  it("goes on when only its card is deleted", async () => {
    const event = await requireEvent(bot, idIn(await watch(await post(), { reactions: "✅" })));
    await bot.as(bot.ids.ownerId).delete(event.cardMessageId);
    const [first] = bot.ids.memberIds as [string];
    await bot.as(first).react(bot.channelId, event.messageId, "✅");
    await waitForRefresh(bot, () => bot.log.some(({ message }) => message === "event card was deleted"));
    await bot.sandbox.waitFor(async () => {
      const answers = await bot.store.reactions.list({ guildId: bot.guildId, eventId: event.id });
      return answers.map(({ userId }) => userId).join() === first;
    });
    expect((await findEvent(bot, event.id))?.state).toBe("open");
  });

  it("leaves an adopted message in place when the event is deleted", async () => {
    const messageId = await post();
    const event = await requireEvent(bot, idIn(await watch(messageId)));
    const question = await use(bot, moderator, "event delete", { event: event.id });
    await press(bot, moderator, question.message, "Delete");
    const left = bot.sandbox.world.messages(bot.channelId);
    expect(left.some(({ id }) => id === messageId)).toBe(true);
    expect(
      left.filter(
        (message) => message.type !== MessageType.ChatInputCommand && readMessage(message).includes(event.id),
      ),
    ).toEqual([]);
  });
});
