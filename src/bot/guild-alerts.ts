import type { Client } from "discord.js";
import type { Logger } from "../core/logger.ts";
import type { GuildFlags } from "./flags/guild-flags.ts";

/** Tells a server's own people, in the channel that the flag `alert-channel` names, what needs their attention. */
export class GuildAlerts {
  readonly #client: Client;
  readonly #flags: GuildFlags;
  readonly #logger: Logger;

  constructor(client: Client, flags: GuildFlags, logger: Logger) {
    this.#client = client;
    this.#flags = flags;
    this.#logger = logger;
  }

  /** Sends in the background; without the flag nothing is sent. An alert that cannot be delivered is in the log. */
  send(guildId: string, content: string): void {
    this.#send(guildId, content).catch((error: unknown) => {
      this.#logger.warn("alert not delivered", { guildId, error });
    });
  }

  async #send(guildId: string, content: string): Promise<void> {
    const { alertChannelId } = await this.#flags.get(guildId);
    if (alertChannelId === undefined) return;
    const channel = await this.#client.channels.fetch(alertChannelId);
    if (channel?.isSendable()) await channel.send({ content });
  }
}
