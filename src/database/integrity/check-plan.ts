import { isSound, type IntegrityReport } from "../maintenance/integrity-check.ts";
import { isEvidence } from "./table-shape.ts";

/** What is to be done after a look at the database. */
export type CheckStep =
  | { readonly kind: "done" }
  /** Only the full check tells a damaged index from rows that are really wrong, and which entries are. */
  | { readonly kind: "look-closer" }
  /** The rows are sound; what is derived from them is not. */
  | { readonly kind: "rebuild"; readonly indexes: readonly string[] }
  | { readonly kind: "quarantine-orphans"; readonly tables: readonly string[] }
  /** Rows break the rules of their own table, which is one of these. */
  | { readonly kind: "quarantine-damaged"; readonly tables: readonly string[] }
  /** What is wrong is wrong in tables whose rows are evidence: it stays as it is. */
  | { readonly kind: "report" }
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

/** The lines with which SQLite says that a row breaks a rule of its own table. */
const COLUMN_FINDING = /^(?:(?:NULL|NUMERIC|TEXT) value|non-\w+ value) in (?<place>.+)$/;
const CHECK_FINDING = /^CHECK constraint failed in (?<table>.+)$/;

/**
 * The table whose rows a line is about; undefined when it is about anything else. Where a column is named, too, it cannot
 * be told which of the dots is between the names: all that may be the table's name.
 */
export function findDamagedTables(line: string): readonly string[] | undefined {
  const table = CHECK_FINDING.exec(line)?.groups?.table;
  if (table !== undefined) return [table];
  const place = COLUMN_FINDING.exec(line)?.groups?.place;
  if (place === undefined) return undefined;
  const parts = place.split(".");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("."));
}

/** Indexes are mended before rows are looked at, and rows before references: lookups go through what was mended. */
export function planNextStep({ depth, lines, foreignKeyViolations }: IntegrityReport): CheckStep {
  if (!isSound(lines)) return planMending(depth, lines);
  if (foreignKeyViolations.length === 0) return { kind: "done" };
  if (depth === "quick") return { kind: "look-closer" };
  return { kind: "quarantine-orphans", tables: [...new Set(foreignKeyViolations.map(({ table }) => table))] };
}

function planMending(depth: IntegrityReport["depth"], lines: readonly string[]): CheckStep {
  const indexes = new Set<string>();
  const tables = new Set<string>();
  for (const line of lines) {
    const index = findDamagedIndex(line);
    const damagedTables = findDamagedTables(line);
    if (index !== undefined) indexes.add(index);
    else if (damagedTables) damagedTables.forEach((table) => tables.add(table));
    else return { kind: "give-up" };
  }
  if (indexes.size + tables.size === 0) return { kind: "give-up" };
  if (depth === "quick") return { kind: "look-closer" };
  if (indexes.size > 0) return { kind: "rebuild", indexes: [...indexes] };
  const movable = [...tables].filter((table) => !isEvidence(table));
  return movable.length > 0 ? { kind: "quarantine-damaged", tables: movable } : { kind: "report" };
}
