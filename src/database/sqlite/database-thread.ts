import { Worker } from "node:worker_threads";
import { MusterError, toError } from "../../core/errors.ts";
import {
  CLOSE_REQUEST,
  decodeReplies,
  encodeRequests,
  fromWireError,
  type ThreadNotice,
  type ThreadOptions,
  type WireRequest,
} from "./thread-protocol.ts";

export type ThreadRole = "writer" | "reader";

const ENTRY_BY_ROLE: Readonly<Record<ThreadRole, URL>> = {
  writer: new URL("./writer-thread.ts", import.meta.url),
  reader: new URL("./reader-thread.ts", import.meta.url),
};

interface PendingRequest {
  readonly resolve: (results: unknown[]) => void;
  readonly reject: (error: MusterError) => void;
}

export interface DatabaseThreadEvents {
  /** The thread ended without being asked to. Its pending requests have been rejected. */
  readonly onLost: (thread: DatabaseThread, cause: MusterError) => void;
  readonly onTrouble: (cause: MusterError) => void;
}

/** The main thread's end of one database thread. All requests made in one turn travel as one message. */
export class DatabaseThread {
  readonly role: ThreadRole;
  readonly #worker: Worker;
  readonly #pending = new Map<number, PendingRequest>();
  readonly #events: DatabaseThreadEvents;
  readonly #ready = Promise.withResolvers<{ engineVersion: string }>();
  readonly #exited: Promise<void>;
  #outbox: WireRequest[] = [];
  #nextId = 1;
  #isEnding = false;

  constructor(role: ThreadRole, options: ThreadOptions, events: DatabaseThreadEvents) {
    this.role = role;
    this.#events = events;
    this.#worker = new Worker(ENTRY_BY_ROLE[role], { workerData: options, name: `muster-${role}`, env: {} });
    this.#worker.on("message", (message: string | ThreadNotice) => this.#receive(message));
    this.#worker.on("error", (error) => this.#lose(connectionLost(toError(error).message, error)));
    this.#exited = new Promise((resolve) => {
      this.#worker.on("exit", (exitCode) => {
        this.#lose(connectionLost(`the ${role} thread ended with code ${exitCode}`));
        resolve();
      });
    });
    // Whoever starts the thread awaits `ready`; when the start is abandoned before, its failure has been reported as lost.
    this.#ready.promise.catch(() => undefined);
  }

  /** Resolves when the connection is open; rejects with the reason why it is not. */
  get ready(): Promise<{ engineVersion: string }> {
    return this.#ready.promise;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  get isAlive(): boolean {
    return !this.#isEnding;
  }

  send(request: Omit<WireRequest, "id">): Promise<unknown[]> {
    if (this.#isEnding) return Promise.reject(connectionLost(`the ${this.role} thread has ended`));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      // nextTick runs when all promise callbacks of this turn are done, so requests of many callers share a message.
      if (this.#outbox.length === 0) process.nextTick(() => this.#flush());
      this.#outbox.push({ ...request, id });
    });
  }

  /** Lets the thread finish what it has and close its connection; resolves when it has ended, in whatever way. */
  async close(): Promise<void> {
    if (!this.#isEnding) {
      this.#flush();
      this.#isEnding = true;
      this.#worker.postMessage(CLOSE_REQUEST);
    }
    await this.#exited;
    this.#rejectPending(connectionLost(`the ${this.role} thread was closed`));
  }

  /** Ends the thread wherever it is; what it had not answered is rejected, with its outcome unknown. */
  async terminate(cause: MusterError): Promise<void> {
    this.#lose(cause);
    await this.#worker.terminate();
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
    if (message.notice === "ready") this.#ready.resolve(message);
    // The first reason is the true one: that the thread has ended, which comes next, only follows from it.
    if (message.notice === "failed") this.#lose(fromWireError(message.error));
    if (message.notice === "trouble") this.#events.onTrouble(fromWireError(message.error));
  }

  #lose(cause: MusterError): void {
    this.#ready.reject(cause);
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#rejectPending(cause);
    this.#events.onLost(this, cause);
  }

  #rejectPending(cause: MusterError): void {
    for (const { reject } of this.#pending.values()) reject(cause);
    this.#pending.clear();
    this.#outbox = [];
  }
}

function connectionLost(reason: string, cause?: unknown): MusterError {
  return new MusterError("DATABASE_UNAVAILABLE", `use the database: ${reason}`, cause === undefined ? {} : { cause });
}
