import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePort } from "../../src/sandbox/free-port.ts";
import { pause } from "../harness.ts";
import type { SandboxAddress } from "../processes/sandbox.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 5;
const BYTES_PER_MB = 1e6;

/** The program as people start it: `node src/main.ts`. */
export class MainProcess {
  /** From the start of the process until it is connected and its database available. */
  readyAfterMs = 0;
  readonly #child: ChildProcess;
  readonly #port: number;

  static async start(folder: string, { token, apiUrl }: SandboxAddress): Promise<MainProcess> {
    const port = await findFreePort();
    const startedAt = performance.now();
    const child = spawn(process.execPath, [MAIN], {
      stdio: "ignore",
      env: {
        ...process.env,
        ...{ NODE_ENV: "production", DISCORD_TOKEN: token, DISCORD_API_URL: apiUrl, MONITOR_PORT: String(port) },
        DATABASE_PATH: join(folder, "data", "muster.db"),
        DB_BACKUP_DIR: join(folder, "backups"),
        LOG_DIR: join(folder, "logs"),
      },
    });
    const main = new MainProcess(child, port);
    try {
      await main.#waitUntilReady(startedAt);
    } catch (error) {
      await main.stop();
      throw error;
    }
    main.readyAfterMs = performance.now() - startedAt;
    return main;
  }

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#port = port;
  }

  get residentMb(): number {
    return residentMbOf(this.#child.pid!);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 20_000);
    await ended;
    clearTimeout(timer);
  }

  async #waitUntilReady(startedAt: number): Promise<void> {
    for (;;) {
      if (await this.#isReady()) return;
      if (this.#child.exitCode !== null) throw new Error(`the bot ended with ${this.#child.exitCode}`);
      if (performance.now() - startedAt > READY_TIMEOUT_MS) throw new Error("the bot did not get ready");
      await pause(POLL_MS);
    }
  }

  async #isReady(): Promise<boolean> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.#port}/health/ready`);
      const { isReady, database } = (await response.json()) as { isReady: boolean; database: string };
      return isReady && database === "normal";
    } catch {
      return false;
    }
  }
}

/** Of a process of this machine; VmRSS of /proc. */
export function residentMbOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error("the system does not tell the resident size");
  return (Number(kilobytes) * 1_024) / BYTES_PER_MB;
}
