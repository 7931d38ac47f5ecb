import type { RestFault } from "../../src/sandbox/faults.ts";
import { startTestBot, type TestBot } from "../helpers/bot.ts";
import { createJobsBesideBot } from "../helpers/jobs-here.ts";

const EVENT = { title: "Raid", every: "1s" };

/** A client of discord.js that could not log in is of no use any more, and may connect all the same. */

let bot: TestBot;
beforeAll(async () => {
  bot = await startTestBot({ createMaintenance: createJobsBesideBot });
});
afterAll(() => bot.stop());

async function expectGoodConnection(): Promise<void> {
  expect(bot.app.bot.gatewayReport()).toMatchObject({ isConnected: true, guildCount: 1 });
  expect(bot.sandbox.faults.closeGateway(4000)).toBe(1);
  await bot.sandbox.waitFor(() => bot.app.bot.gatewayReport().isConnected && bot.sandbox.isBotConnected, 10_000);
  const outcome = await bot.as(bot.ids.memberIds[0]!).command("mine", {}, { channelId: bot.channelId });
  expect(outcome.status).not.toBe("failed");
}

describe("the first connection of a bot", () => {
  beforeEach(() => bot.stopApp());

  it("is tried until the gateway takes it, and is the only one then", async () => {
    const { faults } = bot.sandbox;
    faults.setGatewayAccepting(false);
    const starting = bot.startApp();
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    faults.setGatewayAccepting(true);
    await starting;
    await expectGoodConnection();
  });

  it("is begun anew when Discord does not say where the gateway is", async () => {
    const fault: RestFault = {
      path: "/gateway/bot",
      count: 1,
      effect: { kind: "error", status: 400, code: 0, message: "no" },
    };
    bot.sandbox.faults.add(fault);
    const starting = bot.startApp();
    const isRefused = (): boolean =>
      bot.log.some(({ message }) => message.startsWith("connect to Discord's gateway: failed"));
    await bot.sandbox.waitFor(isRefused, 10_000);
    bot.leap(10_000);
    await starting;
    await expectGoodConnection();
  });

  it("is followed by reminders and the end of the start also while Discord does not take the commands", async () => {
    await bot.startApp();
    const create = bot.as(bot.ids.moderatorId).command("event create", EVENT, { channelId: bot.channelId });
    await (await create).settled();
    await bot.stopApp();
    bot.sandbox.faults.add({ path: "/applications/*/commands", effect: { kind: "hang" } });
    const isReminded = (): boolean => bot.sandbox.world.messages(bot.channelId).some(({ id }) => !sent.includes(id));
    const sent = bot.sandbox.world.messages(bot.channelId).map(({ id }) => id);
    const starting = bot.startApp();
    await bot.sandbox.waitFor(isReminded, 10_000);
    bot.leap(10_000);
    await starting;
    bot.sandbox.faults.clear();
    await expectGoodConnection();
  });
});
