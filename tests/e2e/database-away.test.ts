import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import Database from "better-sqlite3";
import { MusterError } from "../../src/core/errors.ts";
import type { EventRecord } from "../../src/store/events.ts";
import { startTestBot, type TestBot } from "../helpers/bot.ts";
import { createJobsBesideBot } from "../helpers/jobs-here.ts";

const CHECK = "✅";
/** Longer than a call waits for the database, and than Discord waits for an answer. */
const LOCKED_MS = 4_000;

/** One bot for all: each case ends with a database that is as always, and has an event of its own. */
let bot: TestBot;
beforeAll(async () => {
  bot = await startTestBot({ createMaintenance: createJobsBesideBot });
});
afterAll(() => bot.stop());

async function createEvent(title: string): Promise<EventRecord> {
  const outcome = await bot
    .as(bot.ids.moderatorId)
    .command("event create", { title, every: "1h" }, { channelId: bot.channelId });
  await outcome.settled();
  const { events } = await bot.store.events.list({ guildId: bot.guildId, state: "open", limit: 25 });
  return events.find((event) => event.title === title)!;
}

async function answerIds(event: EventRecord): Promise<string[]> {
  const answers = await bot.store.reactions.list({ guildId: bot.guildId, eventId: event.id });
  return answers.map(({ userId }) => userId).sort();
}

async function waitForAnswers(event: EventRecord, ids: readonly string[]): Promise<void> {
  const expected = [...ids].sort().join();
  await bot.sandbox.waitFor(async () => (await answerIds(event)).join() === expected, 30_000);
}

/** Waits for a field of the event's card, without anything else happening that would refresh it. */
async function waitForCard(event: EventRecord, name: string): Promise<void> {
  const readNames = (): (string | undefined)[] =>
    (bot.sandbox.world.messages(event.channelId).find(({ id }) => id === event.cardMessageId)?.embeds ?? []).flatMap(
      ({ fields }) => (fields ?? []).map((field) => field.name),
    );
  await bot.sandbox.waitFor(() => {
    bot.leap(1_000);
    return readNames().includes(name);
  }, 10_000);
}

const use = (name: string, userId: string, options: Record<string, string> = {}) =>
  bot.as(userId).command(name, options, { channelId: bot.channelId, bypassPermissionCheck: true });

const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));

function listQuarantine(): string[] {
  const path = join(bot.dataFolder, "quarantine");
  return existsSync(path) ? readdirSync(path) : [];
}

/** Another program that holds the write lock, as a database browser does. */
function holdWriteLock(): () => void {
  const other = new Database(bot.databasePath);
  other.exec("BEGIN IMMEDIATE");
  return () => {
    other.exec("ROLLBACK");
    other.close();
  };
}

describe("while another process holds the write lock", () => {
  it("answers every command in time, keeps every answer, and applies all of it afterwards", async () => {
    const event = await createEvent("locked");
    const [first, second, third, fourth] = bot.ids.memberIds as [string, string, string, string];
    await bot.as(first).react(event.channelId, event.messageId, CHECK);
    await waitForAnswers(event, [first]);
    const delays = monitorEventLoopDelay({ resolution: 5 });
    const release = holdWriteLock();
    delays.enable();
    const endAt = performance.now() + LOCKED_MS;
    for (const id of [second, third, fourth]) await bot.as(id).react(event.channelId, event.messageId, CHECK);
    await bot.as(first).unreact(event.channelId, event.messageId, CHECK);
    const saved = await use("reminders", first, { mode: "dm" });
    expect(saved.status).not.toBe("failed");
    expect((await saved.settled())?.content).toContain("This is saved");
    while (performance.now() < endAt) {
      for (const name of ["ping", "help", "dbhealth", "mine"]) {
        const outcome = await use(name, bot.ids.moderatorId);
        expect(outcome.status).not.toBe("failed");
        if (name !== "mine") expect(outcome.firstResponseMs).toBeLessThan(1_000);
      }
      const refused = await use("event pause", bot.ids.moderatorId, { event: event.id });
      expect(refused.status).not.toBe("failed");
      expect((await refused.settled())?.content).toContain("Reference");
      await pause(300);
    }
    delays.disable();
    release();
    await bot.sandbox.waitFor(() => bot.app.degradation.state.kind === "normal", 30_000);
    await waitForAnswers(event, [second, third, fourth]);
    await waitForCard(event, "✅ 3");
    // Less urgent than answers, so it may be applied a moment after them.
    const listModes = () => bot.store.users.listReminderModes({ guildId: bot.guildId });
    await bot.sandbox.waitFor(async () => (await listModes()).length > 0, 30_000);
    expect(await listModes()).toEqual([{ id: first, mode: "dm" }]);
    expect((await bot.store.events.find({ guildId: bot.guildId, id: event.id }))?.state).toBe("open");
    // Generous: the same process runs the sandbox and the test. The measured figure is in the notes.
    expect(delays.max / 1e6).toBeLessThan(500);
  });
});

describe("a database file that is taken away under the running bot", () => {
  const cases: Record<string, (path: string) => void> = {
    "is deleted": (path) => rmSync(path),
    "is deleted with its companions": (path) => ["", "-wal", "-shm"].forEach((suffix) => rmSync(path + suffix)),
    "is replaced by another": (path) => {
      writeFileSync(`${path}.other`, "not a database");
      renameSync(`${path}.other`, path);
    },
  };
  for (const [name, sabotage] of Object.entries(cases)) {
    it(`${name}: everything is rescued, and what stood in its place is kept`, async () => {
      const event = await createEvent(name);
      const [first, second, third] = bot.ids.memberIds as [string, string, string];
      await bot.as(first).react(event.channelId, event.messageId, CHECK);
      await waitForAnswers(event, [first]);
      const kept = listQuarantine();
      sabotage(bot.databasePath);
      await bot.as(second).react(event.channelId, event.messageId, CHECK);
      await bot.sandbox.waitFor(() => bot.app.recovery.list({ action: "rescue" })[0]?.outcome === "succeeded", 30_000);
      await bot.sandbox.waitFor(() => bot.app.degradation.state.kind === "normal", 30_000);
      await bot.as(third).react(event.channelId, event.messageId, CHECK);
      await waitForAnswers(event, [first, second, third]);
      // On the disk, not only in a handle: a new process finds all of it.
      await bot.restart();
      expect(await answerIds(event)).toEqual([first, second, third].sort());
      expect(await bot.store.audit.verify({ guildId: bot.guildId })).toMatchObject({ isDone: true });
      if (name === "is replaced by another") expect(listQuarantine()).toHaveLength(kept.length + 1);
      expect(existsSync(`${bot.databasePath}.replacement`)).toBe(false);
    });
  }
});

describe("a writer thread that dies under load", () => {
  it("loses nothing that was acknowledged, and nobody notices", async () => {
    const event = await createEvent("under load");
    const { guildId } = bot;
    let acknowledged = 0;
    let isDone = false;
    const load = Array.from({ length: 16 }, async (_, index) => {
      for (let number = 0; !isDone; number++) {
        const userId = String(200_000_000_000_000_000n + BigInt(index * 1_000_000 + number));
        await bot.store.reactions.record({ guildId, eventId: event.id, userId, username: null, emoji: CHECK });
        acknowledged++;
      }
    });
    for (let kill = 0; kill < 3; kill++) {
      await pause(200);
      void bot.app.engine.connections.reconnect(new MusterError("DATABASE_UNAVAILABLE", "sabotage"));
    }
    await pause(300);
    isDone = true;
    await Promise.all(load);
    await bot.sandbox.waitFor(() => bot.app.database.health().queue.size === 0, 30_000);
    expect((await answerIds(event)).length).toBe(acknowledged);
  });
});
