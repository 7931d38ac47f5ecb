import { isSound, type IntegrityReport } from "../maintenance/integrity-check.ts";

/** What is to be done after a look at the database. */
export type CheckStep =
  | { readonly kind: "done" }
  /** Only the full check tells a damaged index from rows that are really wrong, and which entries are. */
  | { readonly kind: "look-closer" }
  /** The rows are sound; what is derived from them is not. */
  | { readonly kind: "rebuild"; readonly indexes: readonly string[] }
  | { readonly kind: "quarantine"; readonly tables: readonly string[] }
  /** More than can be mended in place. */
  | { readonly kind: "give-up" };

/**
 * The lines with which SQLite says that an index does not agree with its table; there is no other source for it
 * (https://sqlite.org/pragma.html#pragma_integrity_check). Any line that is not one of these is damage.
 */
const INDEX_FINDINGS = [
  /^row \S+ missing from index (?<index>.+)$/,
  /^wrong # of entries in index (?<index>.+)$/,
  /^non-unique entry in index (?<index>.+)$/,
  /^row \S+ values differ from index (?<index>.+)$/,
  /^rowid not at end-of-record for row \S+ of index (?<index>.+)$/,
];

/** The index that a line is about; undefined when it is about anything else. */
export function findDamagedIndex(line: string): string | undefined {
  for (const finding of INDEX_FINDINGS) {
    const index = finding.exec(line)?.groups?.index;
    if (index !== undefined) return index;
  }
  return undefined;
}

/** An index is mended before references are looked at: lookups go through it. */
export function planNextStep({ depth, lines, foreignKeyViolations }: IntegrityReport): CheckStep {
  if (!isSound(lines)) {
    const indexes = lines.map(findDamagedIndex);
    if (indexes.length === 0 || indexes.includes(undefined)) return { kind: "give-up" };
    if (depth === "quick") return { kind: "look-closer" };
    return { kind: "rebuild", indexes: [...new Set(indexes as string[])] };
  }
  if (foreignKeyViolations.length === 0) return { kind: "done" };
  if (depth === "quick") return { kind: "look-closer" };
  return { kind: "quarantine", tables: [...new Set(foreignKeyViolations.map(({ table }) => table))] };
}
