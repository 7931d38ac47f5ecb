import { MusterError } from "../../core/errors.ts";
import type { AnyOperation, OperationContext, ReadTransaction, WriteTransaction } from "../operation.ts";
import { classifySqliteError } from "./error-classification.ts";
import { StatementRecorder, type NewStatements } from "./operation-statements.ts";
import type { WireRequest } from "./thread-protocol.ts";

/** Runs the steps of requests against a transaction. */
export class OperationRunner {
  readonly #operations: ReadonlyMap<string, AnyOperation>;

  readonly #statements: StatementRecorder;

  /** `onStatements` hears of statements that an operation has used for the first time, before the call is answered. */
  constructor(
    operations: ReadonlyMap<string, AnyOperation>,
    onStatements: (statements: NewStatements) => void = () => undefined,
  ) {
    this.#operations = operations;
    this.#statements = new StatementRecorder(onStatements);
  }

  /** The results of the steps as a JSON array. */
  async read(transaction: ReadTransaction, request: WireRequest): Promise<string> {
    const recorded = this.#statements.record(transaction);
    return this.#runSteps(request, (operation, input, context) => {
      if (operation.kind !== "read") throw new MusterError("INTERNAL", "read: a write operation was sent to a reader");
      return operation.run(recorded, input, context);
    });
  }

  /**
   * Applies the steps and records the request's id with the results in the same transaction: whoever asks again with
   * the same id gets the same results, and nothing is applied twice.
   */
  async write(transaction: WriteTransaction, request: WireRequest): Promise<string> {
    if (request.mayBeApplied) {
      const applied = await transaction.get<{ result: string }>(
        "SELECT result FROM applied_operation WHERE id = ?",
        request.operationId,
      );
      if (applied) return applied.result;
    }
    const recorded = this.#statements.record(transaction);
    const results = await this.#runSteps(request, (operation, input, context) =>
      operation.run(recorded, input, context),
    );
    await transaction.run(
      "INSERT INTO applied_operation (id, applied_at, result) VALUES (?, ?, ?)",
      request.operationId,
      request.requestedAt,
      results,
    );
    return results;
  }

  async #runSteps(
    request: WireRequest,
    run: (operation: AnyOperation, input: unknown, context: OperationContext) => Promise<unknown>,
  ): Promise<string> {
    const results: unknown[] = [];
    for (const [index, { name, input }] of request.steps.entries()) {
      const operation = this.#operations.get(name);
      if (!operation) throw new MusterError("OPERATION_UNKNOWN", `run ${name}: the data module has no such operation`);
      this.#statements.begin(name);
      try {
        // JSON has no undefined: "nothing found" travels as null and is turned back by the caller.
        results.push((await run(operation, input, stepContext(request, index))) ?? null);
      } catch (error) {
        throw classifySqliteError(error, `run ${name}`);
      } finally {
        this.#statements.end(name);
      }
    }
    return JSON.stringify(results);
  }
}

/** What a step creates may be named after its id, so each step of a call has one of its own. */
function stepContext({ operationId, requestedAt }: WireRequest, index: number): OperationContext {
  return { operationId: index === 0 ? operationId : `${operationId}.${index}`, requestedAt };
}
