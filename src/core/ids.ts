import { randomBytes } from "node:crypto";

/** Crockford's base 32: no I, L, O, U, so an id can be read aloud and typed. Digits sort before letters. */
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

/** The 10 characters that a ULID begins with: ids made before `atMs` sort before it, later ones not. */
export function idTimePrefix(atMs: number): string {
  return encodeBase32(atMs, 10);
}

/** A 26-character ULID (https://github.com/ulid/spec): sorts by creation time in milliseconds, 80 random bits. */
export function createId(nowMs: number): string {
  return idTimePrefix(nowMs) + randomBase32(16);
}

/** When a ULID was made, in Unix milliseconds: what `idTimePrefix` wrote. */
export function idTime(id: string): number {
  return [...id.slice(0, 10)].reduce((value, digit) => value * 32 + ALPHABET.indexOf(digit), 0);
}

/** An 8-character random reference for people to quote: what a failed reply shows and the log has. */
export function createReference(): string {
  return randomBase32(8);
}

/**
 * Makes ULID-shaped ids for one process run whose random part is drawn once and followed by a counter: unique across
 * runs and within one, sorted by time, and far cheaper than random ones, so that every write can carry one.
 */
export function createIdSequence(now: () => number): () => string {
  const run = randomBase32(9);
  const COUNTER_LIMIT = 32 ** 7;
  let counter = 0;
  let prefixAt = -1;
  let prefix = "";
  return () => {
    const at = now();
    if (at !== prefixAt) {
      prefixAt = at;
      prefix = idTimePrefix(at) + run;
    }
    counter = (counter + 1) % COUNTER_LIMIT;
    return prefix + encodeBase32(counter, 7);
  };
}
