import { DiscordAPIError, HTTPError, RESTJSONErrorCodes } from "discord.js";

/** What Discord's answers mean for us. Only "unknown" means gone: a 403, a 5xx or a timeout says nothing about that. */

export type GoneThing = "message" | "channel";

/** What does not exist any more, or undefined for every other error. */
export function goneThing(error: unknown): GoneThing | undefined {
  if (!(error instanceof DiscordAPIError)) return undefined;
  if (error.code === RESTJSONErrorCodes.UnknownMessage) return "message";
  if (error.code === RESTJSONErrorCodes.UnknownChannel) return "channel";
  return undefined;
}

/** Discord's plain ways of saying that a person takes no direct messages from the bot, or is gone. */
const UNREACHABLE_CODES: readonly (number | string)[] = [
  RESTJSONErrorCodes.CannotSendMessagesToThisUser,
  RESTJSONErrorCodes.CannotSendMessagesToThisUserDueToHavingNoMutualGuilds,
  RESTJSONErrorCodes.UnknownUser,
];

/**
 * Why a direct message was refused, as far as that is this one person's matter: `unreachable` for what is to be expected
 * of people, `other` for a refusal that somebody may want to look at. Undefined for what would befall everybody's: a
 * Discord in trouble, or one that does not know the bot (401).
 */
export function refusalOfPerson(error: unknown): "unreachable" | "other" | undefined {
  if (!(error instanceof DiscordAPIError) || isTemporary(error) || error.status === 401) return undefined;
  return UNREACHABLE_CODES.includes(error.code) ? "unreachable" : "other";
}

/** The bot has opened direct messages to too many people within a short time. */
export function isOpeningTooFast(error: unknown): boolean {
  return error instanceof DiscordAPIError && error.code === RESTJSONErrorCodes.OpeningDirectMessagesTooFast;
}

/** Whether trying again may help: Discord was overloaded, slow or out of reach. What it refused, it refuses again. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof DiscordAPIError) return error.status >= 500 || isOpeningTooFast(error);
  if (error instanceof HTTPError) return error.status >= 500;
  // Aborted by its timeout, connection refused or reset: undici's errors have no class in common.
  return error instanceof Error && (error.name === "AbortError" || "code" in error || error.name === "TypeError");
}

/** For the reminder log and the audit log: Discord's own code and words, without addresses. */
export function describeDiscordError(error: unknown): string {
  if (error instanceof DiscordAPIError) return `${error.code}: ${error.message}`.slice(0, 200);
  if (error instanceof HTTPError) return `HTTP ${error.status}`;
  return error instanceof Error ? error.name : "unknown error";
}
