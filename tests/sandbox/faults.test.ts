import type { TextChannel } from "discord.js";
import { startTestBot, type TestBot } from "./test-bot.ts";

describe("faults", () => {
  let bot: TestBot;
  let channel: TextChannel;
  const MESSAGES = { method: "POST", path: "/channels/*/messages" } as const;

  beforeEach(async () => {
    bot = await startTestBot({
      sandbox: { limits: { interactionDeadlineMs: 300 } },
      client: { rest: { timeout: 400, retries: 1 } },
    });
    channel = bot.client.channels.cache.get(bot.ids.generalChannelId) as TextChannel;
  });

  afterEach(() => bot.stop());

  const sentCount = (): number => bot.sandbox.world.messages(channel.id).length;

  it.each(["bucket", "global"] as const)("let the client wait and try again after a %s 429", async (scope) => {
    bot.sandbox.faults.add({ ...MESSAGES, count: 1, effect: { kind: "rate-limit", scope, retryAfterMs: 50 } });
    await channel.send("x");
    expect(sentCount()).toBe(1);
    expect(bot.sandbox.counters).toMatchObject({ rateLimited: 1, invalid: 1 });
  });

  it("let the client try again after a 5xx, and give up when it stays", async () => {
    bot.sandbox.faults.add({ ...MESSAGES, count: 1, effect: { kind: "error", status: 502 } });
    await channel.send("x");
    expect(sentCount()).toBe(1);
    bot.sandbox.faults.add({ ...MESSAGES, effect: { kind: "error", status: 503 } });
    await expect(channel.send("x")).rejects.toMatchObject({ status: 503 });
    expect(sentCount()).toBe(1);
    bot.sandbox.faults.clear();
    await channel.send("x");
    expect(sentCount()).toBe(2);
  });

  it("answer with Discord's codes", async () => {
    for (const [status, code] of [
      [403, 50_013],
      [403, 50_001],
      [404, 10_008],
    ] as const) {
      bot.sandbox.faults.add({ ...MESSAGES, count: 1, effect: { kind: "error", status, code } });
      await expect(channel.send("x")).rejects.toMatchObject({ status, code });
    }
  });

  it("cut the connection before or after the request took effect", async () => {
    bot.sandbox.faults.add({ ...MESSAGES, count: 1, effect: { kind: "drop" } });
    await expect(channel.send("before")).rejects.toThrow();
    expect(sentCount()).toBe(0);
    bot.sandbox.faults.add({ ...MESSAGES, count: 1, when: "after", effect: { kind: "drop" } });
    await expect(channel.send({ content: "after", nonce: "n", enforceNonce: true })).rejects.toThrow();
    expect(sentCount()).toBe(1);
  });

  it("replace the answer of a request that took effect", async () => {
    bot.sandbox.faults.add({ ...MESSAGES, count: 1, when: "after", effect: { kind: "error", status: 500 } });
    await channel.send({ content: "x", nonce: "n", enforceNonce: true });
    expect(sentCount()).toBe(1);
  });

  it("leave a request without an answer until the client gives up", async () => {
    bot.sandbox.faults.add({ ...MESSAGES, effect: { kind: "hang" } });
    await expect(channel.send("x")).rejects.toThrow();
    expect(sentCount()).toBe(0);
    expect(bot.sandbox.faults.list()[0]?.hits).toBeGreaterThan(0);
  });

  it("delay answers to interactions beyond the deadline", async () => {
    await bot.client.application.commands.create({ name: "ping", description: "Answers" });
    bot.onInteraction = async (interaction) => {
      if (interaction.isChatInputCommand()) await interaction.reply("pong");
    };
    bot.sandbox.faults.delayInteractionResponses(350, 1);
    const person = bot.sandbox.as(bot.ids.ownerId);
    expect((await person.command("ping", {}, { channelId: channel.id })).status).toBe("failed");
    await bot.sandbox.waitFor(() => bot.errors.length > 0);
    expect(bot.errors[0]).toMatchObject({ code: 10_062 });
    expect((await person.command("ping", {}, { channelId: channel.id })).status).toBe("replied");
  });

  it("match only the method and path that they name", async () => {
    const id = bot.sandbox.faults.add({ method: "GET", path: "/channels/*", effect: { kind: "error", status: 403 } });
    await channel.send("x");
    await expect(bot.client.channels.fetch(channel.id, { force: true })).rejects.toMatchObject({ status: 403 });
    expect(bot.sandbox.faults.remove(id)).toBe(true);
    await bot.client.channels.fetch(channel.id, { force: true });
  });
});

describe("rate limits", () => {
  it("are kept by the client when the headers announce them", async () => {
    const bot = await startTestBot({ sandbox: { limits: { bucketRequests: 3, bucketWindowMs: 300 } } });
    const channel = bot.client.channels.cache.get(bot.ids.generalChannelId) as TextChannel;
    await Promise.all(Array.from({ length: 7 }, (_, index) => channel.send(`${index}`)));
    expect(bot.sandbox.world.messages(channel.id)).toHaveLength(7);
    expect(bot.sandbox.counters.rateLimited).toBe(0);
    await bot.stop();
  });

  it("refuse with 429 what comes too fast", async () => {
    const bot = await startTestBot({ sandbox: { limits: { bucketRequests: 2, bucketWindowMs: 60_000 } } });
    const get = (): Promise<Response> =>
      fetch(`${bot.sandbox.apiUrl}/v10/channels/${bot.ids.generalChannelId}`, {
        headers: { authorization: `Bot ${bot.sandbox.botToken}` },
      });
    const first = await get();
    expect(first.headers.get("x-ratelimit-limit")).toBe("2");
    expect(first.headers.get("x-ratelimit-remaining")).toBe("1");
    await get();
    const third = await get();
    expect(third.status).toBe(429);
    expect(third.headers.get("x-ratelimit-scope")).toBe("user");
    expect(await third.json()).toMatchObject({ global: false });
    await bot.stop();
  });
});
