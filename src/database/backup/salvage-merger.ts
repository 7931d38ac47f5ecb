import type Database from "better-sqlite3";
import { selectExactRows, type ExactRow } from "../integrity/exact-row.ts";
import { copyToQuarantine } from "../integrity/quarantine.ts";
import {
  describeTable,
  isSameName,
  listForeignKeys,
  quoteName,
  type ForeignKey,
  type TableShape,
} from "../integrity/table-shape.ts";
import type { SqlValue, WriteTransaction } from "../operation.ts";
import { sqliteCodeOf } from "../sqlite/error-classification.ts";
import { STAGE } from "./salvage-reader.ts";

/** Rows that were salvaged, put into the restored database: all at once where they fit, else one by one. */

export interface MergeCounts {
  readonly insertedCount: number;
  readonly replacedCount: number;
  readonly setAsideCount: number;
  readonly unconfirmedCount: number;
}

/** Tables whose rows are about the file itself. */
const OWN_TABLES = ["schema_version", "quarantine"];
const ORPHAN_PORTION = 500;
/** A row that goes may have been the parent of others. */
const MAX_ORPHAN_ROUNDS = 16;

/** The asynchronous interface that the integrity operations are written for, on a connection of this process. */
export function asTransaction(database: Database.Database): WriteTransaction {
  return {
    get: async <R>(sql: string, ...parameters: readonly SqlValue[]) => database.prepare(sql).get(...parameters) as R,
    all: async <R>(sql: string, ...parameters: readonly SqlValue[]) => database.prepare(sql).all(...parameters) as R[],
    run: async (sql, ...parameters) => database.prepare(sql).run(...parameters),
  };
}

export class SalvageMerger {
  readonly #database: Database.Database;
  readonly #transaction: WriteTransaction;
  readonly #foundAt = Date.now();

  constructor(database: Database.Database) {
    this.#database = database;
    this.#transaction = asTransaction(database);
  }

  /** Parents before children. */
  async listTables(): Promise<string[]> {
    const names = this.#database
      .prepare<[], string>(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT GLOB 'sqlite_*' ORDER BY name",
      )
      .pluck()
      .all()
      .filter((name) => !OWN_TABLES.some((own) => isSameName(own, name)));
    return sortByParents(names, await listForeignKeys(this.#transaction));
  }

  /** What is staged goes into its table. */
  async merge(shape: TableShape, columns: readonly string[]): Promise<MergeCounts> {
    const statements = new MergeStatements(shape, columns, this.#listPrimaryKey(shape.name));
    this.#database.exec(statements.createIndex);
    const unconfirmedCount = this.#database.prepare(statements.countUnconfirmed).pluck().get() as number;
    try {
      const counts = this.#database.transaction(() => ({
        replacedCount: this.#database.prepare(statements.replace("")).run().changes,
        insertedCount: this.#database.prepare(statements.insert("")).run().changes,
      }))();
      return { ...counts, setAsideCount: 0, unconfirmedCount };
    } catch (error) {
      requireConstraint(error);
    }
    return { ...(await this.#mergeOneByOne(shape, columns, statements)), unconfirmedCount };
  }

  async #mergeOneByOne(
    shape: TableShape,
    columns: readonly string[],
    statements: MergeStatements,
  ): Promise<Omit<MergeCounts, "unconfirmedCount">> {
    let [insertedCount, replacedCount, setAsideCount] = [0, 0, 0];
    const replace = this.#database.prepare(statements.replace("s.rowid = ?"));
    const insert = this.#database.prepare(statements.insert("s.rowid = ?"));
    const ids = this.#database.prepare(`SELECT rowid FROM ${STAGE} ORDER BY rowid`).pluck().all() as number[];
    this.#database.exec("BEGIN");
    for (const id of ids) {
      try {
        replacedCount += replace.run(id).changes;
        insertedCount += insert.run(id).changes;
      } catch (error) {
        requireConstraint(error);
        await this.#setStagedAside(shape, columns, id, (error as Error).message);
        setAsideCount++;
      }
    }
    this.#database.exec("COMMIT");
    return { insertedCount, replacedCount, setAsideCount };
  }

  async #setStagedAside(shape: TableShape, columns: readonly string[], id: number, why: string): Promise<void> {
    const staged: TableShape = { ...shape, columns: columns.map((_, index) => `c${index}`), key: [] };
    const query = { from: `${STAGE} AS c`, where: "c.rowid = ?", parameters: [id], limit: 1 };
    for (const row of await selectExactRows(this.#transaction, staged, query)) {
      await this.#keep({ ...row, shape: { ...shape, columns } }, `salvaged from a damaged database: ${why}`);
    }
  }

  /** Rows that refer to nothing, by table: their parents could not be salvaged. */
  async setOrphansAside(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    const keys = (await listForeignKeys(this.#transaction)).filter(({ isParentThere }) => isParentThere);
    for (let round = 0; round < MAX_ORPHAN_ROUNDS; round++) {
      let movedCount = 0;
      for (const key of keys) {
        const moved = await this.#setOrphansOf(key);
        movedCount += moved;
        if (moved > 0) counts[key.table] = (counts[key.table] ?? 0) + moved;
      }
      if (movedCount === 0) break;
    }
    return counts;
  }

  async #setOrphansOf({ table, parent, columns }: ForeignKey): Promise<number> {
    const shape = (await describeTable(this.#transaction, table))!;
    const given = columns.map(({ from }) => `c.${quoteName(from)} IS NOT NULL`).join(" AND ");
    const match = columns.map(({ from, to }) => `p.${quoteName(to)} = c.${quoteName(from)}`).join(" AND ");
    const where = `${given} AND NOT EXISTS (SELECT 1 FROM main.${quoteName(parent)} AS p WHERE ${match})`;
    let count = 0;
    for (;;) {
      const query = { from: `main.${quoteName(table)} AS c`, where, limit: ORPHAN_PORTION };
      const rows = await selectExactRows(this.#transaction, { ...shape, key: [] }, query);
      if (rows.length === 0) return count;
      for (const row of rows) {
        await this.#keep(row, `salvaged from a damaged database: it refers to a row of ${parent} that was lost`);
      }
      const keyList = shape.key.map((name) => `c.${quoteName(name)}`).join(", ");
      const target = shape.key.map(quoteName).join(", ");
      const orphans = `SELECT ${keyList} FROM main.${quoteName(table)} AS c WHERE ${where} LIMIT ${ORPHAN_PORTION}`;
      this.#database.prepare(`DELETE FROM main.${quoteName(table)} WHERE (${target}) IN (${orphans})`).run();
      count += rows.length;
    }
  }

  /** A database without the table for it has no place for such rows; they stay in the damaged file, which is kept. */
  async #keep(row: ExactRow, reason: string): Promise<void> {
    const hasQuarantine =
      this.#database.prepare("SELECT 1 FROM main.sqlite_schema WHERE name = 'quarantine'").get() !== undefined;
    if (hasQuarantine) await copyToQuarantine(this.#transaction, row, { reason, foundAt: this.#foundAt });
  }

  #listPrimaryKey(table: string): string[] {
    return this.#database
      .prepare<[string], string>("SELECT name FROM pragma_table_info(?, 'main') WHERE pk > 0 ORDER BY pk")
      .pluck()
      .all(table);
  }
}

/** A row is the same one when its declared key is; without one, when its rowid is. */
class MergeStatements {
  readonly #table: string;
  readonly #identity: readonly string[];
  readonly #match: string;
  readonly #targets: readonly string[];
  readonly #sources: readonly string[];

  constructor(shape: TableShape, columns: readonly string[], primaryKey: readonly string[]) {
    const sourceOf = (name: string): string => `s.c${columns.indexOf(name)}`;
    const isByKey = primaryKey.length > 0 && primaryKey.every((name) => columns.includes(name));
    const identity = isByKey
      ? primaryKey.map((name) => [name, sourceOf(name)] as const)
      : shape.key.map((name, index) => [name, `s.k${index}`] as const);
    const given = isByKey || !shape.hasRowid ? [] : shape.key;
    this.#table = `main.${quoteName(shape.name)}`;
    this.#identity = identity.map(([, source]) => source.slice("s.".length));
    this.#match = identity.map(([name, source]) => `m.${quoteName(name)} IS ${source}`).join(" AND ");
    this.#targets = [...given, ...columns].map(quoteName);
    this.#sources = [...given.map((_, index) => `s.k${index}`), ...columns.map(sourceOf)];
  }

  /** Looking a row up by its key would read all that is staged otherwise. */
  get createIndex(): string {
    return `CREATE INDEX temp.stage_identity ON stage (${this.#identity.join(", ")})`;
  }

  get countUnconfirmed(): string {
    return `SELECT count(*) FROM ${this.#table} AS m WHERE NOT EXISTS (SELECT 1 FROM ${STAGE} AS s WHERE ${this.#match})`;
  }

  insert(which: string): string {
    const isMissing = `NOT EXISTS (SELECT 1 FROM ${this.#table} AS m WHERE ${this.#match})`;
    return `INSERT INTO ${this.#table} (${this.#targets.join(", ")}) SELECT ${this.#sources.join(", ")}
      FROM ${STAGE} AS s WHERE ${[isMissing, ...(which === "" ? [] : [which])].join(" AND ")}`;
  }

  replace(which: string): string {
    const set = this.#targets.map((name, index) => `${name} = ${this.#sources[index]!}`).join(", ");
    const differs = this.#targets.map((name, index) => `m.${name} IS NOT ${this.#sources[index]!}`).join(" OR ");
    const conditions = [this.#match, `(${differs})`, ...(which === "" ? [] : [which])];
    return `UPDATE ${this.#table} AS m SET ${set} FROM ${STAGE} AS s WHERE ${conditions.join(" AND ")}`;
  }
}

function sortByParents(names: readonly string[], keys: readonly ForeignKey[]): string[] {
  const sorted: string[] = [];
  const visit = (name: string, trail: readonly string[]): void => {
    if (sorted.includes(name) || trail.includes(name) || !names.includes(name)) return;
    for (const { parent } of keys.filter(({ table }) => table === name)) visit(parent, [...trail, name]);
    sorted.push(name);
  };
  for (const name of names) visit(name, []);
  return sorted;
}

function requireConstraint(error: unknown): void {
  if (!/^SQLITE_(?:CONSTRAINT|MISMATCH|TOOBIG)/.test(sqliteCodeOf(error) ?? "")) throw error;
}
