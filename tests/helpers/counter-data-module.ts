import { z } from "zod";
import { MusterError } from "../../src/core/errors.ts";
import { defineRead, defineWrite, type OperationGroups, type WriteTransaction } from "../../src/database/operation.ts";
import type { SchemaVersion } from "../../src/database/schema/schema-version.ts";

/** A small program of its own on the database layer, which must work with any list of operations. */

const name = z.string().min(1).max(50);
const amount = z.int().min(0).max(1_000_000);

async function change(transaction: WriteTransaction, counter: string, difference: number): Promise<void> {
  const { changes } = await transaction.run("UPDATE counter SET value = value + ? WHERE name = ?", difference, counter);
  if (changes === 0) throw new MusterError("NOT_FOUND", `change ${counter}: there is no such counter`);
}

export const operations = {
  counter: {
    /** Adds to a counter, which begins at 0, and notes it in the ledger. Returns the new value. */
    add: defineWrite({
      input: z.object({ name, amount }),
      touches: ({ name }) => [name],
      whenAway: { queue: "MEDIUM" },
      async run(transaction, { name, amount }, { operationId, requestedAt }): Promise<number> {
        await transaction.run(
          "INSERT INTO counter (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
          ...[name, amount],
        );
        await transaction.run(
          "INSERT INTO ledger (id, name, amount, at) VALUES (?, ?, ?, ?)",
          ...[operationId, name, amount, requestedAt],
        );
        return (await transaction.get<{ value: number }>("SELECT value FROM counter WHERE name = ?", name))!.value;
      },
    }),

    /** Two steps: gives to one, then takes from the other, whose check of funds fails after the first step was done. */
    transfer: defineWrite({
      input: z.object({ from: name, to: name, amount }),
      touches: ({ from, to }) => [from, to],
      whenAway: "refuse",
      async run(transaction, { from, to, amount }): Promise<void> {
        await change(transaction, to, amount);
        await change(transaction, from, -amount);
      },
    }),

    /** Writes, then throws an error that is none of the database's. */
    fail: defineWrite({
      input: z.object({ name }),
      touches: () => [],
      whenAway: "refuse",
      async run(transaction, { name }): Promise<never> {
        await transaction.run("INSERT INTO counter (name, value) VALUES (?, 1)", name);
        throw new MusterError("CONFLICT", "fail: as asked");
      },
    }),

    /** Ends the thread that runs it, in the middle of its transaction. */
    crash: defineWrite({
      input: z.object({ name }),
      touches: () => [],
      whenAway: "refuse",
      async run(transaction, { name }): Promise<void> {
        await transaction.run("INSERT INTO counter (name, value) VALUES (?, 1)", name);
        process.exit(1);
      },
    }),

    get: defineRead({
      input: z.object({ name }),
      touches: ({ name }) => [name],
      async run(transaction, { name }): Promise<number | null> {
        const row = await transaction.get<{ value: number }>("SELECT value FROM counter WHERE name = ?", name);
        return row?.value ?? null;
      },
    }),

    listLedger: defineRead({
      input: z.object({}),
      touches: () => [],
      async run(transaction): Promise<{ id: string; name: string; amount: number }[]> {
        return transaction.all("SELECT id, name, amount FROM ledger ORDER BY sequence");
      },
    }),

    /** Counts up to `rounds` in SQL: about 10 million a second. */
    slow: defineRead({
      input: z.object({ rounds: z.int().min(1).max(1_000_000_000) }),
      touches: () => [],
      async run(transaction, { rounds }): Promise<number> {
        const row = await transaction.get<{ n: number }>(
          "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < ?) SELECT max(n) AS n FROM r",
          rounds,
        );
        return row!.n;
      },
    }),

    /** What the connection that answers is set to. */
    readPragma: defineRead({
      input: z.object({ name: z.enum(["synchronous", "foreign_keys", "journal_mode"]) }),
      touches: () => [],
      async run(transaction, { name }): Promise<string | number | null> {
        const row = await transaction.get<Record<string, string | number>>(`PRAGMA ${name}`);
        return Object.values(row!)[0] ?? null;
      },
    }),

    crashReader: defineRead({
      input: z.object({}),
      touches: () => [],
      async run(): Promise<void> {
        process.exit(1);
      },
    }),
  },
} satisfies OperationGroups;

export const migrations: readonly SchemaVersion[] = [
  {
    version: 1,
    description: "counters and their ledger",
    migrations: [
      "CREATE TABLE counter (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL CHECK (value >= 0)) STRICT",
      `CREATE TABLE ledger (
        sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL REFERENCES counter (name),
        amount INTEGER NOT NULL, at INTEGER NOT NULL
      ) STRICT`,
      "CREATE INDEX ledger_name ON ledger (name)",
    ],
  },
];

export const COUNTER_MODULE_URL = import.meta.url;
