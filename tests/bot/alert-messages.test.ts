import type { Client } from "discord.js";
import { AlertMessages } from "../../src/bot/alert-messages.ts";
import { english } from "../../src/bot/texts/texts.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

interface Sent {
  readonly channelId: string;
  readonly content: string;
  readonly at: number;
}

function createRig() {
  const clock = new ManualClock();
  const sent: Sent[] = [];
  const warnings: string[] = [];
  const state = { isConnected: true, failure: undefined as Error | undefined, tryCount: 0, setBackMs: 0 };
  const createChannel = (channelId: string) => ({
    isSendable: () => true,
    async send({ content, allowedMentions }: { content: string; allowedMentions: unknown }) {
      expect(allowedMentions).toEqual({ parse: [] });
      expect(content.length).toBeLessThanOrEqual(2_000);
      state.tryCount++;
      if (state.failure) throw state.failure;
      sent.push({ channelId, content, at: clock.now() });
    },
  });
  const client = { channels: { fetch: async (id: string) => createChannel(id) } } as unknown as Client;
  const messages = new AlertMessages({
    isConnected: () => state.isConnected,
    clock: {
      now: () => clock.now() - state.setBackMs,
      monotonic: () => clock.monotonic(),
      schedule: (delayMs, callback) => clock.schedule(delayMs, callback),
    },
    logger: { ...silentLogger, warn: (message) => void warnings.push(message) },
    texts: english,
  });
  messages.follow(client);
  const pass = async (durationMs: number): Promise<void> => {
    for (let passedMs = 0; passedMs < durationMs; passedMs += 500) {
      clock.advance(500);
      // What is under way with Discord goes on in the meantime.
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    }
  };
  return { clock, messages, sent, warnings, state, pass };
}

describe("alerts in channels", () => {
  it("that come together are one message, and the next one comes after a while", async () => {
    const { messages, sent, pass } = createRig();
    messages.send("1", "one");
    messages.send("1", "two");
    messages.send("2", "other");
    await pass(500);
    expect(sent).toMatchObject([{ content: "one\ntwo" }, { channelId: "2", content: "other" }]);
    messages.send("1", "three");
    await pass(2_500);
    expect(sent).toHaveLength(2);
    await pass(1_000);
    expect(sent[2]).toMatchObject({ content: "three" });
  });

  it("of a storm are the newest of them, within Discord's limits, and say what was left out", async () => {
    const { messages, sent, pass } = createRig();
    for (let number = 0; number < 500; number++) messages.send("1", `${number} ${"x".repeat(number % 7 ? 90 : 3_000)}`);
    await pass(120_000);
    expect(sent.length).toBeLessThan(20);
    expect(sent[0]!.content).toMatch(/^-# 440 earlier alerts left out/);
    expect(sent.at(-1)!.content).toContain("499 ");
    const gaps = sent.slice(1).map(({ at }, index) => at - sent[index]!.at);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(3_000);
  });

  it("wait while Discord is away, and then say when it was", async () => {
    const { messages, sent, pass, state, clock } = createRig();
    state.isConnected = false;
    const at = clock.now();
    messages.send("1", "early");
    await pass(120_000);
    messages.send("1", "late");
    expect(sent).toEqual([]);
    state.isConnected = true;
    await pass(3_000);
    expect(sent).toMatchObject([{ content: `<t:${Math.floor(at / 1_000)}:f> early\nlate` }]);
  });

  it("are sent again when Discord was overloaded, given up when it refuses, and the log says it once", async () => {
    const { messages, sent, pass, state, warnings } = createRig();
    state.failure = Object.assign(new Error("reset"), { code: "ECONNRESET" });
    messages.send("1", "one");
    await pass(60_000);
    expect(warnings).toHaveLength(1);
    // An overloaded Discord is not asked all the time.
    expect(state.tryCount).toBe(2);
    state.failure = undefined;
    await pass(60_000);
    expect(sent.map(({ content }) => content.replace(/<t:\d+:f> /, ""))).toEqual(["one"]);
    state.failure = new Error("refused");
    messages.send("1", "two");
    messages.send("2", "elsewhere");
    await pass(60_000);
    state.failure = undefined;
    messages.send("1", "three");
    await pass(60_000);
    expect(sent.at(-1)).toMatchObject({ content: "three" });
    expect(sent).toHaveLength(2);
    expect(warnings).toHaveLength(3);
  });

  it("come no later because the machine's clock was set back, be they new, next or repeated", async () => {
    const { messages, sent, pass, state } = createRig();
    messages.send("1", "one");
    state.setBackMs = 3_600_000;
    await pass(500);
    messages.send("1", "two");
    state.setBackMs *= 2;
    state.failure = Object.assign(new Error("reset"), { code: "ECONNRESET" });
    await pass(3_000);
    state.setBackMs *= 2;
    state.failure = undefined;
    await pass(30_000);
    expect(sent).toMatchObject([{ content: "one" }, { content: "two" }]);
  });

  it("end with a stop", async () => {
    const { messages, sent, pass } = createRig();
    messages.send("1", "one");
    await messages.stop();
    messages.send("1", "two");
    await pass(10_000);
    expect(sent).toEqual([]);
  });
});
