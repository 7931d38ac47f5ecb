import type { Logger } from "../core/logger.ts";
import type { AlertMessages } from "./alert-messages.ts";
import type { GuildFlags } from "./flags/guild-flags.ts";

/** Tells a server's own people, in the channel that the flag `alert-channel` names, what needs their attention. */
export class GuildAlerts {
  readonly #messages: Pick<AlertMessages, "send">;
  readonly #flags: GuildFlags;
  readonly #logger: Logger;

  constructor(messages: Pick<AlertMessages, "send">, flags: GuildFlags, logger: Logger) {
    this.#messages = messages;
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
    this.#messages.send(alertChannelId, content);
  }
}
