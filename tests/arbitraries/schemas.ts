import fc from "fast-check";
import { tableBackupName, type SchemaVersion } from "../../src/database/schema/schema-version.ts";

/**
 * Histories of schemas: versions that create, extend, rebuild and change tables, indexes, views and triggers, with what
 * becomes of the rows. Everything is worked out on a model, so that what SQLite makes of it can be held against that.
 */

export type Value = string | number | null;
export type ModelRow = Readonly<Record<string, Value>>;
/** Rows by table, in the order of their ids. */
export type Rows = Readonly<Record<string, readonly ModelRow[]>>;

export interface ModelColumn {
  readonly name: string;
  readonly type: "INTEGER" | "TEXT" | "REAL";
  readonly isRequired: boolean;
  readonly fallback: Value;
  readonly parent?: string;
}

interface ModelTable {
  readonly name: string;
  /** Besides `id INTEGER PRIMARY KEY`. */
  readonly columns: readonly ModelColumn[];
  readonly indexes: readonly { readonly name: string; readonly column: string }[];
  /** Views and triggers on it. */
  readonly dependentCount: number;
}

export interface Model {
  readonly tables: readonly ModelTable[];
}

export interface HistoryStep {
  readonly version: SchemaVersion;
  /** The schema after it. */
  readonly model: Model;
  /** What it makes of the rows. */
  readonly migrateRows: (rows: Rows) => Rows;
}

interface Change {
  readonly up: readonly string[];
  readonly down: readonly string[];
  readonly model: Model;
  readonly migrateRows: (rows: Rows) => Rows;
  /** The table whose content it changes or takes away. */
  readonly touched?: string;
}

interface Seed {
  readonly kind: (typeof KINDS)[number];
  readonly table: number;
  readonly column: number;
  readonly type: ModelColumn["type"];
  readonly isRequired: boolean;
  readonly number: number;
}

const KINDS = [
  ...(["create-table", "add-column", "add-column", "create-index", "create-view", "create-trigger"] as const),
  ...(["rename-column", "drop-column", "rebuild", "update-rows", "drop-index"] as const),
];

const seed: fc.Arbitrary<Seed> = fc.record({
  kind: fc.constantFrom(...KINDS),
  table: fc.nat(9),
  column: fc.nat(9),
  type: fc.constantFrom("INTEGER", "TEXT", "REAL"),
  isRequired: fc.boolean(),
  number: fc.nat(99),
});

const stepSeeds = fc.record({
  changes: fc.array(seed, { minLength: 1, maxLength: 4 }),
  hasBackups: fc.boolean(),
});

/** Of two to five versions, the first of which creates a table. */
export const history: fc.Arbitrary<readonly HistoryStep[]> = fc
  .tuple(seed, fc.array(stepSeeds, { minLength: 2, maxLength: 5 }))
  .map(([first, steps]) => {
    const result: HistoryStep[] = [];
    for (const [index, { changes, hasBackups }] of steps.entries()) {
      const model = result.at(-1)?.model ?? { tables: [] };
      const seeds = index === 0 ? [{ ...first, kind: "create-table" } as const, ...changes] : changes;
      result.push(createStep(index + 1, model, seeds, hasBackups));
    }
    return result;
  });

/** Up to `count` rows for each table; those that refer to another refer to one of its rows, or to none. */
export function createRows({ tables }: Model, count: number, number: number): Rows {
  const rows: Record<string, ModelRow[]> = {};
  for (const [place, { name, columns }] of tables.entries()) {
    rows[name] = Array.from({ length: (count + place) % 5 }, (_, index) => {
      const values = columns.map((column, at) => [column.name, createValue(column, rows, index * 7 + at + number)]);
      return { id: index + 1, ...(Object.fromEntries(values) as ModelRow) };
    });
  }
  return rows;
}

function createValue({ type, isRequired, parent }: ModelColumn, rows: Rows, number: number): Value {
  if (parent !== undefined) return number % 3 === 0 ? (rows[parent]?.[0]?.id ?? null) : null;
  if (!isRequired && number % 4 === 0) return null;
  if (type === "TEXT") return `value ${number} "'`;
  return type === "REAL" ? number + 0.5 : number * 1_000_003;
}

function createStep(version: number, model: Model, seeds: readonly Seed[], hasBackups: boolean): HistoryStep {
  const changes: Change[] = [];
  for (const [place, seedOfChange] of seeds.entries()) {
    const current = changes.at(-1)?.model ?? model;
    changes.push(createChange(seedOfChange, current, `${version}_${place}`, version));
  }
  const existing = model.tables.map(({ name }) => name);
  const touched = changes.flatMap(({ touched: table }) => (table === undefined ? [] : [table]));
  const backupTables = existing.filter((name) => hasBackups || touched.includes(name));
  return {
    version: {
      version,
      description: `version ${version}`,
      migrations: changes.flatMap(({ up }) => up),
      rollbackQueries: changes.toReversed().flatMap(({ down }) => down),
      ...(backupTables.length > 0 ? { backupTables } : {}),
    },
    model: changes.at(-1)!.model,
    migrateRows: (rows) => changes.reduce((result, { migrateRows }) => migrateRows(result), rows),
  };
}

function columnSql({ name, type, isRequired, fallback, parent }: ModelColumn): string {
  if (parent !== undefined) return `${name} INTEGER REFERENCES ${parent} (id)`;
  return `${name} ${type}${isRequired ? " NOT NULL" : ""}${fallback === null ? "" : ` DEFAULT ${literal(fallback)}`}`;
}

function literal(value: Value): string {
  return typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : String(value);
}

function newColumn({ type, isRequired, number }: Seed, name: string): ModelColumn {
  const fallback = type === "TEXT" ? `it's ${number}` : type === "REAL" ? number + 0.25 : number;
  return { name, type, isRequired, fallback: isRequired || number % 2 === 0 ? fallback : null };
}

function createChange(from: Seed, model: Model, suffix: string, version: number): Change {
  const table = model.tables[from.table % Math.max(1, model.tables.length)];
  const own = table?.columns[from.column % Math.max(1, table.columns.length)];
  const replaceTable = (changed: ModelTable): Model => ({
    tables: model.tables.map((other) => (other.name === changed.name ? changed : other)),
  });
  const same = (rows: Rows): Rows => rows;
  const mapRows =
    (change: (row: ModelRow) => ModelRow) =>
    (rows: Rows): Rows => ({ ...rows, [table!.name]: (rows[table!.name] ?? []).map(change) });
  const added = newColumn(from, `c${suffix}`);

  if (table && own) {
    const isIndexed = table.indexes.some(({ column }) => column === own.name);
    const last = table.columns.at(-1)!;
    const isLastFree = last.parent === undefined && !table.indexes.some(({ column }) => column === last.name);
    switch (from.kind) {
      case "create-index": {
        const index = { name: `i${suffix}`, column: own.name };
        return {
          up: [`CREATE INDEX ${index.name} ON ${table.name} (${own.name}, id)`],
          down: [`DROP INDEX ${index.name}`],
          model: replaceTable({ ...table, indexes: [...table.indexes, index] }),
          migrateRows: same,
        };
      }
      case "drop-index": {
        const [index] = table.indexes;
        if (!index) break;
        return {
          up: [`DROP INDEX ${index.name}`],
          down: [`CREATE INDEX ${index.name} ON ${table.name} (${index.column}, id)`],
          model: replaceTable({ ...table, indexes: table.indexes.slice(1) }),
          migrateRows: same,
        };
      }
      case "create-view":
      case "create-trigger": {
        const isView = from.kind === "create-view";
        const name = `${isView ? "v" : "t"}${suffix}`;
        return {
          up: [
            isView
              ? `CREATE VIEW ${name} AS SELECT id, ${from.number} AS n FROM ${table.name}`
              : `CREATE TRIGGER ${name} AFTER DELETE ON ${table.name} BEGIN DELETE FROM ${table.name} WHERE id = -1; END`,
          ],
          down: [`DROP ${isView ? "VIEW" : "TRIGGER"} ${name}`],
          model: replaceTable({ ...table, dependentCount: table.dependentCount + 1 }),
          migrateRows: same,
        };
      }
      case "rename-column": {
        const renamed = { ...own, name: `r${suffix}` };
        return {
          up: [`ALTER TABLE ${table.name} RENAME COLUMN ${own.name} TO ${renamed.name}`],
          down: [`ALTER TABLE ${table.name} RENAME COLUMN ${renamed.name} TO ${own.name}`],
          model: replaceTable({
            ...table,
            columns: table.columns.map((column) => (column === own ? renamed : column)),
            indexes: table.indexes.map((index) =>
              index.column === own.name ? { ...index, column: renamed.name } : index,
            ),
          }),
          migrateRows: mapRows(({ [own.name]: value = null, ...row }) => ({ ...row, [renamed.name]: value })),
        };
      }
      case "drop-column": {
        // A rollback brings a column back at the end only.
        if (!isLastFree || table.columns.length === 1) break;
        return {
          up: [`ALTER TABLE ${table.name} DROP COLUMN ${last.name}`],
          down:
            last.isRequired && last.fallback === null
              ? []
              : [`ALTER TABLE ${table.name} ADD COLUMN ${columnSql(last)}`],
          model: replaceTable({ ...table, columns: table.columns.slice(0, -1) }),
          migrateRows: mapRows(({ [last.name]: _dropped, ...row }) => row),
          touched: table.name,
        };
      }
      case "rebuild": {
        if (table.dependentCount > 0) break;
        const columns = [added, ...table.columns];
        const names = ["id", ...table.columns.map(({ name }) => name)].join(", ");
        const rebuild = (definition: readonly ModelColumn[]): string[] => [
          `CREATE TABLE n${suffix} (id INTEGER PRIMARY KEY, ${definition.map(columnSql).join(", ")})`,
          `INSERT INTO n${suffix} (${names}) SELECT ${names} FROM ${table.name}`,
          `DROP TABLE ${table.name}`,
          `ALTER TABLE n${suffix} RENAME TO ${table.name}`,
          ...table.indexes.map(({ name, column }) => `CREATE INDEX ${name} ON ${table.name} (${column}, id)`),
        ];
        return {
          up: rebuild(columns),
          down: rebuild(table.columns),
          model: replaceTable({ ...table, columns }),
          migrateRows: mapRows((row) => ({ ...row, [added.name]: added.fallback })),
          touched: table.name,
        };
      }
      case "update-rows": {
        // A copy of the table knows the column by its former name.
        if (own.parent !== undefined || isIndexed || own.name.startsWith(`r${version}_`)) break;
        const value = newColumn({ ...from, type: own.type, isRequired: true }, "").fallback;
        const copy = tableBackupName(table.name, version);
        const isNew = table.name.startsWith(`tab${version}_`) || own.name.startsWith(`c${version}_`);
        return {
          up: [`UPDATE ${table.name} SET ${own.name} = ${literal(value)}`],
          down: isNew
            ? []
            : [
                `UPDATE ${table.name} SET ${own.name} = copy.${own.name} FROM ${copy} AS copy WHERE copy.id = ${table.name}.id`,
              ],
          model,
          migrateRows: mapRows((row) => ({ ...row, [own.name]: value })),
          touched: table.name,
        };
      }
      case "add-column":
        return {
          up: [`ALTER TABLE ${table.name} ADD COLUMN ${columnSql(added)}`],
          down: [`ALTER TABLE ${table.name} DROP COLUMN ${added.name}`],
          model: replaceTable({ ...table, columns: [...table.columns, added] }),
          migrateRows: mapRows((row) => ({ ...row, [added.name]: added.fallback })),
        };
      case "create-table":
    }
  }
  const reference: ModelColumn[] =
    table && from.number % 2 === 0
      ? [{ name: `p${suffix}`, type: "INTEGER", isRequired: false, fallback: null, parent: table.name }]
      : [];
  const created: ModelTable = {
    ...{ name: `tab${suffix}`, columns: [added, ...reference], indexes: [], dependentCount: 0 },
  };
  return {
    up: [`CREATE TABLE ${created.name} (id INTEGER PRIMARY KEY, ${created.columns.map(columnSql).join(", ")})`],
    down: [`DROP TABLE ${created.name}`],
    model: { tables: [...model.tables, created] },
    migrateRows: (rows) => ({ ...rows, [created.name]: [] }),
  };
}
