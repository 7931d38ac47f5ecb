/**
 * What `/admin-audit list` is asked for, and how the buttons of a page carry it: Discord gives them 100 characters, so
 * numbers and ids are written in base 62 and moments in whole seconds.
 */
import { isSnowflake } from "../input/message-reference.ts";

export interface AuditFilter {
  readonly action?: string;
  readonly actorId?: string;
  /** Whole seconds, in milliseconds; so is `until`, up to the last millisecond of its second. */
  readonly since?: number;
  readonly until?: number;
  readonly text?: string;
}

/** Longer ones do not fit into a button beside all other filters. */
export const MAX_ACTION_LENGTH = 21;
export const MAX_TEXT_LENGTH = 30;

const ACTION = /^[a-z][a-z0-9.-]*$/;
const SYSTEM = "system";
/** No snowflake is written like this: they are not that small. */
const SYSTEM_CODE = "0";
const NUMBERS_SEPARATOR = ".";

export function isFilterableAction(text: string): boolean {
  return ACTION.test(text) && text.length <= MAX_ACTION_LENGTH;
}

/** The values of a button that continues from the entry `sequence`: all filters at their longest just fit. */
export function encodePosition(filter: AuditFilter, sequence: number): string[] {
  const { actorId, since, until } = filter;
  const numbers = [
    encodeNumber(BigInt(sequence)),
    actorId === undefined ? "" : actorId === SYSTEM ? SYSTEM_CODE : encodeNumber(BigInt(actorId)),
    since === undefined ? "" : encodeNumber(BigInt(Math.floor(since / 1_000))),
    until === undefined ? "" : encodeNumber(BigInt(Math.floor(until / 1_000))),
  ];
  return [numbers.join(NUMBERS_SEPARATOR), filter.action ?? "", filter.text ?? ""];
}

/** Reads what `encodePosition` wrote; undefined for anything that it cannot have written. */
export function decodePosition(values: readonly string[]): { filter: AuditFilter; sequence: number } | undefined {
  const [numbers = "", action = "", ...textParts] = values;
  // The text may have the separator of button ids in it.
  const text = textParts.join("|");
  const [sequence, actor, since, until, ...rest] = numbers.split(NUMBERS_SEPARATOR).map(decodeNumber);
  if (sequence === undefined || rest.length > 0) return undefined;
  if ((action !== "" && !isFilterableAction(action)) || text.length > MAX_TEXT_LENGTH) return undefined;
  const actorId = actor === 0n ? SYSTEM : actor?.toString();
  if (actorId !== undefined && actorId !== SYSTEM && !isSnowflake(actorId)) return undefined;
  const filter: AuditFilter = {
    ...(action === "" ? {} : { action }),
    ...(actorId === undefined ? {} : { actorId }),
    ...(since === undefined ? {} : { since: Number(since) * 1_000 }),
    ...(until === undefined ? {} : { until: Number(until) * 1_000 + 999 }),
    ...(text === "" ? {} : { text }),
  };
  return { filter, sequence: Number(sequence) };
}

/** The filter with its moments as buttons carry them, so that every page is asked for with the same. */
export function normalizeFilter(filter: AuditFilter): AuditFilter {
  return decodePosition(encodePosition(filter, 0))?.filter ?? filter;
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE = BigInt(DIGITS.length);

function encodeNumber(value: bigint): string {
  let code = "";
  for (let rest = value; rest > 0n || code === ""; rest /= BASE) code = DIGITS[Number(rest % BASE)]! + code;
  return code;
}

function decodeNumber(code: string): bigint | undefined {
  if (!/^[0-9A-Za-z]{1,11}$/.test(code)) return undefined;
  let value = 0n;
  for (const digit of code) value = value * BASE + BigInt(DIGITS.indexOf(digit));
  return value;
}
