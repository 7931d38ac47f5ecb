import "./lean-loading.ts";
import { parentPort, workerData } from "node:worker_threads";
import { isMusterError } from "../../core/errors.ts";
import { listOperations, type AnyOperation } from "../operation.ts";
import type { SchemaVersion } from "../schema/schema-version.ts";
import type { ArchiveSettings } from "./archive-keeper.ts";
import type { FileIdentity } from "./file-guard.ts";
import type { ReplacementResult } from "./replacement.ts";
import {
  decodeRequests,
  toWireError,
  type DataModule,
  type ThreadCommand,
  type ThreadNotice,
  type ThreadOptions,
  type WireRequest,
} from "./thread-protocol.ts";
import type { ArchiveStatus } from "./wal-archive.ts";

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
  /** Of the file that the connection has open; undefined in memory. */
  readonly fileIdentity: FileIdentity | undefined;
  handle(requests: readonly WireRequest[]): Promise<void> | void;
  close(): Promise<void> | void;
  /** Of the writer, which archives. */
  archiveStatus?(): ArchiveStatus | undefined;
  flushArchive?(): void;
  setArchive?(settings: ArchiveSettings | undefined): void;
  /** Ends with the connection closed. Only the writer can. */
  rescue?(): Promise<ReplacementResult>;
}

/** Opens the service and serves it until the main thread asks to close. A failure to open is reported, then the thread ends. */
export async function serveThread(open: (context: ThreadContext) => ThreadService): Promise<void> {
  const port = parentPort!;
  const options = workerData as ThreadOptions;
  const notify = (notice: ThreadNotice): void => port.postMessage(notice);
  try {
    // Not before lean loading is in force, as a static import would be: both come with schemas.
    const [module, { engineOperations }] = await Promise.all([
      import(options.dataModuleUrl) as Promise<DataModule>,
      import("./engine-operations.ts"),
    ]);
    const service = open({
      options,
      operations: new Map([...listOperations(module.operations), ...engineOperations]),
      migrations: module.migrations,
      reply: (replies) => port.postMessage(`[${replies.join(",")}]`),
      notify,
    });
    let previous = Promise.resolve();
    const handle = async (message: string | ThreadCommand): Promise<void> => {
      if (typeof message === "string") return service.handle(decodeRequests(message));
      if (message.command === "archive") {
        service.setArchive?.(message.settings);
        return;
      }
      if (message.command === "flush-archive") {
        service.flushArchive?.();
        notify({ notice: "pong", archive: service.archiveStatus?.(), isFlushed: true });
        return;
      }
      if (message.command === "rescue") {
        if (!(await tryRescue(service, notify))) return;
      } else {
        await service.close();
      }
      notify({ notice: "closed" });
      port.close();
    };
    // One message after another. Anything thrown here ends the thread, and the main thread hears of it.
    port.on("message", (message: string | ThreadCommand) => {
      if (typeof message !== "string" && message.command === "ping")
        notify({ notice: "pong", archive: service.archiveStatus?.() });
      else previous = previous.then(() => handle(message));
    });
    notify({ notice: "ready", engineVersion: service.engineVersion, fileIdentity: service.fileIdentity });
  } catch (error) {
    notify({ notice: "failed", error: toWireError(error) });
    port.close();
  }
}

/** True when there is nothing left to do in this thread; false when its connection still holds the only copy. */
async function tryRescue(service: ThreadService, notify: (notice: ThreadNotice) => void): Promise<boolean> {
  try {
    const result = await service.rescue!();
    notify({ notice: "rescued", quarantineFolder: result.quarantineFolder });
    return true;
  } catch (error) {
    notify({ notice: "rescued", quarantineFolder: undefined, error: toWireError(error) });
    return isMusterError(error, "DATABASE_CORRUPT");
  }
}
