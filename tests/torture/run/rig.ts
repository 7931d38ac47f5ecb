import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { HealthReport } from "../../../src/database/health/health-types.ts";
import { BotProcess } from "./bot-process.ts";
import { Load } from "./load.ts";
import { Model } from "./model.ts";
import type { MovedClock } from "./moved-clock.ts";
import { DiscordWorld } from "./world.ts";

const MAX_LOAD_ATTEMPTS = 10;

/** Everything that a round works on: Discord, the bot, its folders, the people at it, and what they were told. */
export class Rig {
  readonly folder: string;
  readonly world: DiscordWorld;
  readonly model = new Model();
  readonly load: Load;
  settings: Readonly<Record<string, string>> = {};
  /** That the bot of this round goes by; undefined = the machine's. */
  clock: MovedClock | undefined;
  /** Reminders of rounds in which times of day may have come twice for the bot. */
  readonly ambiguousReminders = new Set<string>();
  /** What went wrong with the bot itself, as it happened. */
  readonly incidents: string[] = [];
  killCount = 0;
  #bot: BotProcess | undefined;
  /** What was meant to end it; anything else is an incident. */
  readonly #expectedEnds = new WeakSet<BotProcess>();
  #changing: Promise<unknown> = Promise.resolve();

  static async open(folder: string): Promise<Rig> {
    return new Rig(folder, await DiscordWorld.open());
  }

  private constructor(folder: string, world: DiscordWorld) {
    this.folder = folder;
    this.world = world;
    this.load = new Load(world, this.model);
  }

  /** Of the bot's data and backups. */
  get home(): string {
    return join(this.folder, "home");
  }
  get databasePath(): string {
    return join(this.home, "data/muster.db");
  }
  get spoolFolder(): string {
    return join(this.home, "data/spool");
  }
  get backupFolder(): string {
    return join(this.home, "backups");
  }
  get hasDatabase(): boolean {
    return existsSync(this.databasePath);
  }
  /** Throws when it is not running. */
  get bot(): BotProcess {
    if (!this.#bot?.isRunning) throw new Error("the bot is not running");
    return this.#bot;
  }

  /** Never two at once. */
  startBot(): Promise<void> {
    return this.#serially(() => this.#start());
  }

  /** kill -9, and a supervisor that starts it again at once. */
  killAndStart(): Promise<void> {
    return this.#serially(async () => {
      await this.#kill();
      await this.#start();
    });
  }

  /** kill -9 again, `afterMs` into a start. */
  killWhileStarting(afterMs: number): Promise<void> {
    return this.#serially(async () => {
      await this.#kill();
      const starting = await this.#spawn();
      await Promise.race([starting.ended, new Promise((resolve) => setTimeout(resolve, afterMs))]);
      await this.#kill();
      await this.#start();
    });
  }

  kill(): Promise<void> {
    return this.#serially(() => this.#kill());
  }

  /** When the bot was asked to stop last, epoch milliseconds. */
  stoppedAt = 0;

  stopBot(): Promise<void> {
    return this.#serially(async () => {
      const bot = this.#bot;
      if (!bot?.isRunning) return;
      this.#expectedEnds.add(bot);
      this.stoppedAt = Date.now();
      if (!(await bot.stop())) this.incidents.push(`stopping ended with ${bot.exitCode} instead of 0`);
      this.#bot = undefined;
    });
  }

  /** undefined when it does not run, or does not answer. */
  async health(): Promise<HealthReport | undefined> {
    const bot = this.#bot;
    if (!bot?.isRunning) return undefined;
    const health = await bot.health();
    if (!health && this.#hasFailingCalls && bot.isRunning) bot.endStuckForks();
    return health;
  }

  async close(): Promise<void> {
    await this.kill();
    this.clock?.close();
    await this.world.sandbox.stop();
  }

  #serially<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#changing.then(change);
    this.#changing = result.catch(() => undefined);
    return result;
  }

  async #start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const bot = this.#bot?.isRunning ? this.#bot : await this.#spawn();
      try {
        await bot.waitUntilReady();
        return;
      } catch (error) {
        if (!this.#mayNotLoad(bot) || attempt === MAX_LOAD_ATTEMPTS) throw error;
      }
    }
  }

  /** While its calls are made to fail; then a supervisor starts it again. */
  #mayNotLoad(bot: BotProcess): boolean {
    return bot.hasNotLoaded && this.#hasFailingCalls;
  }

  get #hasFailingCalls(): boolean {
    return this.settings["FIU_CTRL_FIFO"] !== undefined;
  }

  async #spawn(): Promise<BotProcess> {
    const { botToken, apiUrl } = this.world.sandbox;
    // A bot that starts so often in an hour waits for minutes before it bothers Discord, as it should.
    rmSync(join(this.home, "data/starts.json"), { force: true });
    const bot = await BotProcess.spawn({
      ...{ token: botToken, apiUrl, home: this.home, settings: this.settings },
      logPath: join(this.folder, "bot.log"),
    });
    this.#bot = bot;
    void bot.ended.then(() => {
      if (!this.#expectedEnds.has(bot) && !this.#mayNotLoad(bot))
        this.incidents.push(`the bot ended by itself with ${bot.exitCode}`);
    });
    return bot;
  }

  async #kill(): Promise<void> {
    const bot = this.#bot;
    if (!bot?.isRunning) return;
    this.#expectedEnds.add(bot);
    await bot.kill();
    this.killCount++;
    this.#bot = undefined;
  }
}
