import type { Client } from "discord.js";
import { MusterError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";

/** Close codes after which connecting again cannot help (https://discord.com/developers/docs/topics/opcodes-and-status-codes). */
const FATAL_CLOSE_CODES = new Map([
  [4004, "the token was refused"],
  [4010, "the shard number is invalid"],
  [4011, "the bot is in so many servers that it needs sharding"],
  [4012, "the gateway version is invalid"],
  [4013, "the intents are invalid"],
  [4014, "an intent is not enabled for this bot"],
]);

export interface WatchConnectionOptions {
  readonly logger: Logger;
  readonly onFatal: (error: MusterError) => void;
}

/** Logs what happens to the connection with Discord; an end for a reason that only a person can mend is fatal. */
export function watchConnection(client: Client, { logger, onFatal }: WatchConnectionOptions): void {
  client.on("error", (error) => logger.error("Discord client failed", { error }));
  client.on("warn", (message) => logger.warn("Discord client warns", { warning: message }));
  client.on("shardReconnecting", () => logger.info("gateway connection lost, reconnecting"));
  client.on("shardResume", (_shardId, replayedCount) => logger.info("gateway session resumed", { replayedCount }));
  client.on("shardDisconnect", ({ code }) => {
    const reason = FATAL_CLOSE_CODES.get(code);
    logger.warn("gateway disconnected", { code });
    if (reason !== undefined) {
      onFatal(new MusterError("DISCORD_LOGIN_FAILED", `stay connected to Discord: ${reason} (close code ${code})`));
    }
  });
  client.rest.on("rateLimited", ({ route, timeToReset, global }) => {
    logger.debug("waiting for a rate limit of Discord", { route, timeToReset, global });
  });
  client.rest.on("invalidRequestWarning", ({ count, remainingTime }) => {
    logger.warn("many requests were refused by Discord; at 10,000 in 10 minutes it bans the address", {
      count,
      remainingTime,
    });
  });
}
