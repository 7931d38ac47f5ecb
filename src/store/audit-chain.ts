import { hash } from "node:crypto";

/**
 * The audit log's chain: every entry's hash covers the entry and the hash before it, so that altering, removing or
 * inserting one breaks every hash after it. Entries of a chain are numbered 1, 2, 3, … without gaps.
 */

export type AuditOutcome = "success" | "failure";

export interface AuditEntry {
  readonly guildId: string;
  readonly sequence: number;
  readonly id: string;
  readonly at: number;
  readonly actorId: string;
  readonly action: string;
  readonly target: string;
  /** JSON text, kept as it was hashed. */
  readonly details: string;
  readonly outcome: AuditOutcome;
  readonly previousHash: string;
  readonly hash: string;
}

export interface ChainEnd {
  readonly sequence: number;
  readonly hash: string;
}

/** What the first entry of a chain names as the hash before it. */
export const CHAIN_START: ChainEnd = { sequence: 0, hash: "0".repeat(64) };

/** SHA-256 over a JSON array of all members in fixed order: unambiguous, and easy to repeat in any language. */
export function auditHash(entry: Omit<AuditEntry, "hash">): string {
  const { previousHash, guildId, sequence, id, at, actorId, action, target, details, outcome } = entry;
  return hash(
    "sha256",
    JSON.stringify([previousHash, guildId, sequence, id, at, actorId, action, target, details, outcome]),
    "hex",
  );
}

export type ChainFault =
  | { readonly kind: "missing"; readonly sequence: number }
  | { readonly kind: "altered"; readonly sequence: number; readonly id: string };

/** Checks entries that follow `end`, in order. Returns the new end, or the first fault. */
export function verifyEntries(
  entries: readonly AuditEntry[],
  end: ChainEnd,
): { end: ChainEnd } | { fault: ChainFault } {
  let { sequence, hash: previousHash } = end;
  for (const entry of entries) {
    if (entry.sequence !== sequence + 1) return { fault: { kind: "missing", sequence: sequence + 1 } };
    if (entry.previousHash !== previousHash || auditHash(entry) !== entry.hash) {
      return { fault: { kind: "altered", sequence: entry.sequence, id: entry.id } };
    }
    sequence = entry.sequence;
    previousHash = entry.hash;
  }
  return { end: { sequence, hash: previousHash } };
}
