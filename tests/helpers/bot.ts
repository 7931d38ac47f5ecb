import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, type AppOptions } from "../../src/app.ts";
import { loadSettings } from "../../src/config/settings.ts";
import { systemClock, type Clock } from "../../src/core/clock.ts";
import { silentLogger, type LogFields, type Logger } from "../../src/core/logger.ts";
import type { Actor } from "../../src/sandbox/actor/actor.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { smallServer, type ServerSeed } from "../../src/sandbox/seeds.ts";
import type { Store } from "../../src/store/store.ts";
import { LeapingClock } from "./leaping-clock.ts";

export interface TestBotOptions {
  readonly seed?: ServerSeed;
  /** Variables as in `.env`. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly sandbox?: Sandbox;
  /** Kept by the caller; otherwise a new one, removed at the end. */
  readonly dataFolder?: string;
  /** Default: one that `leap` can let run ahead for what people see. */
  readonly clock?: Clock;
  /** Default: a process for each job, as in life. */
  readonly createMaintenance?: AppOptions["createMaintenance"];
}

export interface LogLine {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly message: string;
  readonly fields: LogFields;
}

/** The whole real bot against the sandbox, in this process. */
export class TestBot {
  readonly sandbox: Sandbox;
  readonly ids: ServerSeed["ids"];
  readonly dataFolder: string;
  readonly log: LogLine[] = [];
  app: App;
  readonly #options: TestBotOptions;
  readonly #leapingClock = new LeapingClock();

  static async start(options: TestBotOptions = {}): Promise<TestBot> {
    const seed = options.seed ?? smallServer();
    const sandbox = options.sandbox ?? (await Sandbox.start({ port: 0, seed }));
    const bot = new TestBot(options, sandbox, seed.ids);
    await bot.app.start();
    await bot.app.bot.settle();
    return bot;
  }

  private constructor(options: TestBotOptions, sandbox: Sandbox, ids: ServerSeed["ids"]) {
    this.#options = options;
    this.sandbox = sandbox;
    this.ids = ids;
    this.dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), "muster-bot-"));
    this.app = this.#createApp();
  }

  get store(): Store {
    return this.app.store;
  }
  get guildId(): string {
    return this.ids.guildId;
  }
  get channelId(): string {
    return this.ids.rollCallsChannelId;
  }
  /** The path of the database file. */
  get databasePath(): string {
    return join(this.dataFolder, "muster.db");
  }

  /** Lets a wait of the bot's Discord side be over at once, as between two edits of a card; the database's stay real. */
  leap(durationMs: number): void {
    this.#leapingClock.leap(durationMs);
  }

  as(userId: string): Actor {
    return this.sandbox.as(userId);
  }

  async stopApp(): Promise<void> {
    await this.app.stop();
  }

  /** Starts the bot again on the same data and the same Discord. */
  async startApp(): Promise<void> {
    this.app = this.#createApp();
    await this.app.start();
    await this.app.bot.settle();
  }

  async restart(): Promise<void> {
    await this.stopApp();
    await this.startApp();
  }

  async stop(): Promise<void> {
    await this.app.stop();
    if (!this.#options.sandbox) await this.sandbox.stop();
    if (this.#options.dataFolder === undefined) rmSync(this.dataFolder, { recursive: true, force: true });
  }

  #createApp(): App {
    const environment = {
      NODE_ENV: "test",
      DATABASE_PATH: this.databasePath,
      REMINDER_MIN_INTERVAL: "1s",
      // One that writes and one that reads: starting another thread costs as much as most tests.
      DB_MAX_CONNECTIONS: "2",
      MONITOR_PORT: "0",
      ...this.#options.settings,
    };
    const { createMaintenance, clock } = this.#options;
    return new App({
      ...(createMaintenance === undefined ? {} : { createMaintenance }),
      settings: loadSettings({ environment }),
      folder: this.dataFolder,
      access: { token: this.sandbox.botToken, apiUrl: this.sandbox.apiUrl },
      ...(clock === undefined ? { clock: this.#leapingClock, machineClock: systemClock } : { clock }),
      logger: {
        ...this.#createLogger({}),
        setLevel: () => undefined,
        addSecrets: () => undefined,
        setFolder: async () => undefined,
        close: async () => undefined,
      },
      onFatal: (error) => this.log.push({ level: "error", message: error.message, fields: { fatal: true } }),
    });
  }

  #createLogger(common: LogFields): Logger {
    const at =
      (level: LogLine["level"]) =>
      (message: string, fields: LogFields = {}): void =>
        void this.log.push({ level, message, fields: { ...common, ...fields } });
    return {
      ...silentLogger,
      error: at("error"),
      warn: at("warn"),
      info: at("info"),
      debug: at("debug"),
      with: (fields) => this.#createLogger({ ...common, ...fields }),
    };
  }
}

/** As `TestBot.start`. */
export function startTestBot(options?: TestBotOptions): Promise<TestBot> {
  return TestBot.start(options);
}
