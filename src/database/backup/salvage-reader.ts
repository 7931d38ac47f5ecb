import type Database from "better-sqlite3";
import { quoteName, type TableShape } from "../integrity/table-shape.ts";
import { sqliteCodeOf } from "../sqlite/error-classification.ts";

/**
 * Reads what can be read of a table in a damaged database, around what cannot: from both ends up to the damage, in
 * portions that shrink to a single row before it; then into the gap at the keys that other places tell of (the table's
 * own indexes, and the same table of a backup), and, where the key is a number, by halving. Rows go from SQLite to SQLite
 * and never through this program, so each arrives to the last bit or not at all.
 */

/** The table that takes what was read: the key's columns first, then all columns. */
export const STAGE = "temp.stage";
const PORTION_ROWS = 512;
/** A gap in which everything is lost is as large as it is: no more looks into one than this. */
const MAX_PROBES = 20_000;
const MAX_CANDIDATES = 100_000;

export type KeyValue = bigint | string | number | Buffer | null;
type Key = readonly KeyValue[];

export interface TableReading {
  readonly readCount: number;
  /** Rows that an index tells of and that could not be read; undefined = nobody knows how many there were. */
  readonly unreadableCount: number | undefined;
  /** Read from one end to the other without a fault. */
  readonly isWhole: boolean;
  readonly isTimeUp: boolean;
}

export interface StageOptions {
  /** The database with the damaged one attached as `damaged`. */
  readonly database: Database.Database;
  readonly shape: TableShape;
  /** Columns that both have. */
  readonly columns: readonly string[];
  readonly isTimeUp: () => boolean;
}

/** What is no fault of the file is thrown. */
export function stageTable(options: StageOptions): TableReading {
  return new TableReader(options).read();
}

type Direction = "up" | "down";
type Bound = { readonly key: Key; readonly isIncluded: boolean };

class TableReader {
  readonly #options: StageOptions;
  readonly #source: string;
  readonly #keyList: string;
  readonly #stagedKeys: string;
  readonly #statements = new Map<string, Database.Statement>();
  #probeCount = 0;

  constructor(options: StageOptions) {
    const { shape } = options;
    this.#options = options;
    this.#source = `damaged.${quoteName(shape.name)}`;
    this.#keyList = shape.key.map(quoteName).join(", ");
    this.#stagedKeys = shape.key.map((_, index) => `k${index}`).join(", ");
  }

  read(): TableReading {
    this.#createStage();
    const isWhole = this.#walk("up", undefined, undefined) && this.#hasAll();
    if (!isWhole && !this.#isTimeUp) {
      const below = this.#lastStaged("DESC");
      this.#walk("down", undefined, below && { key: below, isIncluded: false });
      this.#readGap(below);
    }
    const { readCount } = this.#options.database
      .prepare<[], { readCount: number }>(`SELECT count(*) AS readCount FROM ${STAGE}`)
      .get()!;
    return {
      readCount,
      unreadableCount: isWhole ? 0 : this.#countUnreadable(),
      ...{ isWhole, isTimeUp: this.#isTimeUp },
    };
  }

  get #isTimeUp(): boolean {
    return this.#options.isTimeUp();
  }

  /** A key that was damaged may have led past rows that are there: counting goes from page to page, not by keys. */
  #hasAll(): boolean {
    const count = (table: string): unknown =>
      this.#options.database.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
    try {
      return count(`${this.#source} NOT INDEXED`) === count(STAGE);
    } catch (error) {
      requireDamage(error);
      return false;
    }
  }

  #createStage(): void {
    const { database, shape, columns } = this.#options;
    database.exec(`DROP TABLE IF EXISTS ${STAGE}`);
    const keys = shape.key.map((_, index) => `k${index}`);
    const values = columns.map((_, index) => `c${index}`);
    // Without types, so that every value stays what it is.
    database.exec(`CREATE TABLE ${STAGE} (${[...keys, ...values].join(", ")}, UNIQUE (${keys.join(", ")}))`);
  }

  /** Stages rows from a bound on, in one direction, to the other bound or the end; false when it comes upon damage. */
  #walk(direction: Direction, from: Bound | undefined, to: Bound | undefined, firstRows = PORTION_ROWS): boolean {
    let [start, rows] = [from, firstRows];
    let isNear = false;
    while (!this.#isTimeUp) {
      const last = this.#stagePortion(direction, start, to, rows);
      if (last === "end") return true;
      if (last === "damaged") {
        if (rows === 1) return false;
        isNear = true;
        rows = Math.max(1, Math.floor(rows / 8));
      } else {
        start = { key: last, isIncluded: false };
        if (!isNear) rows = Math.min(PORTION_ROWS, rows * 8);
      }
    }
    return false;
  }

  #stagePortion(
    direction: Direction,
    from: Bound | undefined,
    to: Bound | undefined,
    rows: number,
  ): Key | "end" | "damaged" {
    const { shape, columns } = this.#options;
    const [after, before, order] = direction === "up" ? [">", "<", "ASC"] : ["<", ">", "DESC"];
    const conditions = [
      ...(from ? [this.#compare(from.isIncluded ? `${after}=` : after)] : []),
      ...(to ? [this.#compare(to.isIncluded ? `${before}=` : before)] : []),
    ];
    const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
    const ordered = shape.key.map((name) => `${quoteName(name)} ${order}`).join(", ");
    const selected = [...shape.key, ...columns].map(quoteName).join(", ");
    const parameters = [...(from?.key ?? []), ...(to?.key ?? [])];
    try {
      const { changes } = this.#prepare(
        `INSERT OR IGNORE INTO ${STAGE} SELECT ${selected} FROM ${this.#source} ${where} ORDER BY ${ordered} LIMIT ${rows}`,
      ).run(...parameters);
      // What is staged already was read by a walk of its own, which went on from there.
      if (changes === 0) return "end";
      return this.#prepare(`SELECT ${this.#stagedKeys} FROM ${STAGE} ORDER BY rowid DESC LIMIT 1`).raw().get() as Key;
    } catch (error) {
      requireDamage(error);
      return "damaged";
    }
  }

  /** The same few statements run thousands of times. */
  #prepare(sql: string): Database.Statement {
    const known = this.#statements.get(sql) ?? this.#options.database.prepare(sql).safeIntegers();
    this.#statements.set(sql, known);
    return known;
  }

  #compare(operator: string): string {
    const { shape } = this.#options;
    return `(${this.#keyList}) ${operator} (${shape.key.map(() => "?").join(", ")})`;
  }

  #lastStaged(order: "ASC" | "DESC", above?: Key): Key | undefined {
    const { database, shape } = this.#options;
    const marks = shape.key.map(() => "?").join(", ");
    const where = above ? `WHERE (${this.#stagedKeys}) > (${marks})` : "";
    const ordered = shape.key.map((_, index) => `k${index} ${order}`).join(", ");
    return database
      .prepare(`SELECT ${this.#stagedKeys} FROM ${STAGE} ${where} ORDER BY ${ordered} LIMIT 1`)
      .safeIntegers()
      .raw()
      .get(...(above ?? [])) as Key | undefined;
  }

  /** Between what was read from the one end and from the other. */
  #readGap(below: Key | undefined): void {
    const above = below ? this.#lastStaged("ASC", below) : this.#lastStaged("ASC");
    const to = above && { key: above, isIncluded: false };
    for (const key of this.#listCandidates()) {
      if (this.#isSpent) return;
      if (this.#isStaged(key) || !this.#mayBeThere(key)) continue;
      this.#probe({ key, isIncluded: true }, to);
    }
    const [low, high] = [below?.[0], above?.[0]];
    if (!this.#options.shape.hasRowid || this.#options.shape.key.length !== 1) return;
    this.#halve(typeof low === "bigint" ? low : 0n, typeof high === "bigint" ? high : this.#guessEnd(low));
  }

  /** Where nothing tells how far a table reached: no further than twice what is known of it. */
  #guessEnd(low: KeyValue | undefined): bigint {
    return (typeof low === "bigint" ? low : 0n) * 2n + 1_000n;
  }

  #halve(low: bigint, high: bigint): void {
    if (high - low < 2n || this.#isSpent) return;
    const middle = low + (high - low) / 2n;
    const before = this.#probeCount;
    this.#probe({ key: [middle], isIncluded: true }, { key: [high], isIncluded: false });
    const [end] = this.#lastBelow(high) ?? [];
    const reached = typeof end === "bigint" && end >= middle ? end : middle;
    if (this.#probeCount === before) return;
    this.#halve(low, middle);
    this.#halve(reached, high);
  }

  #lastBelow(high: bigint): Key | undefined {
    return this.#options.database
      .prepare(`SELECT max(k0) FROM ${STAGE} WHERE k0 < ?`)
      .safeIntegers()
      .raw()
      .get(high) as Key | undefined;
  }

  #probe(from: Bound, to: Bound | undefined): void {
    this.#probeCount++;
    this.#walk("up", from, to, 1);
  }

  get #isSpent(): boolean {
    return this.#isTimeUp || this.#probeCount >= MAX_PROBES;
  }

  #isStaged(key: Key): boolean {
    const where = key.map((_, index) => `k${index} IS ?`).join(" AND ");
    return this.#prepare(`SELECT 1 FROM ${STAGE} WHERE ${where}`).get(...key) !== undefined;
  }

  #mayBeThere(key: Key): boolean {
    return key.every((value) => value !== null);
  }

  /** Keys of the table, from its indexes and from the backup's, in no order. */
  #listCandidates(): Key[] {
    const { shape } = this.#options;
    const keys = this.#listIndexes().flatMap((index) => this.#readKeys(`${this.#source} INDEXED BY ${index}`));
    keys.push(...this.#readKeys(`main.${quoteName(shape.name)}`));
    return keys;
  }

  #countUnreadable(): number | undefined {
    const counts = this.#listIndexes().map((index) => {
      const keys = this.#readKeys(`${this.#source} INDEXED BY ${index}`);
      return keys.length === 0 ? undefined : keys.filter((key) => !this.#isStaged(key)).length;
    });
    const known = counts.filter((count) => count !== undefined);
    return known.length === 0 ? undefined : Math.max(...known);
  }

  #listIndexes(): string[] {
    try {
      return this.#options.database
        .prepare<[string], string>(
          "SELECT name FROM pragma_index_list(?, 'damaged') WHERE partial = 0 AND origin <> 'pk'",
        )
        .pluck()
        .all(this.#options.shape.name)
        .concat(this.#options.shape.hasRowid ? this.#listPrimaryIndexes() : [])
        .map(quoteName);
    } catch (error) {
      requireDamage(error);
      return [];
    }
  }

  #listPrimaryIndexes(): string[] {
    return this.#options.database
      .prepare<[string], string>("SELECT name FROM pragma_index_list(?, 'damaged') WHERE origin = 'pk'")
      .pluck()
      .all(this.#options.shape.name);
  }

  /** As many as come before a fault. */
  #readKeys(from: string): Key[] {
    const keys: Key[] = [];
    try {
      const rows = this.#options.database.prepare(`SELECT ${this.#keyList} FROM ${from}`).safeIntegers().raw();
      for (const row of rows.iterate() as IterableIterator<KeyValue[]>) {
        keys.push(row);
        if (keys.length >= MAX_CANDIDATES) break;
      }
    } catch (error) {
      requireDamage(error);
    }
    return keys;
  }
}

/** A damaged file gives any of these; whatever else fails is not the file's doing. */
const DAMAGE_CODES = /^SQLITE_(?:CORRUPT|NOTADB|IOERR_SHORT_READ|ERROR|FORMAT|MISMATCH|TOOBIG|NOMEM)/;

/** Throws what is no sign of damage, such as a full disk. */
export function requireDamage(error: unknown): void {
  if (!DAMAGE_CODES.test(sqliteCodeOf(error) ?? "")) throw error;
}
