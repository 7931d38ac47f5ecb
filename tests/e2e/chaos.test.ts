import Database from "better-sqlite3";
import { SandboxProcess } from "./chaos-rig.ts";

const CHECK = "✅";
const CROSS = "❌";
const DAY_MS = 24 * 3_600_000;
const TITLE = "Sail on Friday";

let muster: SandboxProcess;
let cardId: string;
/** What each person has answered, as they would say. */
const answers = new Map<string, string>();
/** Titles of the events that the bot has said are posted. */
const acknowledged: string[] = [TITLE];
const crew: string[] = [];

beforeAll(async () => {
  muster = await SandboxProcess.start();
  const { ids } = muster;
  for (let number = 1; number <= 16; number++) {
    const { id } = await muster.ask<{ id: string }>("POST", "/users", { username: `crew${number}` });
    await muster.ask("PUT", `/guilds/${ids.guildId}/members/${id}`, { roleIds: [ids.crewRoleId] });
    crew.push(id);
  }
  crew.push(...ids.memberIds.slice(0, 4));
  const created = await muster.command(ids.ownerId, "event create", {
    ...{ title: TITLE, every: "24h", reactions: `${CHECK} ${CROSS}`, audience: ids.crewRoleId },
  });
  expect(created.status).toBe("replied");
  cardId = (await muster.messages()).at(-1)!.id;
}, 30_000);
afterAll(() => muster.removeFolder());

/** The next person answers, and somebody asks for something: both whatever state the bot is in. */
async function live(isDiscordWell = true): Promise<void> {
  const userId = crew[answers.size]!;
  await muster.react(userId, cardId, CHECK);
  answers.set(userId, CHECK);
  const title = `While ${answers.size}`;
  const [shown, created] = await Promise.all([
    muster.command(userId, "ping"),
    muster.command(muster.ids.ownerId, "event create", { title, every: "24h", audience: muster.ids.moderatorsRoleId }),
  ]);
  if (created.message?.content.includes("is posted") === true) acknowledged.push(title);
  // Whatever the database does, both get an answer; only Discord can keep it from them.
  if (isDiscordWell) expect([shown.message?.content, created.message?.content]).not.toContain("");
}

function queryDatabase<Row>(sql: string): Row[] {
  const database = new Database(muster.databasePath, { readonly: true });
  try {
    return database.prepare(sql).all() as Row[];
  } finally {
    database.close();
  }
}

describe("a roll call that goes on through every chaos the sandbox knows", () => {
  it("keeps all answers, once, and reminds those who have not answered, once", async () => {
    const { ids } = muster;

    await muster.beginChaos("kill-writer");
    await live();
    await muster.untilNormal();

    await muster.beginChaos("hold-write-lock", { seconds: 2 });
    await live();
    await muster.untilNormal();

    await muster.beginChaos("hang-writer", { seconds: 60 });
    await live();
    // The bot gives a thread ten seconds: time for Discord to be in trouble as well.
    for (const id of ["slow-discord", "failing-discord", "rate-limit-discord", "drop-gateway"]) {
      await muster.beginChaos(id, { seconds: 1 });
      await live(false);
      await muster.untilOver(id);
    }
    await muster.until("the hanging thread is given up", () => muster.output.includes("action=restart-writer"));
    await muster.untilNormal();
    await muster.endChaos("hang-writer");

    for (const id of ["delete-database", "replace-database", "empty-database"]) {
      await muster.untilAvailable(id);
      const findingCount = muster.countLogged("recovery action began");
      await muster.beginChaos(id);
      await live();
      await muster.until(`${id} is noticed`, () => muster.countLogged("recovery action began") > findingCount);
      await muster.untilNormal();
    }

    await muster.untilAvailable("flip-bits");
    const recoveryCount = muster.countLogged("action=recover ");
    await muster.beginChaos("flip-bits", { pages: 1_000 });
    await live();
    await muster.until("the damage is found", () => muster.countLogged("action=recover ") > recoveryCount);
    await muster.untilNormal();

    await muster.beginChaos("stop-bot", { seconds: 1 });
    await muster.react(crew[answers.size]!, cardId, CROSS);
    answers.set(crew[answers.size]!, CROSS);
    await muster.until("the bot is back", async () => (await muster.bot()).state !== "stopped");
    await muster.untilNormal();

    await muster.beginChaos("fill-disk", { seconds: 2 });
    await live();
    await muster.untilOver("fill-disk");
    // Minds are changed after all.
    await muster.react(crew[0]!, cardId, CHECK, "unreact");
    await muster.react(crew[0]!, cardId, CROSS);
    answers.set(crew[0]!, CROSS);
    await muster.untilNormal();

    const verified = await muster.command(ids.ownerId, "admin-audit verify");
    expect(JSON.stringify(verified.message)).toMatch(/unbroken.*unbroken/);
    expect(JSON.stringify(verified.message)).not.toContain("❌");

    const beforeSkip = (await muster.messages()).length;
    await muster.ask("POST", "/clock", { skipMs: DAY_MS });
    const findReminders = async () =>
      (await muster.messages()).slice(beforeSkip).filter(({ content }) => content.includes(TITLE));
    await muster.until("the reminder", async () => (await findReminders()).length > 0, 10_000);
    await muster.untilNormal();
    const [reminder, ...others] = await findReminders();
    expect(reminder!.mentions.map(({ id }) => id).sort()).toEqual(crew.filter((id) => !answers.has(id)).sort());
    expect(others).toEqual([]);

    expect(await muster.stop()).toBe(0);
    const [event] = queryDatabase<{ id: string }>(`SELECT id FROM event WHERE title = '${TITLE}'`);
    const stored = queryDatabase<{ userId: string; emoji: string }>(
      `SELECT user_id AS userId, emoji FROM reaction WHERE event_id = '${event!.id}' AND is_answer = 1`,
    );
    expect(stored.map(({ userId, emoji }) => [userId, emoji]).sort()).toEqual([...answers].sort());
    const titles = queryDatabase<{ title: string }>("SELECT title FROM event").map(({ title }) => title);
    expect(titles.sort()).toEqual(expect.arrayContaining([...acknowledged].sort()));
    expect(new Set(titles).size).toBe(titles.length);
    const audited = queryDatabase<{ target: string }>("SELECT target FROM audit_log WHERE action = 'event.create'");
    expect(audited).toHaveLength(titles.length);
  }, 150_000);
});
