import { isIP } from "node:net";
import { z } from "zod";
import { formatDurationMs, parseDurationMs, parseSizeBytes } from "../core/units.ts";
import { parseCron } from "./cron.ts";
import { formatDailyWindow, parseDailyWindow, type DailyWindow } from "./daily-window.ts";

/** What sort of value a setting takes: how its text is checked and read, and how a value is written again. */
export interface Kind<T> {
  readonly type: KindType;
  /** Trimmed text, as people write it, to the value that the program uses. */
  readonly schema: z.ZodType<T, string>;
  /** Completes the sentence "expected …". */
  readonly expected: string;
  /** The text that `schema` reads back to the same value. */
  format(value: T): string;
  readonly range?: Range;
  readonly choices?: readonly string[];
}

export type KindType =
  | "duration"
  | "size"
  | "integer"
  | "decimal"
  | "percentage"
  | "boolean"
  | "choice"
  | "cron"
  | "window"
  | "timezone"
  | "snowflake"
  | "snowflakes"
  | "url"
  | "host"
  | "path"
  | "secret";

export interface Range {
  readonly min: number;
  readonly max: number;
}

interface KindOptions<T> extends Pick<Kind<T>, "type" | "expected" | "format" | "range" | "choices"> {
  /** Undefined = not a value of this kind. */
  readonly parse: (text: string) => T | undefined;
}

function createKind<T>({ parse, ...kind }: KindOptions<T>): Kind<T> {
  const schema = z.string().transform((text, context): T => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: `expected ${kind.expected}` });
    return z.NEVER;
  });
  return { ...kind, schema };
}

function within(value: number | undefined, { min, max }: Range): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

/** A bound in the table itself; a mistake there is a fault of the program and shows at once. */
function requireBound(text: string, parse: (text: string) => number | undefined): number {
  const value = parse(text);
  if (value === undefined) throw new TypeError(`"${text}" is not a bound`);
  return value;
}

/** Milliseconds, written with a unit. */
export function duration(min: string, max: string): Kind<number> {
  const range = { min: requireBound(min, parseDurationMs), max: requireBound(max, parseDurationMs) };
  return createKind<number>({
    type: "duration",
    range,
    expected: `a duration from ${min} to ${max} with its unit (ms, s, m, h, d, w)`,
    parse: (text) => within(parseDurationMs(text), range),
    format: formatDurationMs,
  });
}

/** The largest unit that writes the size as a whole number, so that reading it back gives every byte. */
function formatExactSize(bytes: number): string {
  const units = ["TB", "GB", "MB", "KB"] as const;
  const unit = units.find((candidate) => bytes > 0 && bytes % parseSizeBytes(`1${candidate}`)! === 0) ?? "B";
  return `${bytes / parseSizeBytes(`1${unit}`)!}${unit}`;
}

/** Bytes, written with a unit. */
export function size(min: string, max: string): Kind<number> {
  const range = { min: requireBound(min, parseSizeBytes), max: requireBound(max, parseSizeBytes) };
  return createKind<number>({
    type: "size",
    range,
    expected: `a size from ${min} to ${max} with its unit (B, KB, MB, GB, TB)`,
    parse: (text) => within(parseSizeBytes(text), range),
    format: formatExactSize,
  });
}

export function integer(min: number, max: number): Kind<number> {
  const range = { min, max };
  return createKind<number>({
    type: "integer",
    range,
    expected: `a whole number from ${min} to ${max}`,
    parse: (text) => within(/^\d{1,15}$/.test(text) ? Number(text) : undefined, range),
    format: String,
  });
}

const DECIMAL = /^\d{1,9}(\.\d{1,9})?$/;

export function decimal(min: number, max: number): Kind<number> {
  const range = { min, max };
  return createKind<number>({
    type: "decimal",
    range,
    expected: `a number from ${min} to ${max}`,
    parse: (text) => within(DECIMAL.test(text) ? Number(text) : undefined, range),
    format: String,
  });
}

/** A fraction from 0 to 1, written as a percentage; a bare number is refused, because 5 could mean 5 % or 500 %. */
export function percentage(): Kind<number> {
  const parsePercentage = (text: string): number | undefined => {
    const number = text.endsWith("%") ? text.slice(0, -1).trimEnd() : "";
    return DECIMAL.test(number) ? Number(number) / 100 : undefined;
  };
  const range = { min: 0, max: 1 };
  return createKind<number>({
    type: "percentage",
    range,
    expected: "a percentage from 0% to 100%",
    parse: (text) => within(parsePercentage(text), range),
    // Twelve digits hide the rounding of binary fractions: 0.07 × 100 is 7.000000000000001.
    format: (fraction) => `${Number((fraction * 100).toPrecision(12))}%`,
  });
}

const BOOLEAN_WORDS = new Map([
  ...["true", "1", "yes", "on"].map((word) => [word, true] as const),
  ...["false", "0", "no", "off"].map((word) => [word, false] as const),
]);

export function boolean(): Kind<boolean> {
  return createKind<boolean>({
    type: "boolean",
    expected: "true or false (also 1/0, yes/no, on/off)",
    parse: (text) => BOOLEAN_WORDS.get(text.toLowerCase()),
    format: String,
  });
}

/** One of a few words, in small or capital letters. */
export function choice<const Word extends string>(...choices: readonly Word[]): Kind<Word> {
  return createKind<Word>({
    type: "choice",
    choices,
    expected: `one of ${choices.join(", ")}`,
    parse: (text) => choices.find((word) => word === text.toLowerCase()),
    format: String,
  });
}

export function cron(): Kind<string> {
  return createKind<string>({
    type: "cron",
    expected: "a cron expression of five fields (minute, hour, day, month, weekday 0-6) that some day fits",
    parse: parseCron,
    format: String,
  });
}

export function dailyWindow(): Kind<DailyWindow> {
  return createKind<DailyWindow>({
    type: "window",
    expected: "two times of day such as 02:00-05:00",
    parse: parseDailyWindow,
    format: formatDailyWindow,
  });
}

function parseTimezone(text: string): string | undefined {
  // Intl also takes offsets; an offset is wrong for half of the year where clocks change.
  if (/^[+-]/.test(text)) return undefined;
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return text;
  } catch {
    return undefined;
  }
}

/** The host's zone, or UTC where the system does not tell one (TZ is set to something unknown). */
export function getHostTimezone(): string {
  const name: string | undefined = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  return parseTimezone(name ?? "") ?? "UTC";
}

export function timezone(): Kind<string> {
  return createKind<string>({
    type: "timezone",
    expected: "an IANA time zone such as Europe/Berlin or UTC",
    parse: parseTimezone,
    format: String,
  });
}

function parseSnowflake(text: string): string | undefined {
  return /^[1-9]\d{16,19}$/.test(text) && BigInt(text) < 2n ** 64n ? text : undefined;
}

export function snowflake(): Kind<string> {
  return createKind<string>({
    type: "snowflake",
    expected: "a Discord id (17 to 20 digits)",
    parse: parseSnowflake,
    format: String,
  });
}

/** A comma-separated list; repeated ids count once. */
export function snowflakes(): Kind<readonly string[]> {
  return createKind<readonly string[]>({
    type: "snowflakes",
    expected: "Discord ids (17 to 20 digits each), separated by commas",
    parse: (text) => {
      const ids = text.split(",").map((part) => parseSnowflake(part.trim()));
      return ids.every((id) => id !== undefined) ? [...new Set(ids)] : undefined;
    },
    format: (ids) => ids.join(","),
  });
}

export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  return bare === "localhost" || bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}

export interface UrlOptions {
  /** True when http is accepted for loopback only: what is sent there is a secret or has one. */
  readonly isEncrypted: boolean;
}

export function url({ isEncrypted }: UrlOptions): Kind<string> {
  const isAllowed = ({ protocol, hostname }: URL): boolean =>
    protocol === "https:" || (protocol === "http:" && (!isEncrypted || isLoopback(hostname)));
  return createKind<string>({
    type: "url",
    expected: isEncrypted ? "an https:// address (http:// on this machine only)" : "an http:// or https:// address",
    parse: (text) =>
      /^https?:\/\/\S+$/i.test(text) && URL.canParse(text) && isAllowed(new URL(text))
        ? text.replace(/\/+$/, "")
        : undefined,
    format: String,
  });
}

export function host(): Kind<string> {
  const HOST_NAME = /^(?=.{1,253}$)[a-z\d]([a-z\d-]{0,61}[a-z\d])?(\.[a-z\d]([a-z\d-]{0,61}[a-z\d])?)*$/i;
  // Digits and dots alone are an IPv4 address or a slip of the pen, never a name.
  const isHostName = (text: string): boolean => HOST_NAME.test(text) && !/^[\d.]+$/.test(text);
  return createKind<string>({
    type: "host",
    expected: "a host name or an IP address",
    parse: (text) => (isIP(text) !== 0 || isHostName(text) ? text : undefined),
    format: String,
  });
}

/** A path of the operating system; `what` is the noun: "a folder", "a file". */
export function path(what: "a folder" | "a file"): Kind<string> {
  // Each thread would open its own empty ":memory:" database, and "file:" addresses carry options that are ours to set.
  const isPath = (text: string): boolean => !/^(:memory:|file:)/i.test(text) && !text.includes("\0");
  return createKind<string>({
    type: "path",
    expected:
      what === "a file" ? "the path of a file (for a database in memory: TEST_MODE=true)" : "the path of a folder",
    parse: (text) => (text !== "" && isPath(text) && (what === "a folder" || !/[/\\]$/.test(text)) ? text : undefined),
    format: String,
  });
}

export interface SecretOptions {
  readonly minLength: number;
  readonly areSpacesAllowed: boolean;
  readonly what: string;
}

export function secret({ minLength, areSpacesAllowed, what }: SecretOptions): Kind<string> {
  const length = minLength > 1 ? ` of at least ${minLength} characters` : "";
  const isClean = (text: string): boolean => !/\p{Cc}/u.test(text) && (areSpacesAllowed || !/\s/.test(text));
  return createKind<string>({
    type: "secret",
    expected: `${what}${length}${areSpacesAllowed ? "" : " without spaces"}`,
    parse: (text) => (text.length >= minLength && isClean(text) ? text : undefined),
    format: String,
  });
}

/** The same kind, with `empty` for the empty text: a setting that may be left out. */
export function optional<T, Empty extends string | undefined | readonly never[]>(
  kind: Kind<T>,
  empty: Empty,
): Kind<T | Empty> {
  return {
    ...kind,
    schema: z.union([z.literal("").transform(() => empty), kind.schema]),
    format: (value) => (value === empty ? "" : kind.format(value as T)),
  };
}
