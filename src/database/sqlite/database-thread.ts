import { Worker } from "node:worker_threads";
import type { Clock } from "../../core/clock.ts";
import { COMPILE_CACHE_FOLDER } from "../../core/compile-cache.ts";
import { MusterError, toError } from "../../core/errors.ts";
import type { ArchiveSettings } from "./archive-keeper.ts";
import type { NewStatements } from "./operation-statements.ts";
import {
  decodeReplies,
  encodeRequests,
  fromWireError,
  type ThreadCommand,
  type ThreadNotice,
  type ThreadOptions,
  type WireRequest,
} from "./thread-protocol.ts";
import { settlesWithin } from "./time-limit.ts";
import type { ArchiveStatus } from "./wal-archive.ts";

export type ThreadRole = "writer" | "reader";

const ENTRY_BY_ROLE: Readonly<Record<ThreadRole, URL>> = {
  writer: new URL("./writer-thread.ts", import.meta.url),
  reader: new URL("./reader-thread.ts", import.meta.url),
};

/** Nothing of the process's own: most of a recovery, too, would be compiling without the cache. */
const THREAD_ENVIRONMENT = { NODE_COMPILE_CACHE: COMPILE_CACHE_FOLDER };

interface PendingRequest {
  /** Monotonic milliseconds. */
  readonly expiresAt: number;
  readonly resolve: (results: unknown[]) => void;
  readonly reject: (error: MusterError) => void;
}

export interface DatabaseThreadEvents {
  /** The thread ended without being asked to. Its pending requests have been rejected. */
  readonly onLost: (thread: DatabaseThread, cause: MusterError) => void;
  readonly onTrouble: (cause: MusterError) => void;
  readonly onStatements: (statements: NewStatements) => void;
}

export interface DatabaseThreadTimes {
  readonly clock: Clock;
  /** Longest wait for it to close, milliseconds of the system's clock. Default: 4,000. */
  readonly closeLimitMs?: number;
}

/** How long after its time is up a request's answer is waited for: the thread refuses it by then, if it can. */
const GRACE_MS = 250;
/** Longer than any request may take; a thread that does not close within it hangs. */
const DEFAULT_CLOSE_LIMIT_MS = 4_000;

export type ReadyThread = Omit<Extract<ThreadNotice, { notice: "ready" }>, "notice">;
export type RescueOutcome = Omit<Extract<ThreadNotice, { notice: "rescued" }>, "notice">;

/** The main thread's end of one database thread. All requests made in one turn travel as one message. */
export class DatabaseThread {
  readonly role: ThreadRole;
  readonly #worker: Worker;
  readonly #pending = new Map<number, PendingRequest>();
  readonly #events: DatabaseThreadEvents;
  readonly #ready = Promise.withResolvers<ReadyThread>();
  readonly #ended: Promise<void>;
  readonly #clock: Clock;
  readonly #closeLimitMs: number;
  #opened: ReadyThread | undefined;
  #rescue: PromiseWithResolvers<RescueOutcome> | undefined;
  /** When the ping was sent that has not been answered, monotonic milliseconds. */
  #pingedAt: number | undefined;
  /** When it last said that it works at something long, monotonic milliseconds. */
  #workedAt = -Infinity;
  #archiveStatus: ArchiveStatus | undefined;
  /** When it was told, monotonic milliseconds. */
  #archiveToldAt = 0;
  /** Who waits for what is committed to be archived, in order. */
  readonly #flushes: (() => void)[] = [];
  #outbox: WireRequest[] = [];
  #nextId = 1;
  #isEnding = false;

  constructor(role: ThreadRole, options: ThreadOptions, events: DatabaseThreadEvents, times: DatabaseThreadTimes) {
    this.role = role;
    this.#clock = times.clock;
    this.#closeLimitMs = times.closeLimitMs ?? DEFAULT_CLOSE_LIMIT_MS;
    this.#events = events;
    this.#worker = new Worker(ENTRY_BY_ROLE[role], {
      workerData: options,
      name: `muster-${role}`,
      env: THREAD_ENVIRONMENT,
    });
    this.#worker.on("message", (message: string | ThreadNotice) => this.#receive(message));
    this.#worker.on("error", (error) => this.#lose(connectionLost(toError(error).message, error)));
    this.#ended = new Promise((resolve) => {
      this.#worker.on("exit", (exitCode) => {
        this.#lose(connectionLost(`the ${role} thread ended with code ${exitCode}`));
        resolve();
      });
    });
    // Whoever starts the thread awaits `ready`; when the start is abandoned before, its failure has been reported as lost.
    this.#ready.promise.catch(() => undefined);
  }

  /** Resolves when the connection is open; rejects with the reason why it is not. */
  get ready(): Promise<ReadyThread> {
    return this.#ready.promise;
  }

  /** What the thread said of its connection when that was open; undefined before. */
  get opened(): ReadyThread | undefined {
    return this.#opened;
  }

  /** Resolves when the thread does not exist any more, and so has no file open; never while it hangs. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  get isAlive(): boolean {
    return !this.#isEnding;
  }

  /** Milliseconds for which the thread has not answered a ping, nor said that it works; 0 = it answers. */
  get silentMs(): number {
    return this.#pingedAt === undefined ? 0 : this.#clock.monotonic() - Math.max(this.#pingedAt, this.#workedAt);
  }

  /** When it last said that it works at something long, monotonic milliseconds. */
  get workedAt(): number {
    return this.#workedAt;
  }

  /** Of the writer, as of its last sign of life; what waited then still does. undefined when it does not archive. */
  get archiveStatus(): ArchiveStatus | undefined {
    const status = this.#archiveStatus;
    if (status?.pendingSince === undefined) return status;
    const pendingMs = Math.round(status.pendingMs + this.#clock.monotonic() - this.#archiveToldAt);
    return { ...status, pendingMs };
  }

  /** Of the writer: archives from now on like this, or not at all. */
  setArchive(settings: ArchiveSettings | undefined): void {
    if (!this.#isEnding) this.#command({ command: "archive", settings });
  }

  /** Of the writer: resolves when what is committed by now is archived, or the thread has ended; `archiveStatus` tells. */
  flushArchive(): Promise<void> {
    if (this.#isEnding) return Promise.resolve();
    return new Promise((resolve) => {
      this.#flushes.push(resolve);
      this.#command({ command: "flush-archive" });
    });
  }

  /** Asks for a sign of life, unless one that was asked for is still due. */
  ping(): void {
    if (this.#isEnding || this.#pingedAt !== undefined) return;
    this.#pingedAt = this.#clock.monotonic();
    this.#command({ command: "ping" });
  }

  /** Rejects what has waited longer than it may: OPERATION_TIMEOUT, because it may still be applied. */
  expire(): void {
    const now = this.#clock.monotonic();
    for (const [id, pending] of this.#pending) {
      if (pending.expiresAt > now) continue;
      this.#pending.delete(id);
      pending.reject(
        new MusterError("OPERATION_TIMEOUT", `use the database: the ${this.role} thread did not answer in time`),
      );
    }
  }

  /** See `ThreadCommand`. Resolves when the thread says how it went; rejects when it ends before. */
  rescue(): Promise<RescueOutcome> {
    if (this.#isEnding) return Promise.reject(connectionLost(`the ${this.role} thread has ended`));
    this.#flush();
    this.#rescue ??= Promise.withResolvers();
    this.#command({ command: "rescue" });
    return this.#rescue.promise;
  }

  send(request: Omit<WireRequest, "id">, timeoutMs: number): Promise<unknown[]> {
    if (this.#isEnding) return Promise.reject(connectionLost(`the ${this.role} thread has ended`));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, expiresAt: this.#clock.monotonic() + timeoutMs + GRACE_MS });
      // nextTick runs when all promise callbacks of this turn are done, so requests of many callers share a message.
      if (this.#outbox.length === 0) process.nextTick(() => this.#flush());
      this.#outbox.push({ ...request, id });
    });
  }

  /**
   * Lets the thread finish what it has and close its connection. Resolves when it has ended, in whatever way, or when it
   * is given up because it hangs: see `ended`.
   */
  async close(): Promise<void> {
    if (!this.#isEnding) {
      this.#flush();
      this.#isEnding = true;
      this.#command({ command: "close" });
    }
    const hasEnded = await settlesWithin(this.#ended, this.#closeLimitMs);
    const cause = connectionLost(`the ${this.role} thread ${hasEnded ? "was closed" : "did not close in time"}`);
    this.#ready.reject(cause);
    this.#rescue?.reject(cause);
    this.#rejectPending(cause);
    if (!hasEnded) void this.#worker.terminate();
  }

  /** Ends the thread wherever it is; what it had not answered is rejected, with its outcome unknown. */
  async terminate(cause: MusterError): Promise<void> {
    this.#lose(cause);
    await this.#worker.terminate();
  }

  #command(command: ThreadCommand): void {
    this.#worker.postMessage(command);
  }

  #flush(): void {
    if (this.#outbox.length === 0 || this.#isEnding) return;
    const requests = this.#outbox;
    this.#outbox = [];
    this.#worker.postMessage(encodeRequests(requests));
  }

  #receive(message: string | ThreadNotice): void {
    if (typeof message !== "string") {
      this.#receiveNotice(message);
      return;
    }
    for (const [id, results, error] of decodeReplies(message)) {
      const pending = this.#pending.get(id);
      if (!pending) continue;
      this.#pending.delete(id);
      if (error) pending.reject(fromWireError(error));
      else pending.resolve(results);
    }
  }

  #receiveNotice(message: ThreadNotice): void {
    if (message.notice === "ready") {
      this.#opened = message;
      this.#ready.resolve(message);
    }
    // The first reason is the true one: that the thread has ended, which comes next, only follows from it.
    if (message.notice === "failed") this.#lose(fromWireError(message.error));
    if (message.notice === "working") this.#workedAt = this.#clock.monotonic();
    if (message.notice === "pong") {
      this.#pingedAt = undefined;
      this.#archiveStatus = message.archive;
      this.#archiveToldAt = this.#clock.monotonic();
      if (message.isFlushed) this.#flushes.shift()?.();
    }
    if (message.notice === "rescued") {
      this.#rescue?.resolve(message);
      this.#rescue = undefined;
    }
    if (message.notice === "statements") this.#events.onStatements(message);
    if (message.notice === "trouble") this.#events.onTrouble(fromWireError(message.error));
  }

  #lose(cause: MusterError): void {
    this.#ready.reject(cause);
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#rejectPending(cause);
    this.#rescue?.reject(cause);
    this.#events.onLost(this, cause);
  }

  #rejectPending(cause: MusterError): void {
    for (const { reject } of this.#pending.values()) reject(cause);
    for (const resolve of this.#flushes.splice(0)) resolve();
    this.#pending.clear();
    this.#outbox = [];
  }
}

function connectionLost(reason: string, cause?: unknown): MusterError {
  return new MusterError("DATABASE_UNAVAILABLE", `use the database: ${reason}`, cause === undefined ? {} : { cause });
}
