import { ComponentType, type APIButtonComponentWithCustomId, type APIMessage } from "discord-api-types/v10";
import type { Outcome } from "../../../src/sandbox/actor/outcome.ts";
import { smallServer, type SeedGuild, type ServerSeed } from "../../../src/sandbox/seeds.ts";
import type { AuditEntry } from "../../../src/store/audit-chain.ts";
import { startTestBot, type TestBot } from "../../helpers/bot.ts";
import { withRawConnection } from "../../helpers/database.ts";
import { parseCsv } from "./parse-csv.ts";

/** Four pages: three whole ones and one of six. */
const ENTRY_COUNT = 30;

/** A bot takes its time to start, so all tests share one, and each has a server of its own. */
const seed = createSeed();
const freeGuilds = [...seed.guilds];
let bot: TestBot;
let guildId: string;
let channelId: string;

beforeAll(async () => {
  bot = await startTestBot({ seed });
});
afterAll(() => bot.stop());
beforeEach(() => {
  const guild = freeGuilds.shift()!;
  guildId = guild.id;
  channelId = guild.channels[0]!.id;
});

/** The small server, and copies of it under other ids. */
function createSeed(): ServerSeed {
  const server = smallServer();
  const [original] = server.guilds;
  const copies = Array.from({ length: 12 }, (_, index): SeedGuild => {
    const rename = (id: string): string => (BigInt(id) + 1_000_000_000n * BigInt(index + 1)).toString();
    return {
      ...original!,
      id: rename(original!.id),
      roles: original!.roles.map((role) => ({ ...role, id: rename(role.id) })),
      channels: original!.channels.map((channel) => ({ ...channel, id: rename(channel.id) })),
      members: original!.members.map((member) => ({ ...member, roleIds: (member.roleIds ?? []).map(rename) })),
    };
  });
  return { ...server, guilds: [original!, ...copies] };
}

async function appendEntries(count: number): Promise<void> {
  const actorId = bot.ids.ownerId;
  for (let index = 1; index <= count; index++) {
    const action = index % 2 === 0 ? "event.create" : "backup.create";
    await bot.store.audit.append({ guildId, actorId, action, target: `target-${index}|x` });
  }
}

async function use(name: string, values: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const outcome = await bot.as(bot.ids.moderatorId).command(`admin-audit ${name}`, values, { channelId });
  await outcome.settled();
  return outcome;
}

function buttonsOf(message: APIMessage): APIButtonComponentWithCustomId[] {
  const [row] = message.components ?? [];
  return row?.type === ComponentType.ActionRow ? (row.components as APIButtonComponentWithCustomId[]) : [];
}

/** The numbers of the targets that a page shows. */
function targetsOf(message: APIMessage): number[] {
  return [...(message.embeds[0]?.description ?? "").matchAll(/target-(\d+)/g)].map(([, number]) => Number(number));
}

async function press(message: APIMessage, label: "Newer" | "Older"): Promise<APIMessage> {
  const button = buttonsOf(message).find((candidate) => candidate.label === label)!;
  expect(button.disabled ?? false).toBe(false);
  const outcome = await bot.as(bot.ids.moderatorId).click(message, button.custom_id);
  return (await outcome.settled())!;
}

/** Walks from a page to the end in one direction, and returns what each page on the way showed. */
async function walk(start: APIMessage, label: "Newer" | "Older"): Promise<{ pages: number[][]; last: APIMessage }> {
  const pages = [targetsOf(start)];
  let last = start;
  while (buttonsOf(last).some((button) => button.label === label && !button.disabled)) {
    last = await press(last, label);
    pages.push(targetsOf(last));
  }
  return { pages, last };
}

const range = (from: number, to: number): number[] => Array.from({ length: from - to + 1 }, (_, index) => from - index);

function fileOf(message: APIMessage | undefined): { name: string; text: string } {
  const [attachment] = message?.attachments ?? [];
  const stored = bot.sandbox.world.state.attachments.get(attachment!.id)!;
  return { name: attachment!.filename, text: Buffer.from(stored.data).toString("utf8") };
}

describe("/admin-audit list", () => {
  it("says so when nothing has been recorded", async () => {
    const { message, isEphemeral } = await use("list");
    expect(message?.embeds[0]?.description).toContain("Nothing has been recorded");
    expect(buttonsOf(message!)).toEqual([]);
    expect(isEphemeral).toBe(true);
  });

  it("pages through all entries, there and back, and its buttons work after a restart", async () => {
    await appendEntries(ENTRY_COUNT);
    const first = (await use("list")).message!;
    expect(buttonsOf(first).map(({ label, disabled }) => [label, disabled ?? false])).toEqual([
      ["Newer", true],
      ["Older", false],
    ]);
    const older = await walk(first, "Older");
    expect(older.pages).toEqual([range(30, 23), range(22, 15), range(14, 7), range(6, 1)]);
    await bot.restart();
    const newer = await walk(older.last, "Newer");
    expect(newer.pages).toEqual([range(6, 1), range(14, 7), range(22, 15), range(30, 23)]);
  });

  it("shows whole pages at the newest end when entries were added meanwhile", async () => {
    await appendEntries(20);
    const second = await press((await use("list")).message!, "Older");
    await appendEntries(3);
    const { pages } = await walk(second, "Newer");
    expect(pages).toEqual([range(12, 5), range(20, 13), [3, 2, 1, ...range(20, 16)]]);
  });

  it("keeps its filters on every page", async () => {
    await appendEntries(ENTRY_COUNT);
    const values = { action: "event.create", actor: bot.ids.ownerId, since: "1h", until: "today" };
    expect(targetsOf((await use("list", { ...values, text: "get-1" })).message!)).toEqual([18, 16, 14, 12, 10]);
    const { pages } = await walk((await use("list", { ...values, text: "|x" })).message!, "Older");
    expect(pages.flat()).toEqual(range(30, 1).filter((index) => index % 2 === 0));
  });

  it("finds nothing for somebody who did nothing, and before anything was done", async () => {
    await appendEntries(3);
    for (const values of [{ actor: bot.ids.memberIds[0]! }, { until: "yesterday" }, { action: "flag.set" }]) {
      expect((await use("list", values)).message?.embeds[0]?.description).toContain("No entry fits");
    }
  });

  it("refuses times that it does not understand or that cannot be", async () => {
    expect((await use("list", { since: "soonish" })).message?.content).toContain("soonish");
    expect((await use("list", { since: "today", until: "yesterday" })).message?.content).toContain("later than");
  });

  it("offers the actions that were recorded", async () => {
    await appendEntries(2);
    const choices = await bot
      .as(bot.ids.moderatorId)
      .autocomplete("admin-audit list", { action: "event" }, "action", { channelId });
    expect(choices.map(({ value }) => value)).toEqual(["event.create"]);
  });

  it("shows the changes that commands made", async () => {
    const where = { channelId };
    const values = { flag: "excused", value: "yes", member: bot.ids.ownerId };
    await (await bot.as(bot.ids.moderatorId).command("admin-set-flag set", values, where)).settled();
    expect((await use("list")).message?.embeds[0]?.description).toMatch(
      new RegExp(`<@${bot.ids.moderatorId}> set the flag \\*\\*excused\\*\\* for <@${bot.ids.ownerId}>\n-# now: yes$`),
    );
  });

  it("refuses a member, whatever their client lets them send", async () => {
    const member = bot.as(bot.ids.memberIds[0]!);
    const where = { channelId, bypassPermissionCheck: true };
    for (const [name, values] of [
      ["list", {}],
      ["verify", {}],
      ["export", { format: "csv" }],
    ] as const) {
      const outcome = await member.command(`admin-audit ${name}`, values, where);
      const message = await outcome.settled();
      expect(message?.content).toContain("Manage Guild");
      expect(message?.attachments).toEqual([]);
    }
    expect(await member.autocomplete("admin-audit list", { action: "" }, "action", where)).toEqual([]);
  });

  it("turns no page for somebody who was a moderator when the page was shown", async () => {
    await appendEntries(9);
    const first = (await use("list")).message!;
    bot.sandbox.world.updateMember(guildId, bot.ids.moderatorId, { roleIds: [] });
    const button = buttonsOf(first).find(({ label }) => label === "Older")!;
    await bot.sandbox.waitFor(async () => {
      const outcome = await bot.as(bot.ids.moderatorId).click(first, button.custom_id);
      const message = await outcome.settled();
      return (message?.content ?? "").includes("Manage Guild");
    });
  });
});

describe("/admin-audit export", () => {
  it("attaches everything as CSV and as JSON, and is itself recorded", async () => {
    await appendEntries(ENTRY_COUNT);
    const csv = fileOf((await use("export", { format: "csv" })).message);
    expect(csv.name).toMatch(/^audit-log-\d{4}-\d{2}-\d{2}\.csv$/);
    expect(parseCsv(csv.text)).toHaveLength(ENTRY_COUNT + 1);

    const { message } = await use("export", { format: "json" });
    const json = fileOf(message);
    const entries = JSON.parse(json.text) as AuditEntry[];
    expect(json.name).toMatch(/\.json$/);
    expect(message?.content).toContain(`${ENTRY_COUNT + 1} entries`);
    expect(entries.at(-1)).toMatchObject({ action: "audit.export", target: "csv", actorId: bot.ids.moderatorId });
    expect(JSON.parse(entries.at(-1)!.details)).toEqual({ entryCount: ENTRY_COUNT, isTruncated: false });
  });
});

describe("/admin-audit verify", () => {
  async function verify(): Promise<string> {
    return JSON.stringify((await use("verify")).message?.embeds[0]);
  }

  it("says how many entries there are, and since when they are unbroken", async () => {
    await appendEntries(5);
    const text = await verify();
    expect(text).toMatch(/✅ 5 entries, unbroken since <t:\d+:f>/);
    expect(text).toContain("What Muster did to itself");
  });

  it("finds the first entry that somebody altered past the program", async () => {
    await appendEntries(9);
    withRawConnection(bot.databasePath, (database) => {
      const sql = "UPDATE audit_log SET actor_id = '100000000000000001' WHERE guild_id = ? AND sequence IN (4, 7)";
      database.prepare(sql).run(guildId);
    });
    const text = await verify();
    expect(text).toContain("❌ Entry 4 is altered");
    expect(text).toContain("the 3 entries before it are sound");
  });
});
