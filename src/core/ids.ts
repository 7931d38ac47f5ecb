import { randomBytes } from "node:crypto";

/** Crockford's base 32: no I, L, O, U, so an id can be read aloud and typed. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

function encodeBase32(value: number, length: number): string {
  let text = "";
  for (let rest = value, i = 0; i < length; i++, rest = Math.floor(rest / 32)) text = ALPHABET[rest % 32]! + text;
  return text;
}

function randomBase32(length: number): string {
  let text = "";
  for (const byte of randomBytes(length)) text += ALPHABET[byte % 32]!;
  return text;
}

/** A 26-character ULID (https://github.com/ulid/spec): sorts by creation time in milliseconds, 80 random bits. */
export function createId(nowMs: number): string {
  return encodeBase32(nowMs, 10) + randomBase32(16);
}

/** An 8-character random reference for people to quote: what a failed reply shows and the log has. */
export function createReference(): string {
  return randomBase32(8);
}

/**
 * Makes ids for one process run: a ULID taken at start, then a counter. Unique across runs and processes, sorted
 * within one, and three orders of magnitude cheaper than a random id, so that every write can carry one.
 */
export function createIdSequence(nowMs: number): () => string {
  const run = createId(nowMs);
  let counter = 0;
  return () => `${run}-${(counter++).toString(36).padStart(6, "0")}`;
}
