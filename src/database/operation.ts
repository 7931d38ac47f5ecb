import type { z } from "zod";

/**
 * An operation is a name plus plain data. Because that is all it is, the same thing can be sent to a thread, logged,
 * measured, retried, kept in a durable queue and replayed exactly once; and there is no other way to touch the data.
 */

export type SqlValue = string | number | null;
export type Row = Readonly<Record<string, SqlValue>>;

/** What a read operation may do: plain parametrised SQL on one consistent snapshot. */
export interface ReadTransaction {
  get<R = Row>(sql: string, ...parameters: readonly SqlValue[]): Promise<R | undefined>;
  all<R = Row>(sql: string, ...parameters: readonly SqlValue[]): Promise<R[]>;
}

/** What a write operation may do besides. Everything it does is applied as a whole or not at all. */
export interface WriteTransaction extends ReadTransaction {
  run(sql: string, ...parameters: readonly SqlValue[]): Promise<{ readonly changes: number }>;
}

export interface OperationContext {
  /** Unique for the call, the same in every retry and replay of it. */
  readonly operationId: string;
  /** When the caller asked, epoch milliseconds: a write that waited in a queue keeps its time. */
  readonly requestedAt: number;
}

export type Priority = "HIGH" | "MEDIUM" | "LOW";
/** What happens to a write when the database is away. */
export type WhenAway = "refuse" | { readonly queue: Priority };

/** What a write touches that may change anything. */
export const EVERYTHING = "*";

interface OperationBase<Schema extends z.ZodType> {
  /** Types, ranges, lengths: nothing unchecked reaches SQL. The parsed value must be plain JSON data. */
  readonly input: Schema;
  /** Names of the cached things that a read depends on, or that a write changes. A read that names none is not cached. */
  readonly touches: (input: z.output<Schema>) => readonly string[];
}

export interface ReadOperation<Schema extends z.ZodType = z.ZodType, Result = unknown> extends OperationBase<Schema> {
  readonly kind: "read";
  readonly run: (transaction: ReadTransaction, input: z.output<Schema>, context: OperationContext) => Promise<Result>;
}

export interface WriteOperation<
  Schema extends z.ZodType = z.ZodType,
  Result = unknown,
  Away extends WhenAway = WhenAway,
> extends OperationBase<Schema> {
  readonly kind: "write";
  readonly whenAway: Away;
  readonly run: (transaction: WriteTransaction, input: z.output<Schema>, context: OperationContext) => Promise<Result>;
}

/** Any operation, whatever its input: how a registry holds it. */
export interface AnyReadOperation {
  readonly kind: "read";
  readonly input: z.ZodType;
  touches(input: unknown): readonly string[];
  run(transaction: ReadTransaction, input: unknown, context: OperationContext): Promise<unknown>;
}
export interface AnyWriteOperation {
  readonly kind: "write";
  readonly whenAway: WhenAway;
  readonly input: z.ZodType;
  touches(input: unknown): readonly string[];
  run(transaction: WriteTransaction, input: unknown, context: OperationContext): Promise<unknown>;
}
export type AnyOperation = AnyReadOperation | AnyWriteOperation;

/** Operations by group and name: `{ events: { create, find } }` holds `events.create` and `events.find`. */
export type OperationGroups = Readonly<Record<string, Readonly<Record<string, AnyOperation>>>>;

export function defineRead<Schema extends z.ZodType, Result>(
  operation: Omit<ReadOperation<Schema, Result>, "kind">,
): ReadOperation<Schema, Result> {
  return { kind: "read", ...operation };
}

export function defineWrite<Schema extends z.ZodType, Result, const Away extends WhenAway>(
  operation: Omit<WriteOperation<Schema, Result, Away>, "kind">,
): WriteOperation<Schema, Result, Away> {
  return { kind: "write", ...operation };
}

/** The operations of all groups by their full name. */
export function listOperations(groups: OperationGroups): ReadonlyMap<string, AnyOperation> {
  const byName = new Map<string, AnyOperation>();
  for (const [group, operations] of Object.entries(groups)) {
    for (const [name, operation] of Object.entries(operations)) byName.set(`${group}.${name}`, operation);
  }
  return byName;
}

/** One step of a call: which operation with which validated input. */
export interface OperationStep {
  readonly name: string;
  readonly input: unknown;
}
