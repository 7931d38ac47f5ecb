import { z } from "zod";
import { defineWrite, type OperationGroups, type WriteTransaction } from "../../src/database/operation.ts";
import type { SchemaVersion } from "../../src/database/schema/schema-version.ts";

/** A program whose operations fail, each in one of the ways in which SQLite can say no. */

const INSERT = "INSERT INTO item (id, number, name, parent_id) VALUES (?, ?, ?, ?)";

const FAULTS = {
  async unique(transaction, value) {
    await transaction.run(INSERT, `a ${value}`, 1, value, null);
    await transaction.run(INSERT, `b ${value}`, 1, value, null);
  },
  async primaryKey(transaction, value) {
    await transaction.run(INSERT, value, 1, "one", null);
    await transaction.run(INSERT, value, 1, "two", null);
  },
  async foreignKey(transaction, value) {
    await transaction.run(INSERT, value, 1, value, value);
  },
  async check(transaction, value) {
    await transaction.run(INSERT, value, 1, value.repeat(50), null);
  },
  async notNull(transaction, value) {
    await transaction.run(INSERT, value, null, value, null);
  },
  async dataType(transaction, value) {
    await transaction.run(INSERT, value, `x${value}`, value, null);
  },
  async trigger(transaction, value) {
    await transaction.run(INSERT, value, 1, value, null);
    await transaction.run("DELETE FROM item WHERE id = ?", value);
  },
  async missingTable(transaction, value) {
    await transaction.all("SELECT * FROM nowhere WHERE id = ?", value);
  },
  async missingColumn(transaction, value) {
    await transaction.all("SELECT nothing FROM item WHERE id = ?", value);
  },
  async syntax(transaction, value) {
    await transaction.all("SELEKT * FROM item WHERE id = ?", value);
  },
  async overflow(transaction) {
    await transaction.get("SELECT abs(-9223372036854775808)");
  },
  async tooBig(transaction) {
    await transaction.get("SELECT zeroblob(2000000000)");
  },
  async readOnly(transaction, value) {
    await transaction.run("PRAGMA query_only = ON");
    try {
      await transaction.run(INSERT, value, 1, value, null);
    } finally {
      await transaction.run("PRAGMA query_only = OFF");
    }
  },
  async full(transaction) {
    await transaction.get("PRAGMA max_page_count = 1");
    try {
      await transaction.run("INSERT INTO filler (content) VALUES (hex(randomblob(200000)))");
    } finally {
      await transaction.get("PRAGMA max_page_count = 1073741823");
    }
  },
  async corrupt(transaction) {
    await transaction.all("SELECT sum(length(content)) FROM filler");
  },
  async program(_transaction, value) {
    throw new TypeError(`cannot read properties of ${value}`);
  },
} satisfies Record<string, (transaction: WriteTransaction, value: string) => Promise<void>>;

export type OperationFault = keyof typeof FAULTS;

export const operations = {
  fault: {
    provoke: defineWrite({
      input: z.object({ fault: z.enum(Object.keys(FAULTS) as [OperationFault]), value: z.string().min(1) }),
      touches: () => [],
      whenAway: "refuse",
      run: (transaction, { fault, value }) => FAULTS[fault](transaction, value),
    }),
    /** For once, nothing fails. */
    succeed: defineWrite({
      input: z.object({ value: z.string() }),
      touches: () => [],
      whenAway: "refuse",
      async run(transaction, { value }): Promise<void> {
        await transaction.run("INSERT INTO filler (content) VALUES (?)", value);
      },
    }),
    fill: defineWrite({
      input: z.object({}),
      touches: () => [],
      whenAway: "refuse",
      async run(transaction): Promise<void> {
        for (let row = 0; row < 200; row++) {
          await transaction.run("INSERT INTO filler (content) VALUES (hex(randomblob(500)))");
        }
      },
    }),
  },
} satisfies OperationGroups;

export const migrations: readonly SchemaVersion[] = [
  {
    version: 1,
    description: "tables with one constraint of each kind",
    migrations: [
      "CREATE TABLE parent (id TEXT NOT NULL PRIMARY KEY) STRICT",
      `CREATE TABLE item (
        id TEXT NOT NULL PRIMARY KEY, number INTEGER NOT NULL, name TEXT UNIQUE CHECK (length(name) <= 40),
        parent_id TEXT REFERENCES parent (id)
      ) STRICT`,
      "CREATE TRIGGER item_stays BEFORE DELETE ON item BEGIN SELECT RAISE(ABORT, 'items stay'); END",
      "CREATE TABLE filler (content TEXT NOT NULL) STRICT",
    ],
  },
];

export const FAULT_MODULE_URL = import.meta.url;
