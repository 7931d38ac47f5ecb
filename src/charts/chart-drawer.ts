import { Worker } from "node:worker_threads";
import type { Clock } from "../core/clock.ts";
import { COMPILE_CACHE_FOLDER } from "../core/compile-cache.ts";
import type { Logger } from "../core/logger.ts";
import type { Drawn } from "./drawing-thread.ts";
import type { Picture } from "./picture.ts";

/**
 * Draws pictures in a thread of its own, one after another. The thread is started by the first picture and ends when
 * none is asked for any more: it holds some 60 MB, and most bots are asked for a picture a few times a day.
 */

const THREAD_URL = new URL("./drawing-thread.ts", import.meta.url);
/** A drawing that takes longer hangs; it takes some 30 ms. */
const HANG_MS = 10_000;
const DEFAULT_IDLE_MS = 120_000;
/** More at once is an attack or a fault; who asks then gets no picture. */
const MAX_WAITING = 16;

/** What a drawer needs of a thread; a `Worker` is one. */
export type DrawingThread = Pick<Worker, "on" | "postMessage" | "terminate">;

export interface ChartDrawerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default 2 min. */
  readonly idleMs?: number;
  /** Default a worker thread of `drawing-thread.ts`. */
  readonly startThread?: () => DrawingThread;
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
  #thread: DrawingThread | undefined;
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

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const job of this.#waiting.splice(0)) job.finish(undefined);
    await this.#endThread();
  }

  #drawNext(): void {
    if (this.#current) return;
    const job = this.#takeJob();
    if (!job) return this.#whenIdle();
    this.#cancelTimer();
    this.#current = job;
    try {
      this.#thread ??= this.#start();
      this.#thread.postMessage(job.picture);
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

  #start(): DrawingThread {
    const thread = (this.#options.startThread ?? startWorker)();
    const isCurrent = (): boolean => this.#thread === thread;
    thread.on("message", (drawn: Drawn) => {
      if (isCurrent()) this.#receive(drawn);
    });
    thread.on("error", (error: unknown) => {
      if (isCurrent()) this.#lose(error);
    });
    thread.on("exit", () => {
      if (isCurrent()) this.#lose(new Error("the drawing thread ended"));
    });
    return thread;
  }

  #receive(drawn: Drawn): void {
    if ("error" in drawn) this.#options.logger.warn("a picture could not be drawn", { error: drawn.error });
    this.#finishCurrent("png" in drawn ? Buffer.from(drawn.png.buffer) : undefined);
    this.#drawNext();
  }

  #lose(error: unknown): void {
    this.#options.logger.warn("the drawing thread was lost", { error });
    void this.#endThread();
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
    this.#cancelTimer = this.#options.clock.schedule(
      this.#options.idleMs ?? DEFAULT_IDLE_MS,
      () => void this.#endThread(),
    );
  }

  async #endThread(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    this.#finishCurrent(undefined);
    await thread?.terminate();
  }
}

function startWorker(): Worker {
  const worker = new Worker(THREAD_URL, { name: "muster-charts", env: { NODE_COMPILE_CACHE: COMPILE_CACHE_FOLDER } });
  worker.unref();
  return worker;
}
