import { readdirSync } from "node:fs";
import { join } from "node:path";
import { silentLogger, type Logger } from "../../src/core/logger.ts";
import {
  OperationQueue,
  type ApplyOutcome,
  type OperationQueueOptions,
  type QueuedOperation,
} from "../../src/resilience/operation-queue.ts";
import { openSpoolHandle, type OpenSpoolHandle, type SpoolHandle } from "../../src/resilience/spool-file.ts";
import { withFolder } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

export const AT = Date.parse("2026-08-01T12:00:00.000Z");
/** Where the damaged lines of a file are kept. */
export const damagedOf = (name: string): string => `damaged-2026-08-01T12-00-00-000Z-${name}`;

export function operation(id: string, priority: QueuedOperation["priority"] = "HIGH") {
  return { id, operation: "reactions.record", parameters: { text: "x".repeat(100) }, timestamp: AT, priority };
}

export const applyAll = async (operations: readonly QueuedOperation[]): Promise<ApplyOutcome[]> =>
  operations.map(() => ({ kind: "applied" }));

export class Messages {
  readonly lines: string[] = [];
  readonly logger: Logger = {
    ...silentLogger,
    error: (message) => void this.lines.push(`error: ${message}`),
    warn: (message) => void this.lines.push(`warn: ${message}`),
  };
}

/** A disk that does what a test says at the next call, and counts. */
export class Disk {
  syncCount = 0;
  /** Bytes that fit from now on. */
  freeBytes = Infinity;
  isSyncFailing = false;
  isTruncateFailing = false;

  readonly open: OpenSpoolHandle = async (path) => {
    const handle = await openSpoolHandle(path);
    const wrapped: SpoolHandle = {
      ...handle,
      write: async (bytes) => {
        const taken = bytes.subarray(0, Math.min(bytes.length, this.freeBytes));
        if (taken.length === 0) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
        this.freeBytes -= taken.length;
        return handle.write(taken);
      },
      sync: async () => {
        this.syncCount++;
        if (this.isSyncFailing) throw Object.assign(new Error("i/o error"), { code: "EIO" });
        await handle.sync();
      },
      truncate: async (sizeBytes) => {
        if (this.isTruncateFailing) throw Object.assign(new Error("i/o error"), { code: "EIO" });
        await handle.truncate(sizeBytes);
      },
    };
    return wrapped;
  };
}

export type Open = (options?: Partial<OperationQueueOptions>) => Promise<OperationQueue>;

export async function withSpool(body: (open: Open, folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (parent) => {
    const folder = join(parent, "spool");
    const queues: OperationQueue[] = [];
    const open: Open = async (options = {}) => {
      const queue = new OperationQueue({
        ...{ folder, clock: new ManualClock(AT), logger: silentLogger, maxRetries: () => 1, apply: applyAll },
        ...options,
      });
      queues.push(queue);
      await queue.open();
      return queue;
    };
    try {
      await body(open, folder);
    } finally {
      for (const queue of queues) await queue.close();
    }
  });
}

export function idsIn(queue: OperationQueue): string[] {
  return queue.list(Infinity).map(({ id }) => id);
}

export const segmentsIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.startsWith("segment-"));
export const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `o${index}`);

export async function enqueueAll(queue: OperationQueue, names: readonly string[]): Promise<void> {
  for (const id of names) await queue.enqueue(operation(id));
}

/** Refuses everything for good. */
export const refuseAll: OperationQueueOptions["apply"] = async () => [{ kind: "failed", error: new Error("refused") }];

export function deadIdsIn(queue: OperationQueue): string[] {
  return queue.listDeadLetters(Infinity).map(({ id }) => id);
}
