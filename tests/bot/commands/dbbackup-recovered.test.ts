import { closeSync, existsSync, fstatSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import type { APIMessage } from "discord-api-types/v10";
import { english } from "../../../src/bot/texts/texts.ts";
import { startTestBot, type TestBot } from "../../helpers/bot.ts";
import { createJobsBesideBot } from "../../helpers/jobs-here.ts";
import { buttonIdOf, readMessage, type Options } from "./event-rig.ts";

const words = english.admin.backup;
const OWN_IDS = Array.from({ length: 20 }, (_, index) => String(300_000_000_000_000_000n + BigInt(index)));
const LATER_IDS = Array.from({ length: 10 }, (_, index) => String(400_000_000_000_000_000n + BigInt(index)));

let bot: TestBot;
beforeAll(async () => {
  bot = await startTestBot({
    settings: { DB_AUTO_RECOVER: "false", DB_INTEGRITY_SCHEDULE: "0 4 * * *" },
    createMaintenance: createJobsBesideBot,
  });
}, 60_000);
afterAll(() => bot.stop());

/** Something that Discord knows nothing of, and so cannot come back from there. */
async function record(ids: readonly string[]): Promise<void> {
  for (const id of ids) await bot.store.users.setReminderMode({ guildId: bot.guildId, id, username: null, mode: "dm" });
}

async function listRecorded(): Promise<string[]> {
  const modes = await bot.store.users.listReminderModes({ guildId: bot.guildId });
  return modes.map(({ id }) => id).sort();
}

/** The bot is stopped meanwhile; afterwards a recovered database is offered. */
async function damage(): Promise<void> {
  await bot.stopApp();
  const handle = openSync(bot.databasePath, "r+");
  const { size } = fstatSync(handle);
  for (let at = 4096; at < size; at += 4096) writeSync(handle, Buffer.alloc(4096, 0xa5), 0, 4096, at);
  closeSync(handle);
  await bot.startApp();
  await bot.sandbox.waitFor(() => recoveryKind() === "offered", 60_000);
}

const recoveryKind = (): string => bot.app.databaseRecovery!.status().state.kind;
const offeredFile = (): number => statSync(`${bot.databasePath}.offered`).ino;
const where = () => ({ channelId: bot.channelId, bypassPermissionCheck: true });

async function use(command: string, options: Options = {}): Promise<{ text: string; message: APIMessage }> {
  const outcome = await bot.as(bot.ids.ownerId).command(command, options, where());
  await bot.sandbox.waitFor(() => outcome.message !== undefined && isLastWord(outcome.message), 30_000);
  return { text: readMessage(outcome.message!), message: outcome.message! };
}

async function press(question: APIMessage): Promise<string> {
  const outcome = await bot.as(bot.ids.ownerId).click(question, buttonIdOf(question, words.restoreButton));
  const read = (): APIMessage | undefined => outcome.followUps.at(-1) ?? outcome.message;
  await bot.sandbox.waitFor(
    () => read() !== undefined && isLastWord(read()!) && readMessage(read()!) !== readMessage(question),
    60_000,
  );
  return readMessage(read()!);
}

function isLastWord(message: APIMessage): boolean {
  const text = readMessage(message).trim();
  return text !== "" && !text.startsWith("⏳");
}

async function choices(subcommand: string): Promise<{ name: string; value: string | number }[]> {
  return bot.as(bot.ids.ownerId).autocomplete(`dbbackup ${subcommand}`, { backup: "" }, "backup", where());
}

async function settled(): Promise<void> {
  await bot.sandbox.waitFor(() => bot.app.degradation.state.kind === "normal", 20_000);
  await bot.app.bot.settle();
}

async function listAudit(guildId: string): Promise<string[]> {
  const { entries } = await bot.store.audit.list({ guildId, limit: 50 });
  return entries.map(({ action, target, outcome }) => `${action} ${target} ${outcome}`);
}

async function flipByte(id: string): Promise<() => void> {
  const { snapshots } = await bot.app.backups!.manager.list();
  const { dataPath } = snapshots.find(({ manifest }) => manifest.id === id)!;
  const content = readFileSync(dataPath);
  const changed = Buffer.from(content);
  const middle = Math.floor(content.length / 2);
  changed[middle] = changed[middle]! ^ 0xff;
  writeFileSync(dataPath, changed);
  return () => writeFileSync(dataPath, content);
}

// One bot goes through all of it: each start of it costs seconds.
describe("a recovered database that waits for a person", () => {
  let snapshotId: string;

  it("is shown by /dbhealth, in plain words and without a path", async () => {
    await record(OWN_IDS);
    snapshotId = (await bot.app.backups!.manager.create({ reason: "manual" })).id;
    await record(LATER_IDS);
    await damage();
    expect(bot.app.databaseRecovery!.status().state).toMatchObject({
      offer: { isComplete: true, warnings: [expect.stringContaining("changed the database's files") as string] },
    });
    expect(bot.app.degradation.state.kind).toBe("offline");
    const { text } = await use("dbhealth");
    expect(text).toContain("A recovered one, as of <t:");
    expect(text).toContain("choose **recovered**");
    expect(text).toContain("Last backup: <t:");
    expect(text).not.toContain(bot.dataFolder);
  }, 120_000);

  it("is the first choice of a restore, and none of a verification", async () => {
    const [first, second] = await choices("restore");
    expect(first).toEqual({ name: expect.stringMatching(/^recovered, as of .* UTC$/) as string, value: "recovered" });
    expect(second!.name).toContain(snapshotId);
    expect((await choices("verify"))[0]!.name).toContain(snapshotId);
  });

  it("stays as it was when the backup that is to be restored in its place turns out to be damaged", async () => {
    const before = offeredFile();
    const question = await use("dbbackup restore", { backup: snapshotId });
    expect(question.text).toContain("gives up the recovered database");
    const mend = await flipByte(snapshotId);
    try {
      expect(await press(question.message)).toContain("Reference");
    } finally {
      mend();
    }
    expect(recoveryKind()).toBe("offered");
    expect(offeredFile()).toBe(before);
  }, 60_000);

  it("takes the database's place, with every acknowledged row, when its button is pressed", async () => {
    const question = await use("dbbackup restore", { backup: "recovered" });
    expect(question.text).toContain(words.offerTitle);
    expect(question.text).toContain(words.offerComplete);
    expect(existsSync(`${bot.databasePath}.offered`)).toBe(true);
    const another = await use("dbbackup restore", { backup: "recovered" });
    const text = await press(question.message);
    expect(text).toContain("The recovered database is in place");
    expect(text).not.toContain(bot.dataFolder);
    await settled();
    expect(await listRecorded()).toEqual([...OWN_IDS, ...LATER_IDS].sort());
    // While the restored database is being opened, it waits in the file for such times.
    await bot.sandbox.waitFor(
      async () => (await listAudit(bot.guildId)).includes("backup.restore recovered success"),
      30_000,
    );
    expect((await use("dbbackup restore", { backup: "recovered" })).text).toContain(words.offerGone);
    expect((await choices("restore")).map(({ value }) => value)).not.toContain("recovered");
    expect(await press(another.message)).toContain(words.offerGone);
  }, 60_000);

  it("is declined by restoring a backup, which has its place then", async () => {
    await damage();
    const question = await use("dbbackup restore", { backup: snapshotId });
    expect(await press(question.message)).toContain("The database is back");
    await settled();
    expect(await listRecorded()).toEqual(OWN_IDS);
    // While the restored database is being opened, it waits in the file for such times.
    await bot.sandbox.waitFor(
      async () => (await listAudit(bot.guildId)).includes(`backup.restore ${snapshotId} success`),
      30_000,
    );
    await bot.sandbox.waitFor(async () => (await listAudit("")).includes("recovery.declined database failure"), 30_000);
    expect(recoveryKind()).toBe("idle");
    expect((await use("dbhealth")).text).not.toContain("A recovered one");
  }, 120_000);
});
