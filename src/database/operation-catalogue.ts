import { z } from "zod";
import { MusterError } from "../core/errors.ts";
import {
  listOperations,
  type AnyOperation,
  type OperationGroups,
  type OperationStep,
  type Priority,
} from "./operation.ts";

/** A write whose inputs hold what their schemas say. */
export interface ValidatedWrite {
  readonly steps: readonly OperationStep[];
  readonly tags: readonly string[];
  /** undefined = refused while the database is away. */
  readonly priority: Priority | undefined;
}

const PRIORITIES: readonly Priority[] = ["HIGH", "MEDIUM", "LOW"];

/** The operations by name, and what may be asked of them. */
export class OperationCatalogue {
  readonly #operations: ReadonlyMap<string, AnyOperation>;

  constructor(groups: OperationGroups) {
    this.#operations = listOperations(groups);
  }

  /** Throws OPERATION_UNKNOWN. */
  require(name: string): AnyOperation {
    const operation = this.#operations.get(name);
    if (!operation) throw new MusterError("OPERATION_UNKNOWN", `run ${name}: there is no such operation`);
    return operation;
  }

  /** What several steps touch together; they may wait when each of them may, with the most urgent one's priority. */
  validateSteps(steps: readonly OperationStep[]): ValidatedWrite {
    const tags: string[] = [];
    const priorities: (Priority | undefined)[] = [];
    const validated = steps.map(({ name, input }) => {
      const operation = this.require(name);
      const parsed = validateInput(operation, name, input);
      tags.push(...operation.touches(parsed));
      priorities.push(priorityOf(operation));
      return { name, input: parsed };
    });
    const mayWait = !priorities.includes(undefined);
    return {
      steps: validated,
      tags,
      priority: mayWait ? PRIORITIES.find((priority) => priorities.includes(priority)) : undefined,
    };
  }
}

/** The input as the operation's schema reads it. Throws INPUT_INVALID. */
export function validateInput(operation: AnyOperation, name: string, input: unknown): unknown {
  const parsed = operation.input.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new MusterError("INPUT_INVALID", `run ${name}: ${z.prettifyError(parsed.error)}`, { cause: parsed.error });
}

/** A read among the steps is for its answer, and that cannot wait. */
function priorityOf(operation: AnyOperation): Priority | undefined {
  return operation.kind === "read" || operation.whenAway === "refuse" ? undefined : operation.whenAway.queue;
}
