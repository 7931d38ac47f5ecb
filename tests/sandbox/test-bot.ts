import { once } from "node:events";
import { Client, Events, GatewayIntentBits, Partials, type ClientOptions, type Interaction } from "discord.js";
import { Sandbox, type SandboxOptions } from "../../src/sandbox/sandbox.ts";
import { smallServer, type ServerIds, type ServerSeed } from "../../src/sandbox/seeds.ts";

/** A sandbox with an unmodified discord.js client logged in to it. */
export interface TestBot {
  readonly sandbox: Sandbox;
  readonly client: Client<true>;
  readonly ids: ServerIds;
  /** What the bot does with interactions; replaced by each test. What it throws is kept in `errors`. */
  onInteraction: (interaction: Interaction) => Promise<unknown>;
  readonly errors: unknown[];
  stop(): Promise<void>;
}

export interface TestBotOptions {
  readonly seed?: ServerSeed;
  readonly sandbox?: Partial<SandboxOptions>;
  readonly client?: Partial<ClientOptions>;
}

const INTENTS = [
  GatewayIntentBits.Guilds,
  GatewayIntentBits.GuildMembers,
  GatewayIntentBits.GuildMessages,
  GatewayIntentBits.GuildMessageReactions,
  GatewayIntentBits.DirectMessages,
];

export function createClient(sandbox: Sandbox, options: Partial<ClientOptions> = {}): Client {
  return new Client({
    intents: INTENTS,
    partials: [Partials.Message, Partials.Channel, Partials.Reaction, Partials.User],
    ...options,
    // The client leaves five seconds between two identifies; the sandbox is in no such hurry to be left alone.
    ws: { buildIdentifyThrottler: () => ({ waitForIdentify: () => Promise.resolve() }), ...options.ws },
    rest: { api: sandbox.apiUrl, ...options.rest },
  });
}

export async function startTestBot(options: TestBotOptions = {}): Promise<TestBot> {
  const seed = options.seed ?? smallServer();
  const sandbox = await Sandbox.start({ port: 0, seed, ...options.sandbox });
  const client = createClient(sandbox, options.client);
  const bot: TestBot = {
    sandbox,
    client: client as Client<true>,
    ids: seed.ids,
    onInteraction: async () => undefined,
    errors: [],
    async stop() {
      await client.destroy();
      await sandbox.stop();
    },
  };
  client.on(Events.InteractionCreate, (interaction) => {
    bot.onInteraction(interaction).catch((error: unknown) => bot.errors.push(error));
  });
  client.on(Events.Error, (error) => bot.errors.push(error));
  const ready = once(client, Events.ClientReady);
  await client.login(sandbox.botToken);
  await ready;
  return bot;
}
