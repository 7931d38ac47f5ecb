/**
 * What a query plan says against a statement. Only for statements that were slow: where a table is small, reading all of
 * it is the best there is, and no plan says how small it is.
 */

const IDENTIFIER = /^[a-z_]\w*$/i;

/** What an index would have to cover, as `table (columns)`, where the plan reads a whole table or sorts; else undefined. */
export function findMissingIndex(sql: string, plan: readonly string[]): string | undefined {
  // What a subquery gives is a table of the plan's own.
  const derived = plan.map((line) => /^(?:CO-ROUTINE|MATERIALIZE) (\S+)/.exec(line)?.[1]);
  const findings = plan.flatMap((line) => {
    const automatic = /^SEARCH (\S+) .*USING AUTOMATIC .*INDEX \((.*)\)/.exec(line);
    // SQLite builds one for the one query, and throws it away.
    if (automatic) return describe(resolveAlias(sql, automatic[1]!), columnNames(automatic[2]!));
    const scan = /^SCAN (\S+)(?: USING (?:COVERING )?INDEX \S+)?$/.exec(line)?.[1];
    if (scan === undefined || !IDENTIFIER.test(scan) || derived.includes(scan)) return [];
    const columns = listFilterColumns(sql, scan);
    // Whoever wants all rows has to read them.
    return columns.length === 0 ? [] : describe(resolveAlias(sql, scan), columns);
  });
  const sorted = plan.some((line) => line.startsWith("USE TEMP B-TREE FOR ORDER BY")) ? listOrderColumns(sql) : [];
  if (findings.length === 0 && sorted.length > 0) {
    const outer = sql.replace(/\(\s*SELECT\b[^()]*\)/gi, "()");
    // None when it sorts what a subquery gives.
    const table = /\bFROM\s+([a-z_]\w*)/i.exec(outer)?.[1];
    if (table) findings.push(...describe(table, [...listFilterColumns(outer, table), ...sorted]));
  }
  return findings.length === 0 ? undefined : [...new Set(findings)].join(", ");
}

function describe(table: string, columns: readonly string[]): string[] {
  return [`${table} (${[...new Set(columns)].join(", ")})`];
}

/** Columns of the table, or of nobody in particular, that the conditions compare. */
function listFilterColumns(sql: string, table: string): string[] {
  const conditions = sql
    .replace(/'[^']*'/g, "''")
    .split(/\b(?:WHERE|ON)\b/i)
    .slice(1)
    .join(" ");
  const compared = /(?:\b([a-z_]\w*)\.)?\b([a-z_]\w*)\s*(?:=|<>|<=?|>=?|\bIN\b|\bIS\b|\bBETWEEN\b|\bLIKE\b|\bGLOB\b)/gi;
  return [...conditions.matchAll(compared)]
    .filter(([, owner]) => owner === undefined || owner === table)
    .map(([, , column]) => column!)
    .filter((column) => !/^(NOT|AND|OR|EXISTS)$/i.test(column));
}

function listOrderColumns(sql: string): string[] {
  const order = /\bORDER BY\s+([^()]+?)(?:\bLIMIT\b.*)?$/is.exec(sql)?.[1] ?? "";
  return order
    .split(",")
    .map((term) => /^\s*(?:\w+\.)?([a-z_]\w*)/i.exec(term)?.[1])
    .filter((column) => column !== undefined);
}

function columnNames(terms: string): string[] {
  return terms.split(/\s+AND\s+/).flatMap((term) => /^\w+/.exec(term)?.[0] ?? []);
}

/** Plans name a table as the statement does. */
function resolveAlias(sql: string, name: string): string {
  const table = new RegExp(`\\b([a-z_]\\w*)\\s+(?:AS\\s+)?${name}\\b`, "i").exec(sql)?.[1];
  return table === undefined || /^(FROM|JOIN|UPDATE|INTO|AS)$/i.test(table) ? name : table;
}
