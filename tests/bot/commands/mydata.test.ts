import Database from "better-sqlite3";
import { PermissionFlagsBits, type APIMessage } from "discord-api-types/v10";
import { NO_CREATOR, type EventRecord } from "../../../src/store/events.ts";
import { startTestBot, type TestBot } from "../../helpers/bot.ts";
import { withRawConnection } from "../../helpers/database.ts";
import { cardOf, createEvent, postButton, press, requireEvent, use, waitForRefresh, type Answer } from "./event-rig.ts";

const [CHECK, CROSS, OTHER] = ["✅", "❌", "🤷"];
const COOLDOWN_MS = 30_000;

let bot: TestBot;
let [member, other]: string[] = [];
beforeAll(async () => {
  bot = await startTestBot();
  [member, other] = bot.ids.memberIds;
  await use(bot, bot.ids.ownerId, "admin-set-flag set", { flag: "event-creators", value: "everyone" });
});
afterAll(() => bot.stop());

const ask = (userId = member!): Promise<Answer> => use(bot, userId, "mydata delete");

interface ExportedFile {
  readonly name: string;
  readonly text: string;
  readonly content: Readonly<Record<string, unknown>>;
}

async function exportData(userId = member!): Promise<{ text: string; file: ExportedFile | undefined }> {
  bot.leap(COOLDOWN_MS);
  const { text, message } = await use(bot, userId, "mydata export");
  const [attachment] = message.attachments;
  if (!attachment) return { text, file: undefined };
  const data = Buffer.from(bot.sandbox.world.state.attachments.get(attachment.id)!.data).toString("utf8");
  const content = JSON.parse(data) as ExportedFile["content"];
  return { text, file: { name: attachment.filename, text: data, content } };
}

async function react(userId: string, event: EventRecord, emoji: string): Promise<void> {
  await bot.as(userId).react(event.channelId, event.messageId, emoji);
  const isStored = async (): Promise<boolean> => (await answersOf(event)).includes(`${userId} ${emoji}`);
  await bot.sandbox.waitFor(isStored);
}

async function answersOf({ guildId, id }: EventRecord): Promise<string[]> {
  const answers = await bot.store.reactions.list({ guildId, eventId: id });
  return answers.map(({ userId, emoji }) => `${userId} ${emoji}`);
}

function reactionsOf({ channelId, messageId }: EventRecord, emoji: string): number {
  const message = bot.sandbox.world.messages(channelId).find(({ id }) => id === messageId);
  return message?.reactions?.find((reaction) => reaction.emoji.name === emoji)?.count ?? 0;
}

const excuse = (userId: string) =>
  use(bot, bot.ids.moderatorId, "admin-set-flag set", { flag: "excused", value: "yes", member: userId });

/** Tables of the stored file in which the id stands anywhere, but the audit log and the results kept against repetition. */
function findTables(userId: string): string[] {
  return withRawConnection(bot.databasePath, (raw) => {
    const tables = raw.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
    return tables
      .filter((table) => JSON.stringify(raw.prepare(`SELECT * FROM "${table}"`).all()).includes(userId))
      .filter((table) => table !== "audit_log" && table !== "applied_operation");
  });
}

describe("/mydata", () => {
  it("says so when nothing is kept", async () => {
    const { text, file } = await exportData(bot.ids.memberIds[5]);
    expect(text).toContain("Nothing is kept about you");
    expect(file).toBeUndefined();
    const { message } = await ask(bot.ids.memberIds[5]);
    expect((await press(bot, bot.ids.memberIds[5]!, message, "Delete my data")).text).toContain("nothing to delete");
  });

  it("is not offered in direct messages", async () => {
    const channelId = bot.as(member!).openDirectChannel();
    await expect(bot.as(member!).command("mydata export", {}, { channelId })).rejects.toThrow("direct messages");
  });

  describe("of a member who has used everything", () => {
    let [foreign, own, closed]: EventRecord[] = [];
    let kept: unknown;
    const otherData = async () => [
      await bot.store.memberData.find({ guildId: bot.guildId, userId: other! }),
      await bot.store.memberData.listEvents({ guildId: bot.guildId, userId: other!, limit: 500 }),
    ];

    beforeAll(async () => {
      foreign = await createEvent(bot, { title: "Friday raid" });
      own = await createEvent(bot, { title: "Mine", description: "By me" }, member);
      closed = await createEvent(bot, { title: "Long ago" });
      await use(bot, bot.ids.moderatorId, "event remind", { event: closed.id });
      const history = () => bot.store.reminders.listHistory({ guildId: bot.guildId, eventId: closed!.id, limit: 5 });
      await bot.sandbox.waitFor(async () => (await history())[0]?.status === "sent");
      await react(member!, foreign, CHECK);
      await react(member!, foreign, OTHER);
      await react(other!, foreign, CHECK);
      await react(member!, closed, CROSS);
      await react(other!, closed, CROSS);
      await use(bot, bot.ids.moderatorId, "event close", { event: closed.id });
      for (const id of [member!, other!]) {
        await use(bot, id, "reminders", { mode: "dm" });
        await excuse(id);
      }
      kept = await otherData();
    });

    it("exports all that is theirs, readable, and nothing of another", async () => {
      const { text, file } = await exportData();
      const { name, content } = file!;
      expect(name).toMatch(/^mydata-\d{4}-\d\d-\d\d\.json$/);
      for (const part of ["3 answers", "1 reminder that", "1 event of yours", "1 flag ", "2 entries", "Not in it"])
        expect(text).toContain(part);
      const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
      const link = ({ channelId, messageId }: EventRecord): string =>
        `https://discord.com/channels/${bot.guildId}/${channelId}/${messageId}`;
      const eventOf = (event: EventRecord, state: string) => ({
        ...{ id: event.id, title: event.title, state, link: link(event) },
      });
      expect(content).toEqual({
        ...{ schema: 1, exportedAt: time, isComplete: true },
        server: { id: bot.guildId, name: expect.any(String) as string },
        member: { id: member },
        settings: {
          ...{ username: expect.any(String) as string, isBot: false, reminderMode: "dm" },
          ...{ firstSeenAt: time, lastSeenAt: time, changedAt: time },
        },
        flags: [{ name: "excused", value: "yes", setAt: time, changedAt: time }],
        answers: [
          { event: eventOf(closed!, "closed"), emoji: CROSS, counts: true, answeredAt: time },
          { event: eventOf(foreign!, "open"), emoji: CHECK, counts: true, answeredAt: time },
          { event: eventOf(foreign!, "open"), emoji: OTHER, counts: false, answeredAt: time },
        ],
        reminders: [{ event: { id: closed!.id, title: "Long ago" }, scheduledAt: time, sentAt: time, status: "sent" }],
        createdEvents: [{ ...eventOf(own!, "open"), description: "By me", createdAt: time }],
        auditEntries: [
          expect.objectContaining({ actor: member, action: "event.create", target: own!.id, time }) as object,
          expect.objectContaining({
            ...{ actor: bot.ids.moderatorId, action: "flag.set", target: `excused member ${member}` },
            details: { value: "yes" },
          }) as object,
        ],
      });
      expect(file!.text).not.toContain(other!);
    });

    it("waits a while between two exports", async () => {
      await exportData();
      const outcome = await bot.as(member!).command("mydata export", {}, { channelId: bot.channelId });
      expect((await outcome.settled())?.content).toContain("That was quick");
    });

    it("asks before it deletes, and says what is kept and for how long", async () => {
      const { text } = await ask();
      for (const part of ["audit log", "30 days", "newest 10 are kept", "/mydata export", "expires"])
        expect(text).toContain(part);
      expect(findTables(member!)).toEqual(["user", "event", "reaction", "reminderlog", "flag"]);
    });

    it("deletes nothing when it is cancelled, pressed by somebody else or too late", async () => {
      const { message } = await ask();
      expect((await press(bot, member!, message, "Cancel")).message.components).toEqual([]);
      const forge = (userId: string, expiresAt: number): Promise<APIMessage> =>
        postButton(bot, ["mydata", "delete", userId, expiresAt.toString(36)].join("|"), "Delete my data");
      const later = Date.now() + 3_600_000;
      const pressDelete = async (question: APIMessage): Promise<string> =>
        (await press(bot, member!, question, "Delete my data")).text;
      expect(await pressDelete(await forge(other!, later))).toContain("Somebody else was asked");
      expect(await pressDelete(await forge(member!, Date.now() - 1))).toContain("expired");
      expect(await pressDelete(await postButton(bot, "mydata|delete|x", "Delete my data"))).toContain("not known");
      expect(findTables(member!)).toHaveLength(5);
      expect(await otherData()).toEqual(kept);
    });

    it("deletes all of it, on Discord and on the cards too, and nothing of another", async () => {
      const { message } = await ask();
      const { text, message: after } = await press(bot, member!, message, "Delete my data");
      expect(after.components).toEqual([]);
      for (const part of ["your settings", "3 answers", "1 reminder reached you", "1 flag", "created 1 event"])
        expect(text).toContain(part);
      expect(text).toContain("2 reactions of yours on open roll calls were taken back");
      await waitForRefresh(bot, () =>
        [foreign!, closed!].every((event) => !JSON.stringify(cardOf(bot, event)).includes(member!)),
      );
      expect([reactionsOf(foreign!, CHECK), reactionsOf(foreign!, OTHER)]).toEqual([2, 0]);
      expect(findTables(member!)).toEqual([]);
      expect(await otherData()).toEqual(kept);
      expect(await requireEvent(bot, own!.id)).toMatchObject({ title: "Mine", state: "open", creatorId: NO_CREATOR });
    });

    it("stays so over a restart, and deleting again finds nothing", async () => {
      await bot.restart();
      expect(findTables(member!)).toEqual([]);
      const { message } = await ask();
      expect((await press(bot, member!, message, "Delete my data")).text).toContain("nothing to delete");
      const { entries } = await bot.store.audit.list({ guildId: bot.guildId, action: "mydata.delete", limit: 10 });
      expect(entries.map(({ actorId, target, details }) => [actorId, target, details])).toEqual([[member, "", "{}"]]);
      expect(await bot.store.audit.verify({ guildId: bot.guildId })).toMatchObject({ isDone: true });
      const { file } = await exportData();
      expect(file?.content).toMatchObject({ settings: null, flags: [], answers: [], reminders: [], createdEvents: [] });
    });

    it("leaves the member free to begin anew", async () => {
      await react(member!, foreign!, CHECK);
      await use(bot, member!, "reminders", { mode: "off" });
      const { settings } = await bot.store.memberData.find({ guildId: bot.guildId, userId: member! });
      expect(settings?.reminderMode).toBe("off");
    });
  });

  it("names the roll calls where it may not take reactions back, and deletes all the same", async () => {
    const { world } = bot.sandbox;
    const event = await createEvent(bot, { title: "Guarded *one*" });
    await react(member!, event, CHECK);
    world.setOverwrite(event.channelId, bot.sandbox.botUserId, { deny: PermissionFlagsBits.ManageMessages });
    const { message } = await ask();
    const { text } = await press(bot, member!, message, "Delete my data");
    expect(text).toContain("could not take back");
    // Not even tried: refused requests are counted, and too many shut a bot out.
    expect(bot.log.filter(({ message }) => message.includes("could not be taken back"))).toEqual([]);
    expect(text).toContain(`**Guarded \\*one\\*** https://discord.com/channels/${bot.guildId}`);
    expect(findTables(member!)).toEqual([]);
    world.setOverwrite(event.channelId, bot.sandbox.botUserId, {});
    // As they were asked to: otherwise it is their answer again as soon as the bot looks.
    await bot.as(member!).unreact(event.channelId, event.messageId, CHECK);
  });

  it("says that it waits while the database is held by another program, and does it afterwards", async () => {
    const event = await createEvent(bot, { title: "Later" });
    await react(member!, event, CROSS);
    const { message } = await ask();
    const holder = new Database(bot.databasePath);
    holder.exec("BEGIN IMMEDIATE");
    const { text } = await press(bot, member!, message, "Delete my data");
    expect(text).toContain("will be deleted");
    expect(text).toContain("This is saved, and will be applied");
    expect(reactionsOf(event, CROSS)).toBe(1);
    expect(await answersOf(event)).toEqual([`${member} ${CROSS}`]);
    holder.exec("ROLLBACK");
    holder.close();
    await bot.sandbox.waitFor(() => findTables(member!).length === 0, 30_000);
  });
});
