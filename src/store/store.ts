import type { z } from "zod";
import type { DatabaseManager } from "../database/database-manager.ts";
import type { AnyOperation, OperationStep, ReadOperation, WriteOperation } from "../database/operation.ts";
import { operations } from "./data-module.ts";

/**
 * The typed client: `store.events.create(input)` knows its input and its result from the operation itself. A write that
 * may wait while the database is away gives undefined when it does.
 */

type Operations = typeof operations;

type Call<Operation> =
  Operation extends ReadOperation<infer Schema, infer Result>
    ? (input: z.input<Schema>) => Promise<Result>
    : Operation extends WriteOperation<infer Schema, infer Result, infer Away>
      ? (input: z.input<Schema>) => Promise<Away extends "refuse" ? Result : Result | undefined>
      : never;

type ReadsOf<Group> = {
  readonly [Name in keyof Group as Group[Name] extends { readonly kind: "read" } ? Name : never]: Call<Group[Name]>;
};

export type Store = {
  readonly [Group in keyof Operations]: { readonly [Name in keyof Operations[Group]]: Call<Operations[Group][Name]> };
};

/** The read side alone: what is given to parts that must not be able to write. */
export type ReadStore = { readonly [Group in keyof Operations]: ReadsOf<Operations[Group]> };

type Groups = Readonly<Record<string, Readonly<Record<string, AnyOperation>>>>;

function createCalls(
  database: Pick<DatabaseManager, "call">,
  isIncluded: (operation: AnyOperation) => boolean,
): unknown {
  return Object.fromEntries(
    Object.entries(operations as Groups).map(([group, members]) => [
      group,
      Object.fromEntries(
        Object.entries(members)
          .filter(([, operation]) => isIncluded(operation))
          .map(([name]) => [name, (input: unknown) => database.call(`${group}.${name}`, input)]),
      ),
    ]),
  );
}

export function createStore(database: Pick<DatabaseManager, "call">): Store {
  return createCalls(database, () => true) as Store;
}

export function createReadStore(database: Pick<DatabaseManager, "call">): ReadStore {
  return createCalls(database, (operation) => operation.kind === "read") as ReadStore;
}

type StepName = { [Group in keyof Operations]: `${Group}.${keyof Operations[Group] & string}` }[keyof Operations];
type InputOf<Name extends StepName> = Name extends `${infer Group extends keyof Operations}.${infer Operation}`
  ? Operation extends keyof Operations[Group]
    ? Parameters<Call<Operations[Group][Operation]>>[0]
    : never
  : never;

/** A step for `DatabaseManager.batch`, its input checked against the operation's. */
export function step<Name extends StepName>(name: Name, input: InputOf<Name>): OperationStep {
  return { name, input };
}
