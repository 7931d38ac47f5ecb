import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { DebuggerTarget } from "./saboteur-job.ts";

/**
 * A debugger's view of another Node process and its threads: the process is asked by signal to open its inspector, as
 * `node inspect -p` does, and the inspector's protocol is spoken over its WebSocket. Threads are reached through the
 * domain NodeWorker, whose messages carry those of the thread's own session.
 */

const OPEN_TRIES = 200;
const OPEN_PAUSE_MS = 20;
/** Threads that exist are told of right after asking. */
const THREAD_WAIT_MS = 1_000;

interface Incoming {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

interface RemoteObject {
  readonly value?: unknown;
  readonly objectId?: string;
}

type Send = (method: string, params?: object) => Promise<Readonly<Record<string, unknown>>>;

/** Matches answers with what was asked. */
class Session {
  readonly #write: (text: string) => void;
  readonly #waiting = new Map<number, PromiseWithResolvers<Readonly<Record<string, unknown>>>>();
  #lastId = 0;
  #isEnded = false;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  readonly send: Send = (method, params = {}) => {
    if (this.#isEnded) return Promise.reject(goneError());
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Readonly<Record<string, unknown>>>();
    this.#waiting.set(id, answer);
    this.#write(JSON.stringify({ id, method, params }));
    return answer.promise;
  };

  take({ id, result, error }: Incoming): void {
    const answer = this.#waiting.get(id ?? 0);
    if (error) answer?.reject(new Error(error.message));
    else answer?.resolve(result ?? {});
    this.#waiting.delete(id ?? 0);
  }

  /** Nothing is answered any more. */
  end(): void {
    this.#isEnded = true;
    for (const { reject } of this.#waiting.values()) reject(goneError());
    this.#waiting.clear();
  }
}

export interface DebuggedThread {
  /** The value of a JavaScript expression there, as JSON has it. */
  evaluate(expression: string): Promise<unknown>;
  /** Runs an expression there and waits for nothing. */
  order(expression: string): void;
  /** Calls `body` (the text of a function) on the array of all objects that have the prototype an expression gives. */
  callOnInstances(prototypeExpression: string, body: string): Promise<unknown>;
}

export class Debugger {
  readonly #target: DebuggerTarget;
  readonly #socket: WebSocket;
  readonly #session: Session;
  /** Also when it is the process that goes. */
  readonly #closed: Promise<void>;
  readonly #threads = new Map<string, { readonly sessionId: string; readonly session: Session }>();

  static async attach(target: DebuggerTarget): Promise<Debugger> {
    const socket = new WebSocket(await openInspector(target));
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve, { once: true });
      socket.addEventListener("error", () => reject(new Error("the debugger does not answer")), { once: true });
    });
    const attached = new Debugger(target, socket);
    // A port may belong to anybody.
    if ((await evaluate(attached.#session.send, "process.pid")) !== target.processId) {
      socket.close();
      throw new Error("another process's debugger listens there");
    }
    return attached;
  }

  private constructor(target: DebuggerTarget, socket: WebSocket) {
    this.#target = target;
    this.#socket = socket;
    this.#session = new Session((text) => socket.send(text));
    socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(String(data)) as Incoming));
    this.#closed = new Promise((resolve) => socket.addEventListener("close", () => resolve(), { once: true }));
    void this.#closed.then(() => {
      this.#session.end();
      for (const { session } of this.#threads.values()) session.end();
    });
  }

  /** undefined when the process has no thread of that name. */
  async findThread(name: string): Promise<DebuggedThread | undefined> {
    await this.#session.send("NodeWorker.enable", { waitForDebuggerOnStart: false });
    for (let waitedMs = 0; waitedMs < THREAD_WAIT_MS && !this.#threads.has(name); waitedMs += OPEN_PAUSE_MS) {
      await delay(OPEN_PAUSE_MS);
    }
    const { send } = this.#threads.get(name)?.session ?? {};
    return (
      send && {
        evaluate: (expression) => evaluate(send, expression),
        order: (expression) => forget(send("Runtime.evaluate", { expression })),
        callOnInstances: (prototypeExpression, body) => callOnInstances(send, prototypeExpression, body),
      }
    );
  }

  /** Lets go of the process, and closes the inspector that was opened for this. */
  async close(): Promise<void> {
    if (this.#target.isOpen) this.#socket.close();
    else forget(this.#session.send("Runtime.evaluate", { expression: INSPECTOR_CLOSE }));
    await this.#closed;
  }

  #receive(message: Incoming): void {
    const { method, params = {} } = message;
    if (method === undefined) return this.#session.take(message);
    if (method === "NodeWorker.attachedToWorker") {
      const { sessionId, workerInfo } = params as { sessionId: string; workerInfo: { title: string } };
      const session = new Session((text) =>
        forget(this.#session.send("NodeWorker.sendMessageToWorker", { sessionId, message: text })),
      );
      this.#threads.set(workerInfo.title.replace(/^\[worker \d+\] /, ""), { sessionId, session });
    } else if (method === "NodeWorker.receivedMessageFromWorker") {
      const thread = [...this.#threads.values()].find(({ sessionId }) => sessionId === params["sessionId"]);
      const inner = JSON.parse(String(params["message"])) as Incoming;
      if (inner.id !== undefined) thread?.session.take(inner);
    }
  }
}

/** Closing waits for what listens to it, and this is part of it: later, then. */
const INSPECTOR_CLOSE = `setImmediate(() => process.getBuiltinModule("node:inspector").close())`;

/** The address of the debugger's WebSocket. */
async function openInspector({ processId, port, isOpen }: DebuggerTarget): Promise<string> {
  if (!isOpen) await askToOpen(processId);
  for (let tries = 0; tries < OPEN_TRIES; tries++) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/json/list`);
      const [first] = (await answer.json()) as { webSocketDebuggerUrl: string }[];
      if (first) return first.webSocketDebuggerUrl;
    } catch {
      // Not open yet.
    }
    await delay(OPEN_PAUSE_MS);
  }
  throw new Error("the process does not open its debugger");
}

/** Waits for a process that has just begun: it has no handler yet, and the signal would end it. */
async function askToOpen(processId: number): Promise<void> {
  for (let tries = 0; !takesSignal(processId); tries++) {
    if (tries === OPEN_TRIES) throw new Error("the process takes no debugger");
    await delay(OPEN_PAUSE_MS);
  }
  // What this does is documented for `process.kill` and SIGUSR1; it serves systems without signals, too.
  (process as unknown as { _debugProcess(id: number): void })._debugProcess(processId);
}

/** By the mask of signals that the kernel shows; where it shows none, a handler is taken for granted. */
function takesSignal(processId: number): boolean {
  try {
    const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${processId}/status`, "utf8"))?.[1] ?? "0";
    return ((BigInt(`0x${caught}`) >> BigInt(constants.signals.SIGUSR1 - 1)) & 1n) === 1n;
  } catch {
    return true;
  }
}

function goneError(): Error {
  return new Error("the process is gone");
}

async function evaluate(send: Send, expression: string): Promise<unknown> {
  const answer = await send("Runtime.evaluate", { expression, returnByValue: true });
  return valueOf(answer).value;
}

async function callOnInstances(send: Send, prototypeExpression: string, body: string): Promise<unknown> {
  const prototype = valueOf(await send("Runtime.evaluate", { expression: prototypeExpression }));
  const found = await send("Runtime.queryObjects", { prototypeObjectId: prototype.objectId });
  const { objectId } = found["objects"] as RemoteObject;
  const answer = await send("Runtime.callFunctionOn", { objectId, functionDeclaration: body, returnByValue: true });
  return valueOf(answer).value;
}

/** A thread that ends takes the answers to what it was asked with it. */
function forget(answer: Promise<unknown>): void {
  answer.catch(() => undefined);
}

function valueOf(answer: Readonly<Record<string, unknown>>): RemoteObject {
  const thrown = answer["exceptionDetails"] as { text: string; exception?: { description?: string } } | undefined;
  if (thrown) throw new Error(thrown.exception?.description ?? thrown.text);
  return answer["result"] as RemoteObject;
}
