import type { Clock } from "../../core/clock.ts";
import { isMusterError, MusterError } from "../../core/errors.ts";
import { ERROR_CLASSES } from "../error-classes.ts";
import type { WriteTransaction } from "../operation.ts";
import { markOutcomeUnknown } from "../unknown-outcome.ts";
import type { OperationRunner } from "./operation-runner.ts";
import { encodeErrorReply, encodeReply, type WireRequest } from "./thread-protocol.ts";
import type { TransactionManager } from "./transaction-manager.ts";

/**
 * Group commit: an fsync costs far more than an insert, so all writes that have arrived share one. They run in one
 * transaction, and after its commit, not before, all are acknowledged. While one group commits, the next one gathers.
 *
 * A failing write must undo only itself, which takes a savepoint around each. But savepoints are a third of the work that
 * a write is, and failures are rare: so a group is tried without them first, and when one fails, all of it is undone and
 * run again with them.
 */

/** Bounds how long one group holds the write lock, and with it the wait of whoever comes next. */
const MAX_GROUP_SIZE = 512;
const MAX_ENDED_CHAINS = 16;
/** One write that meets these undoes the whole transaction with it: the others are run again, each on its own. */
const SPOILING_CODES = ["DATABASE_CORRUPT", "DATABASE_FULL"] as const;

export interface GroupCommitterOptions {
  readonly transactions: TransactionManager;
  readonly runner: OperationRunner;
  readonly clock: Clock;
  /** Sends replies, already encoded. */
  readonly reply: (replies: readonly string[]) => void;
  /** Called after each commit, before anybody is told of it. What it throws is what they are told; the writes stay applied. */
  readonly beforeReply?: () => void;
  /** Called after each group, when its writes are acknowledged. Must not throw. */
  readonly onCommitted: () => void;
  /** Called when the disk has no room for a group: true when there may be some now, and it is tried again. Must not throw. */
  readonly onFull: () => boolean;
}

interface Applied {
  readonly reply: string;
  readonly error?: unknown;
  /** What it did before it failed is still in the transaction. */
  readonly leavesChanges?: boolean;
}

export class GroupCommitter {
  readonly #options: GroupCommitterOptions;
  readonly #queue: WireRequest[] = [];
  #draining: Promise<void> | undefined;
  /** Chains of which a write was not applied, with what those behind it are told: the last few, for those before are over. */
  #endedChains: ReadonlyMap<string, unknown> = new Map();

  constructor(options: GroupCommitterOptions) {
    this.#options = options;
  }

  enqueue(requests: readonly WireRequest[]): void {
    if (requests.length === 0) return;
    for (const request of requests) this.#queue.push(request);
    this.#draining ??= this.#drain();
  }

  get isIdle(): boolean {
    return this.#draining === undefined;
  }

  /** Resolves when everything enqueued so far has been answered. */
  async settle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      // One turn of the event loop: every batch that arrived during the last commit joins this group.
      await new Promise(setImmediate);
      await this.#commitGroup(this.#queue.splice(0, MAX_GROUP_SIZE));
    }
    this.#draining = undefined;
  }

  async #commitGroup(group: readonly WireRequest[], { hasSavepoints = false, mayMakeRoom = true } = {}): Promise<void> {
    const { transactions, reply, beforeReply, onCommitted, onFull } = this.#options;
    let replies: string[] = [];
    let ended = new Map(this.#endedChains);
    let needsSavepoints = false;
    const deadlineAt = Math.min(...group.map((request) => request.deadlineAt));
    try {
      await transactions.executeWithRetry(
        async () => {
          // A retry of the transaction starts over: what an undone try has answered does not count.
          replies = [];
          ended = new Map(this.#endedChains);
          for (const request of group) {
            if (isOfChain(request, ended)) {
              replies.push(encodeErrorReply(request.id, ended.get(request.chain)));
              continue;
            }
            const { reply: answer, error, leavesChanges } = await this.#applyOne(request, hasSavepoints);
            if (leavesChanges) {
              needsSavepoints = true;
              throw error;
            }
            if (error !== undefined) endChain(ended, request, error);
            replies.push(answer);
          }
        },
        () => deadlineAt,
      );
    } catch (error) {
      // A transaction that cannot be undone leaves a connection that nothing can be done with: the thread ends, and
      // another is started in its place.
      if (transactions.isOpen) throw error;
      if (needsSavepoints) {
        await this.#commitGroup(group, { hasSavepoints: true, mayMakeRoom });
        return;
      }
      if (mayMakeRoom && isMusterError(error, "DATABASE_FULL") && onFull()) {
        await this.#commitGroup(group, { hasSavepoints, mayMakeRoom: false });
        return;
      }
      if (group.length > 1 && isMusterError(error, ...SPOILING_CODES)) {
        for (const request of group) await this.#commitGroup([request]);
        return;
      }
      this.#refuse(group, error);
      return;
    }
    this.#endedChains = keepLast(ended);
    try {
      beforeReply?.();
    } catch (error) {
      // Whoever asks again with the same id finds what was applied, and it is tried again to make it count.
      const applied = markOutcomeUnknown(error);
      replies = group.map((request) => encodeErrorReply(request.id, applied));
    }
    reply(replies);
    onCommitted();
  }

  /**
   * Answers a group that was not applied. When the lock was not to be had, those whose time is not over try again, but
   * of a chain none goes past one that was refused.
   */
  #refuse(group: readonly WireRequest[], error: unknown): void {
    const { clock, reply } = this.#options;
    const now = clock.now();
    const isBusy = isMusterError(error, "DATABASE_BUSY");
    const waiting = isBusy ? [...group, ...this.#queue.splice(0)] : group;
    const ended = new Map(this.#endedChains);
    const refused = waiting.filter((request) => {
      const isRefused = !isBusy || request.deadlineAt <= now || isOfChain(request, ended);
      if (isRefused) endChain(ended, request, error);
      return isRefused;
    });
    this.#endedChains = keepLast(ended);
    if (isBusy) this.#queue.push(...waiting.filter((request) => !refused.includes(request)));
    reply(refused.map((request) => encodeErrorReply(request.id, error)));
  }

  /** One request, with its encoded reply; throws only when the whole transaction is lost. */
  async #applyOne(request: WireRequest, hasSavepoints: boolean): Promise<Applied> {
    const { transactions, runner, clock } = this.#options;
    if (clock.now() > request.deadlineAt) {
      const error = new MusterError("DATABASE_BUSY", "write: the database did not come free in time");
      return { reply: encodeErrorReply(request.id, error), error };
    }
    const isWrite = request.kind === "write";
    const run = (transaction: WriteTransaction): Promise<string> =>
      // A read here (in-memory database, or no reader alive) sees the group's writes before it; it is answered after the commit.
      isWrite ? runner.write(transaction, request) : runner.read(transaction, request);
    try {
      const results = await (isWrite && hasSavepoints
        ? transactions.executeSavepoint(run)
        : transactions.executeInOpenTransaction(run));
      return { reply: encodeReply(request.id, results) };
    } catch (error) {
      if (!transactions.isOpen) throw error;
      return { reply: encodeErrorReply(request.id, error), error, leavesChanges: isWrite && !hasSavepoints };
    }
  }
}

/** Is behind one of its chain that was not applied. */
function isOfChain(
  request: WireRequest,
  ended: ReadonlyMap<string, unknown>,
): request is WireRequest & { readonly chain: string } {
  return request.chain !== undefined && ended.has(request.chain);
}

function endChain(ended: Map<string, unknown>, { chain, chainEndsOn }: WireRequest, error: unknown): void {
  if (chain === undefined || ended.has(chain)) return;
  if (chainEndsOn !== "fault") ended.set(chain, new MusterError("CONFLICT", "write: one before it was not applied"));
  else if (isMusterError(error) && ERROR_CLASSES[error.code].isDatabaseFault) ended.set(chain, error);
}

/** Of one that is over nothing comes any more. */
function keepLast(ended: ReadonlyMap<string, unknown>): ReadonlyMap<string, unknown> {
  return ended.size <= MAX_ENDED_CHAINS ? ended : new Map([...ended].slice(-MAX_ENDED_CHAINS));
}
