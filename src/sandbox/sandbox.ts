import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import type { Clock } from "../core/clock.ts";
import { MusterError } from "../core/errors.ts";
import { silentLogger, type Logger } from "../core/logger.ts";
import { Actor } from "./actor/actor.ts";
import type { BotHost } from "./bot-host.ts";
import { Chaos } from "./chaos/chaos.ts";
import { CommandRegistry } from "./commands.ts";
import { registerControlApi } from "./control/control-api.ts";
import { Faults } from "./faults.ts";
import { Gateway } from "./gateway/gateway.ts";
import { homeServer } from "./home-server.ts";
import { createHttpServer } from "./http-server.ts";
import { Interactions } from "./interactions.ts";
import { DEFAULT_LIMITS, type SandboxLimits } from "./limits.ts";
import type { BotDescription } from "./live/live-frames.ts";
import { LIVE_PATH, LiveServer } from "./live/live-server.ts";
import { registerPage } from "./live/page.ts";
import type { RestCounters } from "./rest/context.ts";
import { RateLimits } from "./rest/rate-limits.ts";
import { registerRestApi } from "./rest/rest-api.ts";
import { SandboxClock } from "./sandbox-clock.ts";
import type { WorldSeed } from "./seeds.ts";
import { createWorld } from "./world/create-world.ts";
import type { World } from "./world/world.ts";

export interface SandboxOptions {
  /** 0 = any free port. */
  readonly port: number;
  /** Default: `homeServer()`. */
  readonly seed?: WorldSeed;
  /** Default: a `SandboxClock`, which can be sped up. */
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly limits?: Partial<SandboxLimits>;
  /** Default: a new random one at every start. */
  readonly botToken?: string;
  /** Present where the sandbox may harm the bot and its database, and runs in the bot's process. */
  readonly host?: BotHost;
  /** What the page says of the bot beside whether it is connected; undefined while there is nothing to say. */
  readonly describeBot?: () => BotDescription | undefined;
}

const HOST = "127.0.0.1";
const POLL_MS = 10;

/** A Discord of one's own on loopback: REST and gateway for a bot, and a hand on everything for tests and pages. */
export class Sandbox {
  readonly world: World;
  readonly faults = new Faults();
  readonly commands: CommandRegistry;
  readonly interactions: Interactions;
  readonly gateway: Gateway;
  /** The pages that are open. */
  readonly live: LiveServer;
  readonly chaos: Chaos;
  readonly counters: RestCounters = { requests: 0, rateLimited: 0, invalid: 0, unknownRoutes: 0 };
  readonly #clock: Clock;
  #server: FastifyInstance | undefined;
  #port = 0;
  #stopping: Promise<void> | undefined;

  /** Listens on 127.0.0.1 only. */
  static async start(options: SandboxOptions): Promise<Sandbox> {
    const sandbox = new Sandbox(options);
    await sandbox.#listen(options);
    return sandbox;
  }

  private constructor(options: SandboxOptions) {
    this.#clock = options.clock ?? new SandboxClock();
    this.world = createWorld({
      seed: options.seed ?? homeServer(),
      clock: this.#clock,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      botToken: options.botToken,
      getPublicUrl: () => this.url,
    });
    this.commands = new CommandRegistry(this.applicationId, this.world.snowflakes);
    this.interactions = new Interactions(this.world);
    this.gateway = new Gateway({
      world: this.world,
      faults: this.faults,
      logger: options.logger ?? silentLogger,
      getUrl: () => `ws://${HOST}:${this.#port}/`,
    });
    this.faults.attachGateway(this.gateway);
    this.chaos = new Chaos({
      faults: this.faults,
      host: options.host,
      botState: () => options.describeBot?.()?.state,
      clock: this.#clock,
      logger: options.logger ?? silentLogger,
    });
    this.live = new LiveServer({
      world: this.world,
      clock: this.#clock,
      commands: this.commands,
      gateway: this.gateway,
      logger: options.logger ?? silentLogger,
      describeBot: options.describeBot ?? (() => undefined),
    });
    this.chaos.onChange(() => this.live.broadcast({ op: "chaos", ...this.chaos.describe() }));
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://${HOST}:${this.#port}`;
  }

  /** What a discord.js client takes as `rest.api`. */
  get apiUrl(): string {
    return `${this.url}/api`;
  }

  get botToken(): string {
    return this.world.state.application.botToken;
  }

  get botUserId(): string {
    return this.world.botUserId;
  }

  get applicationId(): string {
    return this.world.state.application.id;
  }

  get isBotConnected(): boolean {
    return this.gateway.isBotConnected;
  }

  /** The sandbox through the eyes and hands of one person. */
  as(userId: string): Actor {
    this.world.requireUser(userId);
    return new Actor({
      userId,
      world: this.world,
      commands: this.commands,
      interactions: this.interactions,
    });
  }

  /** Resolves as soon as `predicate` holds; looks at every event and every few milliseconds. */
  async waitFor(predicate: () => boolean | Promise<boolean>, timeoutMs = 5_000): Promise<void> {
    const deadlineMs = this.#clock.monotonic() + timeoutMs;
    while (!(await predicate())) {
      if (this.#clock.monotonic() >= deadlineMs) {
        throw new MusterError("OPERATION_TIMEOUT", `what the sandbox waited for did not happen within ${timeoutMs} ms`);
      }
      await this.#nextChange();
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close();
    return this.#stopping;
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel();
        unsubscribe();
        resolve();
      };
      const cancel = this.#clock.schedule(POLL_MS, finish);
      const unsubscribe = this.world.events.subscribe(finish);
    });
  }

  async #listen(options: SandboxOptions): Promise<void> {
    const server = await createHttpServer(this.world, this.world.limits);
    this.#server = server;
    await registerRestApi(server, {
      world: this.world,
      commands: this.commands,
      interactions: this.interactions,
      gateway: this.gateway,
      faults: this.faults,
      rateLimits: new RateLimits(this.#clock, this.world.limits),
      counters: this.counters,
      logger: options.logger ?? silentLogger,
    });
    await registerControlApi(server, {
      world: this.world,
      commands: this.commands,
      gateway: this.gateway,
      faults: this.faults,
      live: this.live,
      chaos: this.chaos,
      time: this.#clock instanceof SandboxClock ? this.#clock : undefined,
      counters: this.counters,
      logger: options.logger ?? silentLogger,
      getApiUrl: () => this.apiUrl,
      as: (userId) => this.as(userId),
    });
    registerPage(server);
    server.server.on("upgrade", (request, socket, head) => {
      // Whoever asked may be gone before the answer is: nobody else listens for it.
      socket.on("error", () => socket.destroy());
      const isPage = request.url?.split("?", 1)[0] === LIVE_PATH;
      (isPage ? this.live : this.gateway).accept(request, socket, head);
    });
    await server.listen({ port: options.port, host: HOST });
    this.#port = (server.server.address() as AddressInfo).port;
  }

  async #close(): Promise<void> {
    await this.chaos.stop();
    await this.live.stop();
    await this.gateway.stop();
    await this.#server?.close();
  }
}
