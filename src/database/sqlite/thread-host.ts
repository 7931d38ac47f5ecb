import { parentPort, workerData } from "node:worker_threads";
import { listOperations, type AnyOperation } from "../operation.ts";
import type { SchemaVersion } from "../schema/schema-version.ts";
import {
  decodeRequests,
  toWireError,
  type DataModule,
  type ThreadNotice,
  type ThreadOptions,
  type WireRequest,
} from "./thread-protocol.ts";

/** What the writer and the reader threads have in common: loading the data module, and one batch after another. */

export interface ThreadContext {
  readonly options: ThreadOptions;
  readonly operations: ReadonlyMap<string, AnyOperation>;
  readonly migrations: readonly SchemaVersion[];
  /** Sends a batch of encoded replies. */
  readonly reply: (replies: readonly string[]) => void;
  readonly notify: (notice: ThreadNotice) => void;
}

export interface ThreadService {
  readonly engineVersion: string;
  handle(requests: readonly WireRequest[]): Promise<void> | void;
  close(): Promise<void> | void;
}

/** Opens the service and serves it until the main thread asks to close. A failure to open is reported, then the thread ends. */
export async function serveThread(open: (context: ThreadContext) => ThreadService): Promise<void> {
  const port = parentPort!;
  const options = workerData as ThreadOptions;
  const notify = (notice: ThreadNotice): void => port.postMessage(notice);
  try {
    const module = (await import(options.dataModuleUrl)) as DataModule;
    const service = open({
      options,
      operations: listOperations(module.operations),
      migrations: module.migrations,
      reply: (replies) => port.postMessage(`[${replies.join(",")}]`),
      notify,
    });
    let previous = Promise.resolve();
    const handle = async (message: string | object): Promise<void> => {
      if (typeof message === "string") return service.handle(decodeRequests(message));
      await service.close();
      notify({ notice: "closed" });
      port.close();
    };
    // One message after another. Anything thrown here ends the thread, and the main thread hears of it.
    port.on("message", (message: string | object) => {
      previous = previous.then(() => handle(message));
    });
    notify({ notice: "ready", engineVersion: service.engineVersion });
  } catch (error) {
    notify({ notice: "failed", error: toWireError(error) });
    port.close();
  }
}
