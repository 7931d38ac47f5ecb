import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Clock } from "../core/clock.ts";
import { COMPILE_CACHE_FOLDER } from "../core/compile-cache.ts";
import type { Logger } from "../core/logger.ts";
import type { Drawn } from "./drawing-process.ts";
import type { Picture } from "./picture.ts";

/**
 * Draws pictures in a process of its own, one after another. It is started by the first picture and ends when none is
 * asked for any more: what it holds then goes back to the machine, of which a thread would keep some 100 MB.
 */

const ENTRY = new URL("./drawing-process.ts", import.meta.url);
/** A drawing that takes longer hangs; it takes some 30 ms. */
const HANG_MS = 10_000;
const DEFAULT_IDLE_MS = 120_000;
/** More at once is an attack or a fault; who asks then gets no picture. */
const MAX_WAITING = 16;

/** What a drawer needs of a process. */
export type DrawingProcess = Pick<ChildProcess, "on" | "send" | "kill">;

export interface ChartDrawerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default 2 min. */
  readonly idleMs?: number;
  /** Default one of `drawing-process.ts`. */
  readonly startProcess?: () => DrawingProcess;
}

interface Job {
  readonly picture: Picture;
  readonly finish: (png: Buffer | undefined) => void;
  isFinished: boolean;
}

export class ChartDrawer {
  readonly #options: ChartDrawerOptions;
  readonly #waiting: Job[] = [];
  #current: Job | undefined;
  #process: DrawingProcess | undefined;
  #cancelTimer = (): void => undefined;
  #isStopped = false;

  constructor(options: ChartDrawerOptions) {
    this.#options = options;
  }

  /** A PNG; undefined when it could not be drawn within the time, for whatever reason. Never rejects. */
  draw(picture: Picture, withinMs: number): Promise<Buffer | undefined> {
    if (this.#isStopped || this.#waiting.length >= MAX_WAITING) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const job: Job = { picture, finish, isFinished: false };
      const cancel = this.#options.clock.schedule(withinMs, () => finish(undefined));
      function finish(png: Buffer | undefined): void {
        job.isFinished = true;
        cancel();
        resolve(png);
      }
      this.#waiting.push(job);
      this.#drawNext();
    });
  }

  stop(): void {
    this.#isStopped = true;
    for (const job of this.#waiting.splice(0)) job.finish(undefined);
    this.#endProcess();
  }

  #drawNext(): void {
    if (this.#current) return;
    const job = this.#takeJob();
    if (!job) return this.#whenIdle();
    this.#cancelTimer();
    this.#current = job;
    try {
      this.#process ??= this.#start();
      this.#process.send(job.picture);
    } catch (error) {
      this.#lose(error);
      return;
    }
    this.#cancelTimer = this.#options.clock.schedule(HANG_MS, () => this.#lose(new Error("drawing takes too long")));
  }

  /** Who has stopped waiting needs no picture. */
  #takeJob(): Job | undefined {
    let job = this.#waiting.shift();
    while (job?.isFinished) job = this.#waiting.shift();
    return job;
  }

  #start(): DrawingProcess {
    const started = (this.#options.startProcess ?? startProcess)();
    const isCurrent = (): boolean => this.#process === started;
    started.on("message", (message) => {
      const drawn = message as Drawn;
      if (isCurrent()) this.#receive(drawn);
    });
    started.on("error", (error: unknown) => {
      if (isCurrent()) this.#lose(error);
    });
    started.on("exit", () => {
      if (isCurrent()) this.#lose(new Error("the drawing process ended"));
    });
    return started;
  }

  #receive(drawn: Drawn): void {
    if ("error" in drawn) this.#options.logger.warn("a picture could not be drawn", { error: drawn.error });
    this.#finishCurrent("png" in drawn ? Buffer.from(drawn.png) : undefined);
    this.#drawNext();
  }

  #lose(error: unknown): void {
    this.#options.logger.warn("the drawing process was lost", { error });
    this.#endProcess();
    this.#drawNext();
  }

  #finishCurrent(png: Buffer | undefined): void {
    this.#cancelTimer();
    const job = this.#current;
    this.#current = undefined;
    job?.finish(png);
  }

  #whenIdle(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.schedule(this.#options.idleMs ?? DEFAULT_IDLE_MS, () => this.#endProcess());
  }

  #endProcess(): void {
    const ended = this.#process;
    this.#process = undefined;
    this.#finishCurrent(undefined);
    ended?.kill();
  }
}

function startProcess(): DrawingProcess {
  const child = fork(fileURLToPath(ENTRY), [], {
    // Neither the settings with their secrets nor the options of the bot's own process are for it.
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE_FOLDER },
    execArgv: [],
    // A picture crosses as bytes.
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  child.unref();
  child.channel?.unref();
  return child;
}
