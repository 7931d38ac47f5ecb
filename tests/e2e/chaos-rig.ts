import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { APIMessage } from "discord-api-types/v10";
import type { ChaosReport } from "../../src/sandbox/chaos/chaos.ts";
import { homeServer } from "../../src/sandbox/home-server.ts";
import type { BotStatus } from "../../src/sandbox/live/live-frames.ts";

const ENTRY = join(import.meta.dirname, "../../src/main.ts");
const START_LIMIT_MS = 20_000;
const POLL_MS = 100;

export interface ShownOutcome {
  readonly interactionId: string;
  readonly status: string;
  readonly firstResponseMs: number;
  readonly message?: APIMessage;
}

/** The whole program as `npm start` runs it without a token, in a process and folders of its own, used over HTTP. */
export class SandboxProcess {
  readonly ids = homeServer().ids;
  readonly folder = mkdtempSync(join(tmpdir(), "muster-chaos-"));
  readonly #child: ChildProcess;
  #output = "";

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<SandboxProcess> {
    const started = new SandboxProcess(settings);
    await started.until("the bot is ready", () => started.#output.includes(" ready durationMs"), START_LIMIT_MS);
    return started;
  }

  private constructor(settings: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, [ENTRY], {
      env: {
        PATH: process.env.PATH,
        DISCORD_TOKEN: "",
        DATABASE_PATH: this.databasePath,
        DB_BACKUP_DIR: join(this.folder, "backups"),
        LOG_DIR: join(this.folder, "logs"),
        SANDBOX_PORT: "0",
        MONITOR_PORT: "0",
        ...settings,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.on("data", (chunk: Buffer) => (this.#output += chunk.toString()));
    }
  }

  get databasePath(): string {
    return join(this.folder, "data/muster.db");
  }

  get processId(): number {
    return this.#child.pid!;
  }

  get output(): string {
    return this.#output;
  }

  countLogged(text: string): number {
    return this.#output.split(text).length - 1;
  }

  get url(): string {
    return /sandbox=(http:\/\/127\.0\.0\.1:\d+)/.exec(this.#output)![1]!;
  }

  async ask<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(`${this.url}/sandbox${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as Answer;
  }

  chaos(): Promise<ChaosReport> {
    return this.ask("GET", "/chaos");
  }

  /** What destroys the file may be done only once there is a backup to come back from. */
  untilAvailable(id: string): Promise<void> {
    return this.until(`${id} can be done`, async () =>
      (await this.chaos()).actions.some((action) => action.id === id && action.isAvailable),
    );
  }

  beginChaos(id: string, parameters: Readonly<Record<string, number>> = {}): Promise<ChaosReport> {
    return this.ask("POST", `/chaos/${id}`, { parameters });
  }

  endChaos(id: string): Promise<ChaosReport> {
    return this.ask("DELETE", `/chaos/${id}`);
  }

  untilOver(id: string): Promise<void> {
    return this.until(`${id} is over`, async () => (await this.chaos()).running.every((action) => action.id !== id));
  }

  bot(): Promise<BotStatus> {
    return this.ask("GET", "/bot");
  }

  /** The answer as it is once it is there; `failed` when Discord gives up on it. */
  async command(userId: string, name: string, options: object = {}): Promise<ShownOutcome> {
    const channelId = this.ids.rollCallsChannelId;
    const outcome = await this.ask<ShownOutcome>("POST", `/users/${userId}/command`, { name, options, channelId });
    if (outcome.status !== "deferred") return outcome;
    return this.ask("GET", `/interactions/${outcome.interactionId}?waitMs=10000`);
  }

  messages(channelId = this.ids.rollCallsChannelId): Promise<APIMessage[]> {
    return this.ask("GET", `/channels/${channelId}/messages`);
  }

  react(userId: string, messageId: string, emoji: string, verb: "react" | "unreact" = "react"): Promise<void> {
    const channelId = this.ids.rollCallsChannelId;
    return this.ask("POST", `/users/${userId}/${verb}`, { channelId, messageId, emoji });
  }

  async until(what: string, holds: () => Promise<boolean> | boolean, limitMs = 20_000): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!(await holds())) {
      if (performance.now() > deadline || this.#child.exitCode !== null) {
        throw new Error(`not within ${limitMs} ms: ${what}\n${this.#output.slice(-4_000)}`);
      }
      await delay(POLL_MS);
    }
  }

  async untilNormal(): Promise<void> {
    await this.until("the bot is as always", async () => {
      const { isConnected, state, queueSize } = await this.bot();
      return isConnected && state === "normal" && queueSize === 0;
    });
  }

  async stop(): Promise<number | null> {
    if (this.#child.exitCode === null) {
      this.#child.kill("SIGTERM");
      await once(this.#child, "exit");
    }
    return this.#child.exitCode;
  }

  removeFolder(): void {
    if (this.#child.exitCode === null) this.#child.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
