import { toError } from "./errors.ts";

/** A part of the program that starts and stops. `stop()` may be called twice, and when `start()` failed half-way. */
export interface Part {
  readonly name: string;
  start?(): Promise<void> | void;
  stop?(): Promise<void> | void;
}

/**
 * Starts parts in the order given and stops them in reverse. When one fails to start, those before it are stopped
 * and its error is thrown. Stopping goes through all parts whatever fails and then throws what failed.
 */
export class Lifecycle {
  readonly #parts: readonly Part[];
  #started: Part[] = [];
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  start(): Promise<void> {
    this.#starting ??= this.#startAll();
    return this.#starting;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #startAll(): Promise<void> {
    for (const part of this.#parts) {
      // Stopped while starting: what has not started yet never does.
      if (this.#stopping) return;
      this.#started.push(part);
      try {
        await part.start?.();
      } catch (error) {
        await this.stop().catch(() => {
          // The reason why the start failed is the one to report.
        });
        throw error;
      }
    }
  }

  async #stopAll(): Promise<void> {
    const failures: Error[] = [];
    for (const part of this.#started.splice(0).reverse()) {
      try {
        await part.stop?.();
      } catch (error) {
        failures.push(new Error(`stopping ${part.name} failed: ${toError(error).message}`, { cause: error }));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map((failure) => failure.message).join("; "));
  }
}
