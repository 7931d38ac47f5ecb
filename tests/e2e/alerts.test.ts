import { startTestBot, type TestBot } from "../helpers/bot.ts";
import { createJobsBesideBot } from "../helpers/jobs-here.ts";

let bot: TestBot;
beforeAll(async () => {
  const settings = { DB_HEALTH_CHECK_INTERVAL: "200ms" };
  bot = await startTestBot({ settings, createMaintenance: createJobsBesideBot });
  expect(bot.app.bot.gatewayReport()).toMatchObject({ isConnected: true, reconnectCount: 0, guildCount: 1 });
  sendAlertsToChannel();
});
afterAll(() => bot.stop());

function sendAlertsToChannel(): void {
  const { settings } = bot.app;
  settings.apply({ ...settings.current, ALERT_CHANNEL_ID: bot.ids.generalChannelId });
}

function listAlerts(): string[] {
  return bot.sandbox.world.messages(bot.ids.generalChannelId).map(({ content }) => content);
}

function tellOfDamage(id: string): void {
  bot.app.alerts.take({ of: "backup", event: { kind: "damaged", id, findings: [] } });
}

describe("alerts of a running bot", () => {
  it("come as few messages when there are five hundred of them, and nobody waits for an answer", async () => {
    for (let number = 0; number < 500; number++) tellOfDamage(`backup-${number}`);
    const isDone = (): boolean => listAlerts().join().includes("backup-499 ");
    const giveUpAt = performance.now() + 30_000;
    while (!isDone() && performance.now() < giveUpAt) {
      const outcome = await bot.as(bot.ids.memberIds[0]!).command("ping", {}, { channelId: bot.channelId });
      expect(outcome.status).not.toBe("failed");
      expect(outcome.firstResponseMs).toBeLessThan(1_000);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    const messages = listAlerts();
    expect(isDone()).toBe(true);
    expect(messages.length).toBeLessThanOrEqual(6);
    expect(messages.join()).toContain("440 earlier alerts left out");
    expect(bot.sandbox.counters).toMatchObject({ rateLimited: 0, invalid: 0 });
    expect(bot.app.bot.gatewayReport().rateLimitCount).toBe(0);
  }, 60_000);

  it("wait while Discord is away, and tell of that too", async () => {
    const { sandbox, app } = bot;
    sandbox.faults.setGatewayAccepting(false);
    sandbox.faults.cutGateway();
    await sandbox.waitFor(() => !app.bot.gatewayReport().isConnected);
    const known = listAlerts().length;
    const action = app.recovery.begin("recover", "database");
    expect(app.alerts.list()).toContainEqual(expect.objectContaining({ key: "recovery-running" }));
    await sandbox.waitFor(() => app.alerts.list().some(({ key }) => key === "gateway"), 10_000);
    expect(listAlerts()).toHaveLength(known);
    sandbox.faults.setGatewayAccepting(true);
    await sandbox.waitFor(() => listAlerts().join().includes("being put in order"), 20_000);
    expect(listAlerts().join()).toContain("Discord is out of reach");
    expect(app.bot.gatewayReport()).toMatchObject({ isConnected: true, reconnectCount: 1 });
    action.succeed();
  }, 60_000);

  it("are remembered over a restart", async () => {
    await bot.restart();
    sendAlertsToChannel();
    const keys = bot.app.alerts.list().map(({ key }) => key);
    expect(keys).toEqual(expect.arrayContaining(["gateway", "recovery-running", "backup-damaged:backup-499"]));
    const known = listAlerts().length;
    tellOfDamage("backup-499");
    tellOfDamage("backup-new");
    await bot.sandbox.waitFor(() => listAlerts().length > known);
    expect(listAlerts().slice(known).join()).toContain("backup-new ");
    expect(listAlerts().slice(known).join()).not.toContain("backup-499 ");
  });
});
