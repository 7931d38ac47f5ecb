import { DiscordAPIError, type APIEmbed, type Client } from "discord.js";
import { EventCards } from "../../../src/bot/events/event-cards.ts";
import { readFlags, type EffectiveFlags, type GuildFlags } from "../../../src/bot/flags/guild-flags.ts";
import type { Audience } from "../../../src/bot/members/audience.ts";
import { english } from "../../../src/bot/texts/texts.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import type { EventRecord } from "../../../src/store/events.ts";
import type { AnswerRecord } from "../../../src/store/reactions.ts";
import type { Store } from "../../../src/store/store.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const GUILD_ID = "100000000000000001";
const EVENT: EventRecord = {
  ...{ id: "01ARZ3NDEKTSV4RRFFQ69G5FAV", guildId: GUILD_ID, channelId: "100000000000000002" },
  ...{ messageId: "100000000000000003", cardMessageId: "100000000000000003", creatorId: "100000000000000004" },
  ...{ title: "Friday raid", description: "", intervalMs: 3_600_000, reactions: ["✅"], state: "open", createdAt: 0 },
};
const ADOPTED: EventRecord = { ...EVENT, cardMessageId: "100000000000000005" };

/** Discord and the database as the cards see them, with a clock that is moved by hand. */
class Rig {
  readonly clock = new ManualClock();
  readonly requests: string[] = [];
  /** What the card's message shows. */
  shown: APIEmbed[] = [];
  stored: EventRecord | null;
  answers: AnswerRecord[] = [];
  flags: EffectiveFlags = readFlags([]);
  /** Thrown by the next requests. */
  failure: Error | undefined;
  readonly gone: string[] = [];
  readonly cards: EventCards;

  constructor(event: EventRecord = EVENT) {
    this.stored = event;
    const rest = {
      get: async () => this.#answer("GET"),
      patch: async (_route: string, { body }: { body: { embeds: APIEmbed[] } }) => {
        this.#answer("PATCH");
        this.shown = body.embeds;
      },
    };
    this.cards = new EventCards({
      client: { rest, guilds: { cache: new Map() } } as unknown as Client,
      store: {
        events: { find: async () => this.stored },
        reactions: { list: async () => this.answers },
      } as unknown as Store,
      audience: { isComplete: true, listExpected: async () => ["1", "2"] } as unknown as Audience,
      flags: { get: async () => this.flags } as unknown as GuildFlags,
      clock: this.clock,
      logger: silentLogger,
      texts: english,
    });
    this.cards.onGone((_event, what) => this.gone.push(what));
  }

  answer(userId: string): void {
    this.answers.push({ userId, emoji: "✅", isAnswer: true, createdAt: 0 });
    this.cards.refresh(this.stored!);
  }

  /** Lets what is due happen. */
  async run(durationMs = 0): Promise<void> {
    this.clock.advance(durationMs);
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  }

  get edits(): number {
    return this.requests.filter((method) => method === "PATCH").length;
  }

  get shownTitles(): (string | undefined)[] {
    return [...this.shown.map(({ title }) => title), ...(this.shown[0]?.fields ?? []).map(({ name }) => name)];
  }

  #answer(method: string): { embeds: APIEmbed[] } {
    this.requests.push(method);
    if (this.failure) throw this.failure;
    return { embeds: this.shown };
  }
}

function discordError(status: number, code: number): DiscordAPIError {
  return new DiscordAPIError({ code, message: "refused" }, code, status, "PATCH", "/", {});
}

describe("event cards", () => {
  it("shows the first of many changes at once and all the others together after three seconds", async () => {
    const rig = new Rig();
    rig.answer("1");
    await rig.run();
    expect(rig.shownTitles).toContain("✅ 1");
    for (let index = 2; index <= 50; index++) rig.answer(String(index));
    await rig.run(2_900);
    expect(rig.edits).toBe(1);
    await rig.run(100);
    expect(rig.edits).toBe(2);
    expect(rig.shownTitles).toContain("✅ 50");
  });

  it("makes no edit when nothing visible changed", async () => {
    const rig = new Rig();
    rig.answer("1");
    await rig.run();
    rig.cards.refresh(EVENT);
    await rig.run(10_000);
    expect(rig.edits).toBe(1);
  });

  it("makes no edit after a restart when the message shows what it should", async () => {
    const before = new Rig();
    before.answer("1");
    await before.run();
    const after = new Rig();
    after.shown = before.shown;
    after.answer("1");
    await after.run();
    expect(after.requests).toEqual(["GET"]);
  });

  it("shows what is stored, not the older record that it is handed", async () => {
    const rig = new Rig({ ...EVENT, title: "Saturday raid" });
    rig.cards.refresh(EVENT);
    await rig.run();
    expect(rig.shownTitles).toContain("Saturday raid");
  });

  it("leaves a deleted event's message alone", async () => {
    const rig = new Rig();
    rig.stored = null;
    rig.cards.refresh(EVENT);
    await rig.run();
    expect(rig.requests).toEqual([]);
  });

  it("says that message or channel is gone only when Discord says that it is unknown", async () => {
    for (const [status, code, gone] of [
      [404, 10008, ["message"]],
      [404, 10003, ["channel"]],
      [403, 50001, []],
      [403, 50013, []],
      [500, 0, []],
    ] as const) {
      const rig = new Rig();
      rig.failure = discordError(status, code);
      rig.answer("1");
      await rig.run();
      expect(rig.gone).toEqual(gone);
    }
  });

  it("has nothing to say when the message of a closed event is gone", async () => {
    const rig = new Rig({ ...EVENT, state: "closed", closedAt: 1 });
    rig.failure = discordError(404, 10008);
    rig.cards.refresh(rig.stored!);
    await rig.run();
    expect([rig.requests, rig.gone]).toEqual([["GET"], []]);
  });

  it("goes on without a deleted card as long as the adopted message is there", async () => {
    const rig = new Rig(ADOPTED);
    rig.failure = discordError(404, 10008);
    rig.answer("1");
    await rig.run();
    rig.answer("2");
    await rig.run(10_000);
    expect(rig.gone).toEqual([]);
    expect(rig.requests).toEqual(["GET"]);
  });

  it("makes up for a failed edit at the next refresh", async () => {
    const rig = new Rig();
    rig.failure = discordError(500, 0);
    rig.answer("1");
    await rig.run();
    rig.failure = undefined;
    rig.cards.refresh(EVENT);
    await rig.run(3_000);
    expect(rig.shownTitles).toContain("✅ 1");
  });

  it.each([
    ["was overloaded", discordError(503, 0)],
    ["had seen enough edits of an old message", discordError(429, 30_046)],
    ["did not answer", Object.assign(new Error("aborted"), { name: "AbortError" })],
  ])("shows in the end what it could not while Discord %s, although nothing else happens", async (_what, failure) => {
    const rig = new Rig();
    rig.failure = failure;
    rig.answer("1");
    await rig.run();
    // Nobody is asked all the time, and each time more rarely.
    for (let minute = 0; minute < 60; minute++) await rig.run(60_000);
    expect(rig.requests.length).toBeGreaterThan(4);
    expect(rig.requests.length).toBeLessThan(12);
    rig.failure = undefined;
    await rig.run(1_800_000);
    expect(rig.shownTitles).toContain("✅ 1");
    expect(rig.clock.delaysMs).toEqual([]);
  });

  it("shows in the end that an event was closed", async () => {
    const rig = new Rig({ ...EVENT, state: "closed", closedAt: 1 });
    rig.failure = discordError(503, 0);
    rig.cards.refresh(rig.stored!);
    await rig.run();
    rig.failure = undefined;
    await rig.run(60_000);
    expect(rig.edits).toBe(1);
    expect(rig.clock.delaysMs).toEqual([]);
  });

  it("does not go on asking for what Discord forbids", async () => {
    const rig = new Rig();
    rig.failure = discordError(403, 50013);
    for (let second = 0; second < 60; second++) {
      rig.answer(String(second));
      await rig.run(999);
    }
    expect(rig.requests).toHaveLength(1);
    await rig.run(2_000);
    expect(rig.requests).toHaveLength(2);
    await rig.run(3_600_000);
    expect(rig.requests).toHaveLength(2);
  });

  it("makes the edits that are waiting before it stops, and none after", async () => {
    const rig = new Rig();
    rig.answer("1");
    await rig.run();
    rig.answer("2");
    await rig.cards.stop();
    expect(rig.shownTitles).toContain("✅ 2");
    rig.answer("3");
    await rig.run(10_000);
    expect(rig.edits).toBe(2);
  });
});
