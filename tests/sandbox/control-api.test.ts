import { request as httpRequest } from "node:http";
import type { APIMessage } from "discord-api-types/v10";
import { ActionRowBuilder, ButtonBuilder, ButtonStyle, MessageFlags } from "discord.js";
import { startTestBot, type TestBot } from "./test-bot.ts";

interface OutcomeBody {
  readonly interactionId: string;
  readonly status: string;
  readonly isEphemeral: boolean;
  readonly message: APIMessage | null;
}

describe("the control API", () => {
  let bot: TestBot;

  beforeAll(async () => {
    bot = await startTestBot();
    await bot.client.application.commands.set([{ name: "ping", description: "Answers" }]);
  });

  afterEach(() => bot.sandbox.faults.clear());
  afterAll(() => bot.stop());

  async function call<Body>(method: string, path: string, body?: object): Promise<{ status: number; body: Body }> {
    const response = await fetch(`${bot.sandbox.url}/sandbox${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: (text === "" ? undefined : JSON.parse(text)) as Body };
  }

  it("tells how to connect and how the bot is doing", async () => {
    const { body } = await call<{ apiUrl: string; botToken: string; isBotConnected: boolean }>("GET", "");
    expect(body).toMatchObject({ apiUrl: bot.sandbox.apiUrl, botToken: bot.sandbox.botToken, isBotConnected: true });
  });

  it("describes the world", async () => {
    const { body } = await call<{ guilds: { channels: { name: string }[] }[]; commands: { name: string }[] }>(
      "GET",
      "/world",
    );
    expect(body.guilds[0]?.channels.map((channel) => channel.name)).toEqual(["roll-calls", "general"]);
    expect(body.commands.map((command) => command.name)).toEqual(["ping"]);
  });

  it("lets a person use a command, wait for its answer and press its button", async () => {
    const button = new ButtonBuilder().setCustomId("go").setLabel("Go").setStyle(ButtonStyle.Primary);
    bot.onInteraction = async (interaction) => {
      if (interaction.isChatInputCommand()) {
        await interaction.deferReply({ flags: MessageFlags.Ephemeral });
        const row = new ActionRowBuilder<ButtonBuilder>().addComponents(button);
        await interaction.editReply({ content: "pong", components: [row] });
      } else if (interaction.isButton()) {
        await interaction.update("pressed");
      }
    };
    const [userId, channelId] = [bot.ids.memberIds[0]!, bot.ids.generalChannelId];
    const started = await call<OutcomeBody>("POST", `/users/${userId}/command`, { name: "ping", channelId });
    expect(started.body.status).toBe("deferred");
    const settled = await call<OutcomeBody>("GET", `/interactions/${started.body.interactionId}?waitMs=2000`);
    expect(settled.body).toMatchObject({ isEphemeral: true, message: { content: "pong" } });
    const clicked = await call<OutcomeBody>("POST", `/users/${userId}/click`, {
      messageId: settled.body.message!.id,
      customId: "go",
    });
    expect(clicked.body).toMatchObject({ status: "updated", message: { content: "pressed" } });
    const read = await call<APIMessage[]>("GET", `/channels/${channelId}/messages?as=${userId}`);
    expect(read.body.map((message) => message.content)).toContain("pressed");
    expect((await call<APIMessage[]>("GET", `/channels/${channelId}/messages`)).body).toEqual([]);
  });

  it("changes the world, and the bot hears of it", async () => {
    const { guildId, memberIds, rollCallsChannelId } = bot.ids;
    const user = await call<{ id: string }>("POST", "/users", { username: "guest" });
    await call("PUT", `/guilds/${guildId}/members/${user.body.id}`, { nick: "Guest", roleIds: [bot.ids.crewRoleId] });
    const guild = bot.client.guilds.cache.get(guildId)!;
    await bot.sandbox.waitFor(() => guild.members.cache.get(user.body.id)?.nickname === "Guest");
    const sent = await call<APIMessage>("POST", `/users/${user.body.id}/send`, {
      channelId: rollCallsChannelId,
      content: "hello",
    });
    const where = { channelId: rollCallsChannelId, messageId: sent.body.id, emoji: "✅" };
    expect((await call("POST", `/users/${memberIds[0]!}/react`, where)).status).toBe(204);
    expect(bot.sandbox.world.messages(rollCallsChannelId)[0]?.reactions?.[0]?.count).toBe(1);
    await call("DELETE", `/messages/${sent.body.id}/reactions`);
    await call("DELETE", `/messages/${sent.body.id}`);
    expect(bot.sandbox.world.messages(rollCallsChannelId)).toEqual([]);
  });

  it("sets and clears faults", async () => {
    const fault = { path: "/channels/*", effect: { kind: "error", status: 403, code: 50_001 } };
    const { status, body } = await call<{ id: number }>("POST", "/faults", fault);
    expect(status).toBe(201);
    await expect(bot.client.channels.fetch(bot.ids.generalChannelId, { force: true })).rejects.toMatchObject({
      code: 50_001,
    });
    expect((await call<object[]>("GET", "/faults")).body).toMatchObject([{ id: body.id, hits: 1, ...fault }]);
    expect((await call("DELETE", `/faults/${body.id}`)).status).toBe(204);
    await bot.client.channels.fetch(bot.ids.generalChannelId, { force: true });
  });

  it.each([
    ["POST", "/faults", { effect: { kind: "explode" } }, 400],
    ["POST", "/users", { name: "mistyped" }, 400],
    ["DELETE", "/messages/1", undefined, 404],
    ["POST", "/users/1/send", { channelId: "1", content: "x" }, 404],
    ["GET", "/nothing", undefined, 404],
  ])("refuses %s %s with %j", async (method, path, body, status) => {
    expect((await call(method, path, body)).status).toBe(status);
  });

  it("streams what happens", async () => {
    const response = await fetch(`${bot.sandbox.url}/sandbox/events`);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    await reader.read();
    bot.sandbox.world.addRole(bot.ids.guildId, { name: "Streamed" });
    const { value } = await reader.read();
    expect(value).toMatch(/^event: GUILD_ROLE_CREATE\ndata: .*"name":"Streamed"/);
    await reader.cancel();
  });

  it("answers only to a loopback name", async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(
        { host: "127.0.0.1", port: bot.sandbox.port, path: "/sandbox", headers: { host: "example.org" } },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      request.on("error", reject);
      request.end();
    });
    expect(status).toBe(403);
  });
});
