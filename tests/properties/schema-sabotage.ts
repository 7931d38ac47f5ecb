import type Database from "better-sqlite3";
import type { SchemaDifference } from "../../src/database/schema/schema-description.ts";

/** Everything that can be done to one object of a schema behind the program's back, and what has to come of it. */

export interface StoredObject {
  readonly type: SchemaDifference["type"];
  readonly name: string;
  readonly sql: string;
}

export interface Sabotage extends Pick<SchemaDifference, "type" | "name" | "kind"> {
  readonly sql: readonly string[];
  readonly remedy: "refused" | "repaired" | "kept";
}

/** Writings of an object that mean something else, each as what is replaced by what. */
const REWRITINGS: Readonly<Record<StoredObject["type"], readonly (readonly [RegExp, string])[]>> = {
  table: [
    [/\bTEXT\b/g, "BLOB"],
    [/\bINTEGER(?! PRIMARY)\b/g, "REAL"],
    [/ NOT NULL/g, ""],
    [/\bDEFAULT /g, "DEFAULT -"],
    [/CHECK \(/g, "CHECK (1 OR "],
    [/ ON DELETE CASCADE/g, ""],
    [/ON DELETE CASCADE/g, "ON DELETE RESTRICT"],
    [/ REFERENCES \w+ \(\w+\)/g, ""],
    // Inside a literal white space and capitals count.
    [/([a-z])'/g, "$1 '"],
    [/(['(])([a-z])(?=[a-z]*')/g, "$1X$2"],
    [/\bSTRICT\b(?!,)/g, ""],
  ],
  index: [
    [/\)/g, " DESC)"],
    [/ WHERE .*/g, ""],
    [/$/g, " WHERE 1"],
    [/CREATE INDEX/g, "CREATE UNIQUE INDEX"],
    [/ IS NOT NULL/g, " IS NULL"],
  ],
  view: [
    [/$/g, " WHERE 1"],
    [/SELECT /g, "SELECT DISTINCT "],
  ],
  trigger: [
    [/AFTER/g, "BEFORE"],
    [/DELETE ON/g, "INSERT ON"],
    [/BEGIN /g, "BEGIN SELECT 1; "],
    [/-1/g, "-2"],
  ],
};

const ADDITIONS: readonly ((table: string, column: string) => Omit<Sabotage, "kind">)[] = [
  (table, column) => add("index", "kept", `x ON ${table} (${column} DESC)`),
  (table, column) => add("index", "refused", `x ON ${table} (${column}) WHERE ${column} IS NOT NULL`),
  (table, column) => add("index", "refused", `x ON ${table} (abs(${column}))`),
  (table, column) => ({
    ...{ type: "index", name: "x", remedy: "refused" },
    sql: [`CREATE UNIQUE INDEX x ON ${table} (${column})`],
  }),
  (table) => add("trigger", "refused", `x AFTER UPDATE ON ${table} BEGIN SELECT 1; END`),
  (table) => add("view", "kept", `x AS SELECT * FROM ${table}`),
  (table) => add("table", "refused", `x AS SELECT * FROM ${table}`),
];

function add(type: StoredObject["type"], remedy: Sabotage["remedy"], rest: string): Omit<Sabotage, "kind"> {
  return { type, name: "x", remedy, sql: [`CREATE ${type.toUpperCase()} ${rest}`] };
}

export function listObjects(raw: Database.Database): StoredObject[] {
  return raw
    .prepare<[], StoredObject>(
      `SELECT type, name, sql FROM sqlite_schema
       WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_backup\\_%' ESCAPE '\\'
       ORDER BY type, name`,
    )
    .all();
}

/** All that can be done to this object; of rewritings, one for each place where it can be done. */
export function listSabotages(raw: Database.Database, { type, name, sql }: StoredObject): Sabotage[] {
  const dropped: Sabotage = {
    ...{ type, name, kind: "missing", remedy: type === "table" ? "refused" : "repaired" },
    sql: [`DROP ${type.toUpperCase()} ${name}`],
  };
  const rewritten = REWRITINGS[type].flatMap(([pattern, replacement]) =>
    [...sql.matchAll(pattern)].flatMap((match): Sabotage[] => {
      const [found] = match;
      const instead = found.replace(new RegExp(pattern.source), replacement);
      const other = sql.slice(0, match.index) + instead + sql.slice(match.index + found.length);
      if (other === sql || !isValid(raw, { type, name, sql: other })) return [];
      return [{ type, name, kind: "different", remedy: "refused", sql: rewrite(name, type, other) }];
    }),
  );
  // Without its history the database is another program's.
  if (name === "schema_version") return rewritten;
  if (type !== "table") return [dropped, ...rewritten];
  const columns = raw.prepare<[string], string>("SELECT name FROM pragma_table_info(?)").pluck().all(name);
  const column = columns[columns.length >> 1]!;
  const changed = { type, name, remedy: "refused" } as const;
  return [
    dropped,
    ...rewritten,
    { ...changed, kind: "different", sql: [`ALTER TABLE ${name} ADD COLUMN x TEXT`] },
    { ...changed, kind: "different", sql: [`ALTER TABLE ${name} RENAME COLUMN ${column} TO x`] },
    { ...changed, kind: "missing", sql: [`ALTER TABLE ${name} RENAME TO x`] },
    ...ADDITIONS.map((make): Sabotage => ({ ...make(name, column), kind: "unexpected" })),
  ];
}

export function commit(raw: Database.Database, { sql }: Sabotage): void {
  raw.unsafeMode();
  raw.pragma("foreign_keys = OFF");
  raw.pragma("synchronous = OFF");
  for (const statement of sql) raw.exec(statement);
}

/** Whether the object could have been made like this; an unreadable schema is another kind of damage. */
function isValid(raw: Database.Database, { type, name, sql }: StoredObject): boolean {
  raw.pragma("foreign_keys = OFF");
  raw.exec("BEGIN");
  try {
    raw.exec(`DROP ${type.toUpperCase()} ${name}`);
    raw.exec(sql);
    return true;
  } catch {
    return false;
  } finally {
    raw.exec("ROLLBACK");
  }
}

function rewrite(name: string, type: string, sql: string): string[] {
  const text = sql.replaceAll("'", "''");
  return [
    "PRAGMA writable_schema = ON",
    `UPDATE sqlite_schema SET sql = '${text}' WHERE name = '${name}' AND type = '${type}'`,
    "PRAGMA writable_schema = RESET",
  ];
}
