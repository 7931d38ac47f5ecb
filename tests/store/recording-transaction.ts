import type Database from "better-sqlite3";
import type { z } from "zod";
import type { SqlValue, WriteTransaction } from "../../src/database/operation.ts";

export interface RecordedStatement {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
}

/** The transaction interface over a plain connection, noting every statement that runs through it. */
export function recordTransaction(database: Database.Database): {
  readonly transaction: WriteTransaction;
  readonly statements: RecordedStatement[];
} {
  const statements: RecordedStatement[] = [];
  const prepare = (sql: string, parameters: readonly SqlValue[]): Database.Statement<unknown[]> => {
    statements.push({ sql, parameters });
    return database.prepare<unknown[]>(sql);
  };
  const transaction: WriteTransaction = {
    get: async <R>(sql: string, ...parameters: readonly SqlValue[]) =>
      prepare(sql, parameters).get(...parameters) as R | undefined,
    all: async <R>(sql: string, ...parameters: readonly SqlValue[]) =>
      prepare(sql, parameters).all(...parameters) as R[],
    run: async (sql, ...parameters) => ({ changes: prepare(sql, parameters).run(...parameters).changes }),
  };
  return { transaction, statements };
}

interface RunnableOperation<Schema extends z.ZodType> {
  readonly input: Schema;
  run(
    transaction: WriteTransaction,
    input: z.output<Schema>,
    context: { readonly operationId: string; readonly requestedAt: number },
  ): Promise<unknown>;
}

/** The statements of one operation, run in process. */
export async function statementsOf<Schema extends z.ZodType>(
  database: Database.Database,
  operation: RunnableOperation<Schema>,
  input: z.input<Schema>,
): Promise<RecordedStatement[]> {
  const { transaction, statements } = recordTransaction(database);
  await operation.run(transaction, operation.input.parse(input), { operationId: "01J0000000", requestedAt: 1_000 });
  return statements;
}

/** How SQLite would run a statement, one line for each step. */
export function explainPlan(database: Database.Database, { sql, parameters }: RecordedStatement): string[] {
  const rows = database.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters);
  return rows.map(({ detail }) => detail);
}
