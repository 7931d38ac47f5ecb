import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";

/** A process that answers questions over its channel: what is measured never shares a process with what it is measured against. */

type Method = (input: never) => unknown;
/** What a process offers: each method takes one plain value and gives one. */
export type Methods = Readonly<Record<string, Method>>;

interface Question {
  readonly id: number;
  readonly method: string;
  readonly input: unknown;
}

type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

/** In the process: answers until the one that started it is gone. */
export function serve(methods: Methods): void {
  process.on("disconnect", () => process.exit(0));
  process.on("message", (question: Question) => void answer(question));

  async function answer({ id, method, input }: Question): Promise<void> {
    try {
      const run = methods[method];
      if (!run) throw new Error(`there is no method ${method}`);
      send({ id, value: await run(input as never) });
    } catch (error) {
      send({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }

  function send(answered: Answer): void {
    process.send?.(answered);
  }
}

export interface StartOptions {
  /** Added to the process's own. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly nodeArguments?: readonly string[];
}

/** At the other end. */
export class Remote {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  readonly #ended: Promise<unknown>;
  #nextId = 0;

  constructor(script: URL, { environment = {}, nodeArguments = [] }: StartOptions = {}) {
    this.#child = fork(script, [], {
      serialization: "advanced",
      execArgv: ["--disable-warning=ExperimentalWarning", ...nodeArguments],
      env: { ...process.env, ...environment },
    });
    this.#ended = once(this.#child, "exit");
    this.#child.on("message", (answer: Answer) => {
      const call = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if ("error" in answer) call?.reject(new Error(answer.error));
      else call?.resolve(answer.value);
    });
    this.#child.on("exit", (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the process ended (${signal ?? code})`));
      this.#waiting.clear();
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  call<Result = unknown>(method: string, input?: unknown): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.send({ id, method, input } satisfies Question, (error) => {
        if (error) reject(error);
      });
    });
  }

  /** Lets it end by itself, and ends it when it does not. */
  async stop(timeoutMs = 15_000): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), timeoutMs);
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
    clearTimeout(timer);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
