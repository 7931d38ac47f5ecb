import { AsyncLocalStorage } from "node:async_hooks";

/**
 * What happened to the database calls made on behalf of one interaction, beside their results: that a write waits in the
 * queue, that an answer is not the newest. Whoever answers the interaction collects it, and says so.
 */
export interface CallNotes {
  /** A write was saved to the queue, and will be applied when the database is back. */
  hasQueuedWrite: boolean;
  /** When the oldest of the answers that came from the cache of a database that is away was read, epoch milliseconds. */
  oldestReadAt: number | undefined;
}

const storage = new AsyncLocalStorage<CallNotes>();

/** Runs `body` and gives, with its result, what is to be said about its database calls. */
export async function collectCallNotes<Result>(
  body: () => Promise<Result>,
): Promise<{ result: Result; notes: CallNotes }> {
  const notes: CallNotes = { hasQueuedWrite: false, oldestReadAt: undefined };
  const result = await storage.run(notes, body);
  return { result, notes };
}

export function noteQueuedWrite(): void {
  const notes = storage.getStore();
  if (notes) notes.hasQueuedWrite = true;
}

export function noteStaleRead(readAt: number): void {
  const notes = storage.getStore();
  if (notes) notes.oldestReadAt = Math.min(notes.oldestReadAt ?? readAt, readAt);
}
