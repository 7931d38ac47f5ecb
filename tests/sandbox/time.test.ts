import type { Clock } from "../../src/core/clock.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { smallServer } from "../../src/sandbox/seeds.ts";
import { compareSnowflakes, getSnowflakeTimestampMs, SnowflakeGenerator } from "../../src/sandbox/snowflake.ts";

/** Time that passes when told to. */
class HandClock implements Clock {
  #nowMs = Date.UTC(2025, 0, 1);
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((other) => other !== timer));
  }

  advance(durationMs: number): void {
    this.#nowMs += durationMs;
    const due = this.#timers.filter((timer) => timer.atMs <= this.#nowMs);
    this.#timers = this.#timers.filter((timer) => timer.atMs > this.#nowMs);
    for (const timer of due) timer.callback();
  }
}

describe("time in the sandbox", () => {
  const { ids, ...seed } = smallServer();
  let clock: HandClock;
  let sandbox: Sandbox;

  beforeEach(async () => {
    clock = new HandClock();
    sandbox = await Sandbox.start({ port: 0, seed, clock, limits: { oldMessageEdits: 2 } });
  });

  afterEach(() => sandbox.stop());

  const call = (method: string, path: string, body: object): Promise<Response> =>
    fetch(sandbox.apiUrl + path, {
      method,
      headers: { authorization: `Bot ${sandbox.botToken}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });

  it("gives growing ids even when the clock stands still, with the time in them", () => {
    const generator = new SnowflakeGenerator(clock);
    const made = Array.from({ length: 100 }, () => generator.next());
    expect(made.toSorted(compareSnowflakes)).toEqual(made);
    expect(new Set(made).size).toBe(100);
    expect(getSnowflakeTimestampMs(made[99]!)).toBe(clock.now());
  });

  it("fails an interaction exactly when its three seconds are over", async () => {
    sandbox.commands.create({ name: "ping", description: "Answers" });
    const outcome = sandbox.as(ids.ownerId).command("ping", {}, { channelId: ids.generalChannelId });
    let isOver = false;
    void outcome.then(() => (isOver = true));
    clock.advance(2_999);
    await Promise.resolve();
    expect(isOver).toBe(false);
    clock.advance(1);
    expect((await outcome).status).toBe("failed");
  });

  it("allows few edits of messages older than an hour, and says when the next may come", async () => {
    const { id } = sandbox.world.createMessage(ids.generalChannelId, { authorId: sandbox.botUserId, content: "card" });
    const edit = (): Promise<Response> =>
      call("PATCH", `/channels/${ids.generalChannelId}/messages/${id}`, { content: "new" });
    for (let index = 0; index < 5; index++) expect((await edit()).status).toBe(200);
    clock.advance(3_600_000);
    expect([(await edit()).status, (await edit()).status]).toEqual([200, 200]);
    const refused = await edit();
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("3600.000");
    expect(await refused.json()).toMatchObject({ code: 30_046, retry_after: 3_600, global: false });
    clock.advance(3_600_000);
    expect((await edit()).status).toBe(200);
  });

  it("refuses to bulk delete what is older than two weeks", async () => {
    const old = ["a", "b"].map(
      (content) => sandbox.world.createMessage(ids.generalChannelId, { authorId: sandbox.botUserId, content }).id,
    );
    clock.advance(15 * 86_400_000);
    const answer = await call("POST", `/channels/${ids.generalChannelId}/messages/bulk-delete`, { messages: old });
    expect(await answer.json()).toMatchObject({ code: 50_034 });
  });
});

describe("what the sandbox keeps", () => {
  it("is bounded for ephemeral messages and uploads", async () => {
    const { ids, ...seed } = smallServer();
    const sandbox = await Sandbox.start({ port: 0, seed, limits: { keptEphemeralMessages: 3, keptUploadBytes: 10 } });
    const { world, botUserId } = sandbox;
    for (let index = 0; index < 5; index++) {
      const { id } = world.storeAttachment(ids.generalChannelId, {
        filename: "a.txt",
        contentType: "text/plain",
        data: Buffer.from("1234"),
      });
      world.createMessage(ids.generalChannelId, {
        authorId: botUserId,
        ephemeralFor: ids.ownerId,
        attachmentIds: [id],
      });
    }
    expect(world.messages(ids.generalChannelId, ids.ownerId)).toHaveLength(3);
    expect(world.state.attachments.size).toBe(2);
    await sandbox.stop();
  });
});
