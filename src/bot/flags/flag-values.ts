import { formatEmoji, parseEmoji } from "../../roll-call/emoji.ts";
import { formatQuietHours, parseQuietHours } from "../../roll-call/quiet-hours.ts";
import { isTimeZone } from "../../roll-call/time-zone.ts";
import { NOT_UNDERSTOOD, type FlagValueResult } from "./flag-value-result.ts";

/** Readers of the values of flags: from what people write to what is stored, one writing for each meaning. */

const SWITCH_WORDS: ReadonlyMap<string, string> = new Map([
  ["on", "on"],
  ["yes", "on"],
  ["true", "on"],
  ["off", "off"],
  ["no", "off"],
  ["false", "off"],
]);

const MAX_URL_LENGTH = 300;
/** Its last part begins with a letter, so it is no IP address. */
const HOST = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/;
const IMAGE_PATH = /\.(?:png|jpe?g|gif|webp)$/i;

const asValue = (value: string | undefined): FlagValueResult =>
  value === undefined ? NOT_UNDERSTOOD : { ok: true, value };

export function readSwitch(text: string): FlagValueResult {
  return asValue(SWITCH_WORDS.get(text.trim().toLowerCase()));
}

export function readOneOf(...values: readonly string[]): (text: string) => FlagValueResult {
  return (text) => asValue(values.find((value) => value === text.trim().toLowerCase()));
}

export function readQuietHours(text: string): FlagValueResult {
  // The zone is a flag of its own, so it makes no difference which one stands in for it here.
  const quietHours = parseQuietHours(text, "UTC");
  return asValue(quietHours && formatQuietHours(quietHours));
}

/** All names of zones, UTC first. */
export function listTimeZones(): readonly string[] {
  return ["UTC", ...Intl.supportedValuesOf("timeZone").filter((name) => name !== "UTC")];
}

/** Any name that `Intl` knows, also former ones, in its usual writing. */
export function readTimeZone(text: string): FlagValueResult {
  const wanted = text.trim();
  const listed = listTimeZones().find((name) => name.toLowerCase() === wanted.toLowerCase());
  if (listed !== undefined) return asValue(listed);
  if (!isTimeZone(wanted)) return NOT_UNDERSTOOD;
  return asValue(new Intl.DateTimeFormat("en-US", { timeZone: wanted }).resolvedOptions().timeZone);
}

/** One emoji, stored as message text shows it (`<:name:id>` for a custom one), or the address of an image. */
export function readEmblem(text: string): FlagValueResult {
  const wanted = text.trim();
  const emoji = parseEmoji(wanted);
  return asValue(emoji ? formatEmoji(emoji.key) : readImageUrl(wanted));
}

/** An https address with a plain public host name and an image's ending; no account, port or white space in it. */
function readImageUrl(text: string): string | undefined {
  if (text.length > MAX_URL_LENGTH || !/^https:\/\/[^\s<>"`\\|]+$/i.test(text) || !URL.canParse(text)) return undefined;
  const { hostname, username, password, port, pathname, href } = new URL(text);
  const isPlain = username === "" && password === "" && port === "" && HOST.test(hostname);
  return isPlain && IMAGE_PATH.test(pathname) && href.length <= MAX_URL_LENGTH ? href : undefined;
}
