import { sleep, type Clock } from "../../core/clock.ts";
import { MusterError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { RecoveryLog } from "../../resilience/recovery-log.ts";
import type { DatabaseThread } from "./database-thread.ts";
import type { FileFinding } from "./file-guard.ts";
import { fromWireError } from "./thread-protocol.ts";

/**
 * The main thread's part of a rescue (`rescue.ts` is the writer thread's): the file was deleted, replaced or emptied
 * under the open connection, which holds the last copy of what it had. As long as that is there it is tried again: a
 * full disk may be freed. Only when the threads are to be closed there is just one more try.
 */

const RETRY_INTERVAL_MS = 5_000;

/** `over`: in its place, or gone for good. `unsaved`: the open connection still holds the only copy. */
export type RescueEnd = "over" | "unsaved";

export interface FileRescueOptions {
  /** Where what is done is recorded. */
  readonly recovery: RecoveryLog;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class FileRescue {
  readonly #options: FileRescueOptions;
  #running: Promise<RescueEnd> | undefined;
  #hurry = new AbortController();

  constructor(options: FileRescueOptions) {
    this.#options = options;
  }

  /** How the one that is being done will end. The writer answers no ping meanwhile, and that is in order. */
  get running(): Promise<RescueEnd> | undefined {
    return this.#running;
  }

  /** Never rejects. The writer's connection is closed when it is over. */
  run(writer: DatabaseThread, finding: FileFinding): Promise<RescueEnd> {
    this.#running ??= this.#run(writer, finding).finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** From now on a rescue that fails is not tried again; one that waits for its next try has it now. */
  hurry(): void {
    this.#hurry.abort();
  }

  /** Takes `hurry` back. */
  relax(): void {
    this.#hurry = new AbortController();
  }

  async #run(writer: DatabaseThread, finding: FileFinding): Promise<RescueEnd> {
    this.#options.logger.error("the database file is lost, rescuing its content", { finding });
    const action = this.#options.recovery.begin("rescue", "database file");
    for (;;) {
      const isLastTry = this.#hurry.signal.aborted;
      try {
        const { error, quarantineFolder } = await writer.rescue();
        if (!error) {
          const moved = quarantineFolder === undefined ? "" : `; what stood there is in ${quarantineFolder}`;
          action.succeed(`was ${finding}${moved}`);
          return "over";
        }
        const failure = fromWireError(error);
        if (failure.code === "DATABASE_CORRUPT" || isLastTry) action.fail(failure);
        if (failure.code === "DATABASE_CORRUPT") return "over";
        if (isLastTry) return "unsaved";
        this.#options.logger.error("rescuing the database failed, trying again", { error: failure });
      } catch (error) {
        // The thread has ended, and its connection with it.
        action.fail(error);
        return "over";
      }
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    try {
      await sleep(this.#options.clock, RETRY_INTERVAL_MS, this.#hurry.signal);
    } catch {
      // Hurried: the next try is the last.
    }
  }
}

export function createFileLossError(finding: FileFinding): MusterError {
  return new MusterError("DATABASE_UNAVAILABLE", `use the database: its file was ${finding} while it was in use`, {
    hint: "Something else works on the data folder. What stood in the file's place is kept in data/quarantine.",
  });
}
