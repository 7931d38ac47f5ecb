import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { HealthReport } from "../../../src/database/health/health-types.ts";
import { findFreePort } from "../../../src/sandbox/free-port.ts";

const ENTRY = join(import.meta.dirname, "../../../src/main.ts");
const READY_WITHIN_MS = 90_000;
/** The bot gives itself ten seconds. */
const STOP_WITHIN_MS = 20_000;
const HEALTH_WITHIN_MS = 2_000;
const POLL_MS = 25;
/** Time for its maintenance process to end by itself. */
const LEFT_BEHIND_MS = 2_000;

export interface BotPlace {
  readonly token: string;
  readonly apiUrl: string;
  /** With `data` and `backups`. */
  readonly home: string;
  /** Where what it says goes. */
  readonly logPath: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** Processes that must not outlive this one, however it ends. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** The bot as its operator runs it: a process of its own, of which nothing is known but what it shows to everybody. */
export class BotProcess {
  readonly #child: ChildProcess;
  readonly #monitorPort: number;
  readonly debuggerPort: number;
  readonly ended: Promise<void>;
  #isReady = false;
  #tail = "";

  static async spawn(place: BotPlace): Promise<BotProcess> {
    const [monitorPort, debuggerPort] = [await findFreePort(), await findFreePort()];
    return new BotProcess(place, monitorPort, debuggerPort);
  }

  private constructor(place: BotPlace, monitorPort: number, debuggerPort: number) {
    this.#monitorPort = monitorPort;
    this.debuggerPort = debuggerPort;
    this.#child = spawn(process.execPath, [`--inspect-port=127.0.0.1:${debuggerPort}`, ENTRY], {
      // Nothing of this process's own settings.
      env: {
        PATH: process.env["PATH"],
        DISCORD_TOKEN: place.token,
        DISCORD_API_URL: place.apiUrl,
        DATABASE_PATH: join(place.home, "data/muster.db"),
        DB_BACKUP_DIR: join(place.home, "backups"),
        LOG_DIR: join(place.home, "logs"),
        REMINDER_MIN_INTERVAL: "1s",
        MONITOR_PORT: String(monitorPort),
        ...place.settings,
      },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, of which nothing stays behind.
      detached: true,
    });
    running.add(this.#child);
    const listen = (chunk: Buffer): void => this.#hear(chunk, place.logPath);
    this.#child.stdout?.on("data", listen);
    this.#child.stderr?.on("data", listen);
    this.ended = this.#awaitEnd();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** The system did not let Node.js read the program: that is nothing a program could do anything about. */
  get hasNotLoaded(): boolean {
    const isFileOfIts = /(?:Cannot read package config|: EIO|: EMFILE|: ENOSPC).*\/(?:node_modules|src)\//;
    return !this.#isReady && !this.isRunning && isFileOfIts.test(this.#tail);
  }

  /** Throws when it ends, or takes too long. */
  async waitUntilReady(): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!this.#isReady) {
      if (!this.isRunning) throw new Error(`the bot ended with ${this.exitCode} before it was ready`);
      if (Date.now() > deadline) throw new Error(`the bot was not ready within ${READY_WITHIN_MS} ms`);
      await pause(POLL_MS);
    }
  }

  /** undefined when it does not answer. */
  async health(): Promise<HealthReport | undefined> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#monitorPort}/health`, {
        signal: AbortSignal.timeout(HEALTH_WITHIN_MS),
      });
      return answer.ok ? ((await answer.json()) as HealthReport) : undefined;
    } catch {
      return undefined;
    }
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  /** As a supervisor stops it; false when it did not end by itself in time, with 0. */
  async stop(): Promise<boolean> {
    this.#child.kill("SIGTERM");
    const isEnded = await Promise.race([this.ended.then(() => true), pause(STOP_WITHIN_MS, false, { ref: false })]);
    if (!isEnded) await this.kill();
    return this.exitCode === 0;
  }

  /** Processes that it has started: those of maintenance. */
  listChildren(): number[] {
    const parent = String(this.pid);
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && readParent(name) === parent)
      .map(Number);
  }

  /**
   * Under libfiu a process may stand still between fork and exec, for a lock that another thread held at the fork; and the
   * bot waits for it in a system call. No program could do anything about it.
   */
  endStuckForks(): void {
    const own = readCommand(this.pid);
    for (const child of this.listChildren()) {
      if (own === undefined || readCommand(child) !== own) continue;
      try {
        process.kill(child, "SIGKILL");
      } catch {
        // It went on by itself.
      }
    }
  }

  async #awaitEnd(): Promise<void> {
    const closed = once(this.#child, "close");
    await once(this.#child, "exit");
    // Killed while it forks under libfiu, it leaves a copy of itself that hangs and holds its streams open.
    await Promise.race([closed, pause(LEFT_BEHIND_MS, undefined, { ref: false })]);
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      // Nothing was left, as always but then.
    }
    running.delete(this.#child);
  }

  #hear(chunk: Buffer, logPath: string): void {
    appendFileSync(logPath, chunk);
    if (this.#isReady) return;
    this.#tail = (this.#tail + chunk.toString()).slice(-10_000);
    this.#isReady = /\bready\b.*durationMs/.test(this.#tail);
  }
}

function readCommand(processId: number): string | undefined {
  try {
    return readFileSync(`/proc/${processId}/cmdline`, "utf8");
  } catch {
    return undefined;
  }
}

function readParent(processId: string): string | undefined {
  try {
    // The name before it may have anything in it, also brackets and spaces.
    return readFileSync(`/proc/${processId}/stat`, "utf8")
      .replace(/^.*\) \S /s, "")
      .split(" ")[0];
  } catch {
    return undefined;
  }
}
