import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Events, GatewayDispatchEvents } from "discord.js";
import { startTestBot, type TestBot } from "./test-bot.ts";

describe("the gateway", () => {
  let bot: TestBot;
  let heard: string[];

  beforeEach(async () => {
    bot = await startTestBot();
    heard = [];
    bot.client.on(Events.MessageReactionAdd, (reaction) => heard.push(reaction.emoji.name!));
  });

  afterEach(() => bot.stop());

  const react = async (...emojis: string[]): Promise<void> => {
    const { sandbox, ids } = bot;
    const message = sandbox.world.createMessage(ids.generalChannelId, { authorId: ids.ownerId, content: "question" });
    for (const emoji of emojis) await sandbox.as(ids.memberIds[0]!).react(ids.generalChannelId, message.id, emoji);
  };

  it.each([
    ["a cut connection", () => bot.sandbox.faults.cutGateway()],
    ["a close that allows resuming", () => bot.sandbox.faults.closeGateway(4_000)],
    ["a request to reconnect", () => bot.sandbox.faults.requestReconnect()],
  ])("loses no event over %s", async (_what, disturb) => {
    const resumed = once(bot.client, Events.ShardResume);
    disturb();
    await bot.sandbox.waitFor(() => !bot.sandbox.isBotConnected);
    await react("✅", "❌");
    await resumed;
    await react("❓");
    await bot.sandbox.waitFor(() => heard.length >= 3);
    expect(heard).toEqual(["✅", "❌", "❓"]);
    expect(bot.sandbox.gateway.identifyCount).toBe(1);
  });

  it("lets the client resume when the session is said to be resumable", async () => {
    const resumed = once(bot.client, Events.ShardResume);
    bot.sandbox.faults.invalidateSessions(true);
    await resumed;
    await react("✅");
    await bot.sandbox.waitFor(() => heard.length === 1);
    expect(bot.sandbox.gateway.identifyCount).toBe(1);
  });

  it("makes the client identify anew when the session is over", async () => {
    const ready = once(bot.client, Events.ShardReady);
    bot.sandbox.faults.invalidateSessions(false);
    await ready;
    expect(bot.sandbox.gateway.identifyCount).toBe(2);
    await react("✅");
    await bot.sandbox.waitFor(() => heard.length === 1);
  });

  it("ends the session when the missed events are no longer kept", async () => {
    await bot.stop();
    bot = await startTestBot({ sandbox: { limits: { replayEvents: 5 } } });
    const ready = once(bot.client, Events.ShardReady);
    bot.sandbox.faults.cutGateway();
    await bot.sandbox.waitFor(() => !bot.sandbox.isBotConnected);
    await react("✅", "❌", "❓", "😀", "😁", "😂");
    await ready;
    expect(bot.sandbox.gateway.identifyCount).toBe(2);
  });

  it("comes back after an outage in which it refuses connections", async () => {
    const { sandbox, client } = bot;
    const resumed = once(client, Events.ShardResume);
    sandbox.faults.setGatewayAccepting(false);
    sandbox.faults.cutGateway();
    await once(client, Events.ShardReconnecting);
    await react("✅");
    sandbox.faults.setGatewayAccepting(true);
    await resumed;
    await sandbox.waitFor(() => heard.length === 1);
  });

  it("outlives whoever is gone before it is refused", async () => {
    const { sandbox } = bot;
    sandbox.faults.setGatewayAccepting(false);
    const upgrade = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    const request = async (): Promise<Socket> => {
      const socket = connect(sandbox.port, "127.0.0.1");
      await once(socket, "connect");
      socket.write(upgrade);
      return socket;
    };
    for (let number = 0; number < 20; number++) (await request()).resetAndDestroy();
    const [answer] = (await once(await request(), "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 503 /);
  });

  it("drops events of a kind when told so", async () => {
    bot.sandbox.faults.dropEvents(GatewayDispatchEvents.MessageReactionAdd, 1);
    await react("✅", "❌");
    await bot.sandbox.waitFor(() => heard.length > 0);
    expect(heard).toEqual(["❌"]);
  });

  it("makes the client notice that heartbeats are no longer acknowledged", async () => {
    await bot.stop();
    bot = await startTestBot({ sandbox: { limits: { heartbeatIntervalMs: 200 } } });
    const resumed = once(bot.client, Events.ShardResume);
    bot.sandbox.faults.setHeartbeatAcks(false);
    await bot.sandbox.waitFor(() => !bot.sandbox.isBotConnected);
    bot.sandbox.faults.clear();
    await resumed;
  });

  it("closes connections that send no heartbeats", async () => {
    await bot.stop();
    bot = await startTestBot({ sandbox: { limits: { heartbeatIntervalMs: 50 } } });
    const socket = new WebSocket(`ws://127.0.0.1:${bot.sandbox.port}/`);
    const [close] = (await once(socket, "close")) as [CloseEvent];
    expect(close.code).toBe(4_009);
  });

  it("forgets the session of a client that says goodbye", async () => {
    await bot.client.destroy();
    await bot.sandbox.waitFor(() => bot.sandbox.gateway.sessionCount === 0);
    expect(bot.sandbox.isBotConnected).toBe(false);
  });

  it("refuses commands before identifying and frames that are not JSON", async () => {
    for (const [frame, code] of [
      ['{"op":8,"d":{}}', 4_003],
      ["{", 4_002],
      ['{"op":99}', 4_001],
    ] as const) {
      const socket = new WebSocket(`ws://127.0.0.1:${bot.sandbox.port}/`);
      await once(socket, "open");
      socket.send(frame);
      const [close] = (await once(socket, "close")) as [CloseEvent];
      expect(close.code).toBe(code);
    }
  });
});
