import { join } from "node:path";
import Database from "better-sqlite3";
import { Client, Events, GatewayIntentBits } from "discord.js";
import { serve } from "./rpc.ts";

/**
 * The bot that most people write first: discord.js, and better-sqlite3 on the main thread (WAL, synchronous FULL). Each
 * command makes one row or reads one, and replies.
 */

let client: Client | undefined;

serve({
  async open({ folder, access }: { folder: string; access: { token: string; apiUrl: string } }): Promise<void> {
    const database = new Database(join(folder, "plain-bot.db"));
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.exec("CREATE TABLE mode (member TEXT PRIMARY KEY, value TEXT NOT NULL)");
    const put = database.prepare("INSERT OR REPLACE INTO mode VALUES (?, ?)");
    const get = database.prepare<[string], { value: string }>("SELECT value FROM mode WHERE member = ?");
    client = new Client({
      intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMembers, GatewayIntentBits.GuildMessageReactions],
      rest: { api: access.apiUrl },
    });
    client.on(Events.InteractionCreate, (interaction) => {
      if (!interaction.isChatInputCommand()) return;
      if (interaction.commandName === "put") put.run(interaction.user.id, "mention");
      const content = get.get(interaction.user.id)?.value ?? "nothing";
      void interaction.reply({ content, flags: "Ephemeral" });
    });
    const ready = new Promise((resolve) => client!.once(Events.ClientReady, resolve));
    await client.login(access.token);
    await ready;
    await client.application!.commands.set([
      { name: "put", description: "Makes a row" },
      { name: "get", description: "Reads a row" },
    ]);
  },
  close: () => client?.destroy(),
});
