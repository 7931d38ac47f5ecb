import { readFileSync, writeFileSync } from "node:fs";
import type { APIMessage } from "discord-api-types/v10";
import { english } from "../../../src/bot/texts/texts.ts";
import { startTestBot, type TestBot } from "../../helpers/bot.ts";
import { createJobsBesideBot } from "../../helpers/jobs-here.ts";
import { buttonIdOf, createEvent, postButton, readMessage, use, type Answer, type Options } from "./event-rig.ts";

const words = english.admin.backup;
const SUBCOMMANDS: readonly (readonly [string, Options])[] = [
  ["create", {}],
  ["list", {}],
  ["verify", { backup: "00000000" }],
  ["restore", { at: "today" }],
];

let bot: TestBot;
let ownerId: string;
beforeAll(async () => {
  bot = await startTestBot({ createMaintenance: createJobsBesideBot });
  ownerId = bot.ids.ownerId;
});
afterAll(() => bot.stop());

/** Waits for the last word: past the question, and past whatever tells of the progress. */
async function finished(read: () => APIMessage | undefined, question = ""): Promise<string> {
  await bot.sandbox.waitFor(() => {
    const text = readMessage(read()!);
    return text.trim() !== "" && text !== question && !text.startsWith("⏳");
  }, 40_000);
  return readMessage(read()!);
}

async function backup(subcommand: string, options: Options = {}, userId = ownerId): Promise<Answer> {
  const where = { channelId: bot.channelId, bypassPermissionCheck: true };
  const outcome = await bot.as(userId).command(`dbbackup ${subcommand}`, options, where);
  expect(outcome.isEphemeral).toBe(true);
  const text = await finished(() => outcome.message);
  return { text, message: outcome.message! };
}

async function press(message: APIMessage, label: string, userId = ownerId): Promise<string> {
  const outcome = await bot.as(userId).click(message, buttonIdOf(message, label));
  return finished(() => outcome.followUps.at(-1) ?? outcome.message, readMessage(message));
}

async function makeBackup(options: Options = {}): Promise<string> {
  const { text } = await backup("create", options);
  return /`([0-9a-f]{8})`/.exec(text)![1]!;
}

let anyId: string | undefined;
/** A sound backup, the same for all that neither damage it nor ask what came after it. */
async function anyBackup(): Promise<string> {
  return (anyId ??= await makeBackup());
}

/** What the audit log has of a backup, the newest first. */
async function listAudit(id: string): Promise<string[]> {
  const { entries } = await bot.store.audit.list({ guildId: bot.guildId, actorId: ownerId, limit: 100 });
  return entries.filter(({ target }) => target === id).map(({ action, outcome }) => `${action} ${outcome}`);
}

async function isStored({ id }: { readonly id: string }): Promise<boolean> {
  return (await bot.store.events.find({ guildId: bot.guildId, id })) !== null;
}

/** After a restore: the database is open, and what is kept of it in memory is read anew. */
async function settled(): Promise<void> {
  await bot.sandbox.waitFor(() => bot.app.degradation.state.kind === "normal", 30_000);
  await bot.app.bot.settle();
}

/** Changes a byte in the middle of the data file. */
async function damageSnapshot(id: string): Promise<void> {
  const { snapshots } = await bot.app.backups!.manager.list();
  const { dataPath } = snapshots.find(({ manifest }) => manifest.id === id)!;
  const content = readFileSync(dataPath);
  const middle = Math.floor(content.length / 2);
  content[middle] = content[middle]! ^ 0xff;
  writeFileSync(dataPath, content);
}

/** A message of the bot that carries any button, as everybody in the channel sees it. */
describe("/dbbackup before there is any backup", () => {
  it("says so", async () => {
    expect((await backup("list")).text).toContain("There is no backup yet");
    expect((await backup("restore", { at: "2 days ago" })).text).toContain(words.nothingToRestore);
  });
});

describe("/dbbackup create and list", () => {
  it("makes a verified backup with its comment, audited, that the list shows with what can be restored", async () => {
    const id = await makeBackup({ comment: "before the\nraid" });
    const { text } = await backup("list");
    for (const part of [id, "before the raid", words.restorableTitle]) expect(text).toContain(part);
    expect(await listAudit(id)).toEqual(["backup.create success"]);
    expect((await bot.app.backups!.manager.list()).snapshots[0]?.manifest).toMatchObject({
      ...{ id, reason: "manual", comment: "before the raid", damage: null },
    });
  });
});

describe("/dbbackup verify", () => {
  it("finds a backup sound, and one that was altered since unusable, without naming a folder", async () => {
    const id = await makeBackup();
    expect((await backup("verify", { backup: id })).text).toContain(`Backup \`${id}\``);
    await damageSnapshot(id);
    const { text } = await backup("verify", { backup: id });
    expect(text).toContain("cannot be used");
    expect(text).not.toContain(bot.dataFolder);
    expect((await backup("list")).text).toMatch(new RegExp(`❌[^\n]*${id}`));
    expect(await listAudit(id)).toEqual(["backup.verify failure", "backup.verify success", "backup.create success"]);
    expect((await backup("restore", { backup: id })).text).toContain("cannot be used");
  });

  it("offers the backups by time, comment and id, to administrators only", async () => {
    const id = await makeBackup({ comment: "Night watch" });
    const where = { channelId: bot.channelId, bypassPermissionCheck: true };
    const offer = async (userId: string, backup: string): Promise<(string | number)[]> =>
      (await bot.as(userId).autocomplete("dbbackup verify", { backup }, "backup", where)).map(({ value }) => value);
    for (const typed of ["", "night", id.slice(0, 6), new Date().toISOString().slice(0, 10)]) {
      expect((await offer(ownerId, typed))[0]).toBe(id);
    }
    expect(await offer(ownerId, "night")).toEqual([id]);
    expect(await offer(ownerId, "no such backup")).toEqual([]);
    expect(await offer(bot.ids.moderatorId, "")).toEqual([]);
  });

  it("refuses a backup that there is not", async () => {
    expect((await backup("verify", { backup: "zzzzzzzz" })).text).toContain("There is no backup");
  });
});

describe("/dbbackup restore", () => {
  it("shows the plan, and brings the database back when its button is pressed", async () => {
    const kept = await createEvent(bot);
    const id = await makeBackup();
    const lost = await createEvent(bot, { title: "Made afterwards" }, ownerId);
    expect((await use(bot, ownerId, "event list")).text).toContain("Made afterwards");
    const question = await backup("restore", { backup: id });
    expect(question.text).toContain(words.planTitle);
    expect(question.text).toContain("set aside, not destroyed");
    expect(await isStored(lost)).toBe(true);

    const text = await press(question.message, words.restoreButton);
    expect(text).toContain("The database is back");
    expect(text).not.toContain(bot.dataFolder);
    await settled();
    expect([await isStored(kept), await isStored(lost)]).toEqual([true, false]);
    const shown = await use(bot, ownerId, "event list");
    expect(shown.text).toContain("Friday raid");
    expect(shown.text).not.toContain("Made afterwards");
    // What is kept of the events in memory has followed.
    const offered = await bot
      .as(ownerId)
      .autocomplete("event show", { event: "" }, "event", { channelId: bot.channelId });
    expect(offered.map(({ value }) => value)).toContain(kept.id);
    expect(offered.map(({ value }) => value)).not.toContain(lost.id);
    // The backup was made before its own entry was written, the restore's entry after it.
    await bot.sandbox.waitFor(async () => (await listAudit(id)).length > 0, 30_000);
    expect(await listAudit(id)).toEqual(["backup.restore success"]);
  });

  it("brings back a moment", async () => {
    await makeBackup();
    const kept = await createEvent(bot);
    await bot.app.engine.flushArchive();
    const at = new Date().toISOString();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const lost = await createEvent(bot, { title: "Made afterwards" });
    await bot.app.engine.flushArchive();
    const question = await backup("restore", { at });
    expect(question.text).toContain("and the archive of every change after it");
    expect(await press(question.message, words.restoreButton)).toContain("The database is back");
    await settled();
    expect([await isStored(kept), await isStored(lost)]).toEqual([true, false]);
  });

  it("changes nothing when it is cancelled", async () => {
    const id = await anyBackup();
    const event = await createEvent(bot);
    const question = await backup("restore", { backup: id });
    expect(await press(question.message, words.cancelButton)).toContain(words.cancelled);
    expect(await isStored(event)).toBe(true);
  });

  it("obeys only who was asked, while they are administrator, and nobody after the time is over", async () => {
    const id = await anyBackup();
    const { message } = await backup("restore", { backup: id });
    const [command, button, , , ...target] = buttonIdOf(message, words.restoreButton).split("|");
    const ask = async (userId: string, expiresAt: number): Promise<APIMessage> =>
      postButton(bot, [command, button, userId, expiresAt.toString(36), ...target].join("|"), "Restore");
    const later = Date.now() + 3_600_000;
    const restoreCount = bot.app.recovery.list({ action: "restore" }).length;
    expect(await press(await ask("100000000000000001", later), "Restore")).toContain(words.notYours);
    expect(await press(await ask(ownerId, Date.now() - 1), "Restore")).toContain(words.expired);
    expect(await press(await postButton(bot, "dbbackup|restore|x", "Restore"), "Restore")).toContain(
      english.general.unknownButton,
    );
    const { moderatorId } = bot.ids;
    expect(await press(await ask(moderatorId, later), "Restore", moderatorId)).toContain("Administrator");
    expect(bot.app.recovery.list({ action: "restore" })).toHaveLength(restoreCount);
  });

  it("does one restore when its button is pressed twice", async () => {
    const id = await anyBackup();
    const question = await backup("restore", { backup: id });
    const listRestores = () => bot.app.recovery.list({ action: "restore" });
    const restoreCount = listRestores().length;
    await Promise.all([1, 2].map(() => press(question.message, words.restoreButton)));
    // The word that one is in progress may have been the last one yet.
    await bot.sandbox.waitFor(() => listRestores().every(({ outcome }) => outcome !== "running"), 30_000);
    await settled();
    expect(listRestores()).toHaveLength(restoreCount + 1);
    expect(listRestores().filter(({ outcome }) => outcome === "failed")).toEqual([]);
  });

  it.each([
    [{}, words.whichTarget],
    [{ backup: "aaaaaaaa", at: "today" }, words.whichTarget],
    [{ backup: "aaaaaaaa" }, "There is no backup"],
    [{ at: "some day" }, "I do not understand"],
    [{ at: "in 2 hours" }, "is yet to come"],
    [{ at: "2 days ago" }, "That cannot be restored. What can: "],
  ])("refuses %j", async (options, expected) => {
    expect((await backup("restore", options as Options)).text).toContain(expected);
  });

  it("says that it failed, records it, and leaves the database, when the backup is damaged meanwhile", async () => {
    const id = await makeBackup();
    const event = await createEvent(bot);
    const question = await backup("restore", { backup: id });
    await damageSnapshot(id);
    const text = await press(question.message, words.restoreButton);
    expect(text).toContain("Reference");
    // In the place of the question, of whose progress nothing is left.
    const shown = bot.as(ownerId).messages(bot.channelId);
    expect(readMessage(shown.find((message) => message.id === question.message.id)!).trim()).toBe(text.trim());
    expect(await isStored(event)).toBe(true);
    expect((await listAudit(id))[0]).toBe("backup.restore failure");
  });
});

describe("/dbbackup", () => {
  it("is for administrators, whatever Discord's own settings say", async () => {
    const { moderatorId } = bot.ids;
    await expect(bot.as(moderatorId).command("dbbackup list", {}, { channelId: bot.channelId })).rejects.toThrow(
      "not available",
    );
    const { snapshots } = await bot.app.backups!.manager.list();
    for (const [subcommand, options] of SUBCOMMANDS) {
      expect((await backup(subcommand, options, moderatorId)).text).toContain("Administrator");
    }
    expect((await bot.app.backups!.manager.list()).snapshots).toEqual(snapshots);
  });

  // The last one: the database does not come back.
  it("works while the database is away", async () => {
    const id = await anyBackup();
    await bot.app.engine.stop();
    expect((await backup("list")).text).toContain(id);
    expect((await backup("verify", { backup: id })).text).toContain("is sound");
    expect((await backup("restore", { backup: id })).text).toContain(words.planTitle);
  });

  it("says that there are no backups of a database in memory", async () => {
    const inMemory = await startTestBot({ settings: { TEST_MODE: "true" } });
    try {
      for (const [subcommand, options] of SUBCOMMANDS) {
        const where = { channelId: inMemory.channelId };
        const outcome = await inMemory.as(inMemory.ids.ownerId).command(`dbbackup ${subcommand}`, options, where);
        expect((await outcome.settled())?.content).toBe(words.inMemory);
      }
    } finally {
      await inMemory.stop();
    }
  });
});
