import { PermissionFlagsBits } from "discord.js";
import { startTestBot, type TestBot } from "../../helpers/bot.ts";
import {
  auditActions,
  cardOf,
  createEvent,
  fieldOf,
  findEvent,
  ownMessages,
  requireEvent,
  use,
  waitForCard,
  waitForRefresh,
} from "./event-rig.ts";

let bot: TestBot;
beforeAll(async () => {
  bot = await startTestBot({ settings: { REMINDER_MIN_INTERVAL: "5m" } });
});
afterAll(() => bot.stop());
afterEach(() => bot.sandbox.faults.clear());

async function countEvents(): Promise<number> {
  return (await bot.store.events.list({ guildId: bot.guildId, state: "all", limit: 100 })).events.length;
}

describe("/event create", () => {
  it("posts a card with its reactions, and tells link, id and the next reminder", async () => {
    const { text } = await use(bot, bot.ids.moderatorId, "event create", {
      ...{ title: "**Friday** raid", every: "2h", audience: bot.ids.crewRoleId, description: "Bring food" },
      closes: "in 3 days",
    });
    const event = await requireEvent(bot, /`(\w{26})`/.exec(text)![1]!);
    expect(text).toContain(`https://discord.com/channels/${bot.guildId}/${bot.channelId}/${event.messageId}`);
    expect(text).toContain(`<t:${Math.floor(event.nextReminderAt! / 1_000)}:R>`);
    expect(event.nextReminderAt).toBe(event.createdAt + 2 * 3_600_000);

    const message = ownMessages(bot).find(({ id }) => id === event.messageId)!;
    expect(message.reactions?.map(({ emoji }) => emoji.name)).toEqual(["✅", "❌", "❓"]);
    const card = cardOf(bot, event)!;
    expect(card.title).toBe("\\*\\*Friday\\*\\* raid");
    expect(card.description).toContain("Bring food");
    expect(card.footer?.text).toContain(event.id);
    expect(fieldOf(card, "Missing")).toBe("4 of 4");
    expect(fieldOf(card, "Asked")).toBe(`<@&${bot.ids.crewRoleId}>`);
    expect(fieldOf(card, "Closes")).toContain(`<t:${Math.floor(event.closesAt! / 1_000)}:f>`);
    expect(await auditActions(bot, event.id)).toMatchObject([{ action: "event.create", actorId: bot.ids.moderatorId }]);
  });

  it("shows answers on the card, and takes back what is withdrawn", async () => {
    const event = await createEvent(bot, { audience: bot.ids.crewRoleId });
    const [member] = bot.ids.memberIds as [string];
    await bot.as(member).react(event.channelId, event.messageId, "✅");
    await waitForCard(bot, event, (card) => fieldOf(card, "✅ 1") === `<@${member}>`);
    expect(fieldOf(cardOf(bot, event), "Missing")).toBe("3 of 4");
    await bot.as(member).unreact(event.channelId, event.messageId, "✅");
    await waitForCard(bot, event, (card) => fieldOf(card, "✅ 0") === "–");
  });

  it("shows emblems of the server and of roles", async () => {
    await use(bot, bot.ids.ownerId, "admin-set-flag set", { flag: "emblem", value: "🏰" });
    await use(bot, bot.ids.ownerId, "admin-set-flag set", { flag: "emblem", value: "🇦🇹", role: bot.ids.crewRoleId });
    const event = await createEvent(bot);
    expect(cardOf(bot, event)!.title).toBe("🏰 Friday raid");
    const [crew, , , , other] = bot.ids.memberIds as string[];
    await bot.as(crew!).react(event.channelId, event.messageId, "✅");
    await bot.as(other!).react(event.channelId, event.messageId, "✅");
    await waitForCard(bot, event, (card) => fieldOf(card, "✅ 2") === `🇦🇹 <@${crew}> <@${other}>`);
    await use(bot, bot.ids.ownerId, "admin-set-flag clear", { flag: "emblem" });
    await use(bot, bot.ids.ownerId, "admin-set-flag clear", { flag: "emblem", role: bot.ids.crewRoleId });
  });

  it("is for members with Manage Events until the server lets everyone", async () => {
    const [member] = bot.ids.memberIds as [string];
    const refused = await use(bot, member, "event create", { title: "Mine" });
    expect(refused.text).toContain("Manage Events");
    await use(bot, bot.ids.ownerId, "admin-set-flag set", { flag: "event-creators", value: "everyone" });
    const event = await createEvent(bot, { title: "Mine" }, member);
    expect(event.creatorId).toBe(member);
    await use(bot, bot.ids.ownerId, "admin-set-flag clear", { flag: "event-creators" });
  });

  it("refuses what is beyond a limit, and names the limit", async () => {
    const before = await countEvents();
    expect((await use(bot, bot.ids.moderatorId, "event create", { title: "x", every: "1m" })).text).toContain("5 min");
    expect((await use(bot, bot.ids.moderatorId, "event create", { title: "x", closes: "in 9 years" })).text).toContain(
      "two years",
    );
    expect(await countEvents()).toBe(before);
  });

  it("names the permissions that the bot lacks, and posts nothing", async () => {
    const { id: channelId } = bot.sandbox.world.createChannel(bot.guildId, { name: "quiet" });
    const deny = PermissionFlagsBits.AddReactions | PermissionFlagsBits.EmbedLinks;
    bot.sandbox.world.setOverwrite(channelId, bot.sandbox.botUserId, { deny });
    const { text } = await use(bot, bot.ids.moderatorId, "event create", { title: "x", channel: channelId });
    expect(text).toContain("**Add Reactions**");
    expect(text).toContain("**Embed Links**");
    expect(text).not.toContain("Send Messages");
    expect(ownMessages(bot, channelId)).toEqual([]);
  });

  it("names the permissions that the creator lacks", async () => {
    const { id: channelId } = bot.sandbox.world.createChannel(bot.guildId, { name: "read-only" });
    bot.sandbox.world.setOverwrite(channelId, bot.ids.moderatorId, { deny: PermissionFlagsBits.SendMessages });
    const { text } = await use(bot, bot.ids.moderatorId, "event create", { title: "x", channel: channelId });
    expect(text).toContain("You lack");
    expect(text).toContain("**Send Messages**");
  });

  it("takes the server's own emoji, also ones made a moment ago, and refuses foreign ones", async () => {
    const { id } = bot.sandbox.world.addEmoji(bot.guildId, "yes");
    const event = await createEvent(bot, { reactions: `<:yes:${id}> 👎` });
    expect(event.reactions).toEqual([`yes:${id}`, "👎"]);
    const { text } = await use(bot, bot.ids.moderatorId, "event create", {
      ...{ title: "x", reactions: "<:far:111111111111111111>" },
    });
    expect(text).toContain(":far:");
    expect(text).toContain("cannot use");
  });

  it("leaves nothing behind when a reaction is refused, and says why", async () => {
    const before = await countEvents();
    const messagesBefore = ownMessages(bot).length;
    const path = `/channels/${bot.channelId}/messages/*/reactions/❌/@me`;
    for (const [code, reason] of [
      [50013, "Add Reactions"],
      [10014, "❌"],
    ] as const) {
      bot.sandbox.faults.add({
        method: "PUT",
        path,
        effect: { kind: "error", status: code === 50013 ? 403 : 400, code },
      });
      const { text } = await use(bot, bot.ids.moderatorId, "event create", { title: "x" });
      expect(text).toContain(reason);
      expect(text).toContain("Nothing was created");
      bot.sandbox.faults.clear();
    }
    expect(await countEvents()).toBe(before);
    expect(ownMessages(bot)).toHaveLength(messagesBefore);
  });

  it("leaves no message behind when the event cannot be stored", async () => {
    const messagesBefore = ownMessages(bot).length;
    const { create } = bot.store.events;
    Object.defineProperty(bot.store.events, "create", {
      value: () => Promise.reject(new Error("away")),
      configurable: true,
    });
    const { text } = await use(bot, bot.ids.moderatorId, "event create", { title: "x" });
    Object.defineProperty(bot.store.events, "create", { value: create });
    expect(text).toContain("Reference");
    expect(ownMessages(bot)).toHaveLength(messagesBefore);
  });

  it("keeps the event when its card cannot be shown yet, and shows it later", async () => {
    const path = `/channels/${bot.channelId}/messages/*`;
    bot.sandbox.faults.add({ method: "PATCH", path, count: 1, effect: { kind: "error", status: 400, code: 50035 } });
    const event = await createEvent(bot);
    await waitForCard(bot, event, (card) => fieldOf(card, "Missing") !== undefined);
  });

  it("keeps an event open whose message Discord forbids to edit", async () => {
    const event = await createEvent(bot);
    const path = `/channels/${bot.channelId}/messages/${event.messageId}`;
    bot.sandbox.faults.add({ method: "PATCH", path, effect: { kind: "error", status: 403, code: 50001 } });
    await bot.as(bot.ids.memberIds[0]!).react(event.channelId, event.messageId, "✅");
    await waitForRefresh(bot, () =>
      bot.log.some(({ message, fields }) => message.includes("not refreshed") && fields["eventId"] === event.id),
    );
    expect((await findEvent(bot, event.id))?.state).toBe("open");
  });

  it("closes an event whose message is deleted, and says so in the audit log", async () => {
    const event = await createEvent(bot);
    await bot.as(bot.ids.ownerId).delete(event.messageId);
    await bot.sandbox.waitFor(async () => (await findEvent(bot, event.id))?.state === "closed");
    expect((await auditActions(bot, event.id)).at(-1)).toEqual({
      ...{ action: "event.close", actorId: "system", details: '{"title":"Friday raid","reason":"message deleted"}' },
    });
  });
});
