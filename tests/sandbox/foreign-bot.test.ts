import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { APIMessage } from "discord-api-types/v10";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { smallServer } from "../../src/sandbox/seeds.ts";

/** What a developer of another bot does: start the sandbox, point the bot at it, and act as people over HTTP. */
const BOT = join(import.meta.dirname, "foreign-bot/bot.ts");
const { ids } = smallServer();
const userId = ids.memberIds[0]!;
const channelId = ids.generalChannelId;

interface Shown {
  readonly interactionId: string;
  readonly status: string;
  readonly isEphemeral?: boolean;
  readonly message?: APIMessage;
  readonly followUps?: readonly APIMessage[];
  readonly modal?: { readonly title: string };
}

let sandbox: Sandbox;
let bot: ChildProcess;

beforeAll(async () => {
  sandbox = await Sandbox.start({ port: 0, seed: smallServer() });
  bot = spawn(process.execPath, [BOT], {
    env: { PATH: process.env.PATH, DISCORD_API: sandbox.apiUrl, DISCORD_TOKEN: sandbox.botToken },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(bot.stdout!, "data");
}, 20_000);
afterAll(async () => {
  const exited = once(bot, "exit");
  bot.kill();
  await exited;
  await sandbox.stop();
});

async function ask<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(`${sandbox.url}/sandbox${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text === "" ? undefined : JSON.parse(text)) as Answer;
}

function act<Answer = Shown>(verb: string, body: object): Promise<Answer> {
  return ask("POST", `/users/${userId}/${verb}`, body);
}

function command(name: string, options: object = {}): Promise<Shown> {
  return act("command", { name, options, channelId });
}

async function findMessage(content: (text: string) => boolean, place = channelId): Promise<APIMessage> {
  let found: APIMessage | undefined;
  await sandbox.waitFor(async () => {
    const messages = await ask<APIMessage[]>("GET", `/channels/${place}/messages?as=${userId}`);
    found = messages.find((message) => content(message.content));
    return found !== undefined;
  });
  return found!;
}

describe("a discord.js bot that knows nothing of the sandbox", () => {
  it("imports discord.js only", () => {
    const imported = [...readFileSync(BOT, "utf8").matchAll(/from "([^"]+)"/g)].map(([, name]) => name);
    expect(imported).toEqual(["discord.js"]);
  });

  it("gets options of every type, and answers with a file", async () => {
    const file = { filename: "notes.txt", dataBase64: Buffer.from("hello").toString("base64") };
    const { status, message } = await command("every", {
      ...{ text: "words", whole: 3, number: 2.5, flag: true, user: ids.moderatorId },
      ...{ channel: channelId, role: ids.crewRoleId, anyone: ids.ownerId, file },
    });
    expect(status).toBe("replied");
    expect(JSON.parse(message!.content)).toEqual({
      ...{ text: "words", whole: 3, number: 2.5, flag: true, user: "moderator" },
      ...{ channel: "general", role: "Crew", anyone: "somebody", file: "notes.txt", size: 5 },
    });
    const served = await fetch(message!.attachments[0]!.url);
    expect(await served.text()).toBe("a file of the bot");
  });

  it("completes what is typed in a subcommand of a group, and runs it", async () => {
    const { choices } = await act<{ choices: unknown }>("autocomplete", {
      ...{ name: "settings colour set", options: { name: "gr" }, focused: "name", channelId },
    });
    expect(choices).toEqual([
      { name: "GREEN", value: "green" },
      { name: "GREY", value: "grey" },
    ]);
    const { message } = await command("settings colour set", { name: "grey" });
    expect(message!.content).toBe("colour set grey");
  });

  it("has all five menus chosen from", async () => {
    const { message } = await command("menus");
    const chosen: readonly (readonly [string, readonly string[]])[] = [
      ["strings", ["red", "grey"]],
      ["users", [ids.ownerId]],
      ["roles", [ids.crewRoleId]],
      ["mentionables", [ids.moderatorsRoleId]],
      ["channels", [ids.rollCallsChannelId]],
    ];
    for (const [customId, values] of chosen) {
      const outcome = await act("select", { messageId: message!.id, customId, values });
      expect(outcome.status).toBe("updated");
      await findMessage((text) => text === `${customId}: ${values.join(",")}`);
    }
  });

  it("shows a form and hears what was filled in", async () => {
    const shown = await command("form");
    expect([shown.status, shown.modal!.title]).toEqual(["modal", "A form"]);
    const { message } = await act("modal", { interactionId: shown.interactionId, values: { name: "Member" } });
    expect(message!.content).toBe("Hello Member");
  });

  it("defers, answers later and follows up", async () => {
    const { interactionId, status } = await command("later");
    expect(status).toBe("deferred");
    const settled = await ask<Shown>("GET", `/interactions/${interactionId}?waitMs=5000`);
    expect(settled.message!.embeds[0]!.title).toBe("Done later");
    await findMessage((text) => text === "And one more thing");
  });

  it("tells a secret to one person, and changes it at a click", async () => {
    const { isEphemeral, message } = await command("secret");
    expect(isEphemeral).toBe(true);
    await act("click", { messageId: message!.id, customId: "more" });
    await sandbox.waitFor(() => sandbox.world.requireMessage(message!.id).content === "Only for you, and more");
    const others = await ask<APIMessage[]>("GET", `/channels/${channelId}/messages?as=${ids.ownerId}`);
    expect(others.map(({ id }) => id)).not.toContain(message!.id);
  });

  it("reacts, and sees reactions come and go", async () => {
    const { message } = await command("poll");
    const target = { channelId, messageId: message!.id, emoji: "👍" };
    await findMessage((text) => text === "Vote");
    await sandbox.waitFor(() =>
      sandbox.world.messages(channelId).some(({ reactions }) => (reactions ?? []).length > 0),
    );
    await act("react", target);
    await findMessage((text) => text === `Vote, 👍 by ${userId}`);
    await act("unreact", target);
    await findMessage((text) => text === "Vote again");
  });

  it("writes in private, and is written to", async () => {
    await command("whisper");
    const { channelId: privateId } = await act<{ channelId: string }>("direct-channel", {});
    await findMessage((text) => text === "Psst", privateId);
    await act("send", { channelId: privateId, content: "Hello?" });
    await findMessage((text) => text === "You said: Hello?", privateId);
  });
});
