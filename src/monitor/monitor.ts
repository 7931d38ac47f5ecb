import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { isLoopback } from "../config/kinds.ts";
import { sleep } from "../core/clock.ts";
import { MusterError } from "../core/errors.ts";
import { createMonitorServer, type MonitorServerOptions } from "./monitor-server.ts";

export interface MonitorOptions extends Omit<MonitorServerOptions, "pageFolder"> {
  readonly host: string;
  /** 0 = the system chooses one. */
  readonly port: number;
  /** Default: where `npm run build:web` puts it. */
  readonly pageFolder?: string;
}

const PAGE_FOLDER = join(import.meta.dirname, "web", "dist");
/** How long the start of a port that is taken is put off; long enough for the program that has it to end. */
const RETRY_MS = 10_000;
/** Answers that are on their way get that long at a stop; the program as a whole has ten seconds. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * Listens for whoever wants to know how the bot is. It never keeps the bot from running: an address that cannot be had is
 * told of in the log and tried again.
 */
export class Monitor {
  readonly name = "monitor";
  readonly #options: MonitorOptions;
  readonly #stopping = new AbortController();
  #server: FastifyInstance | undefined;
  #listening: Promise<void> | undefined;

  /** Throws CONFIG_INVALID for an address beyond this machine without a token. */
  constructor(options: MonitorOptions) {
    if (options.token === "" && !isLoopback(options.host)) {
      throw new MusterError("CONFIG_INVALID", `start the monitor: ${options.host} can be reached from other machines`, {
        hint: "Set MONITOR_TOKEN, or MONITOR_HOST to 127.0.0.1.",
      });
    }
    this.#options = options;
  }

  /** Where it listens; undefined while it does not. */
  get url(): string | undefined {
    const address = this.#server?.server.address();
    if (address === null || address === undefined || typeof address === "string") return undefined;
    const { family, address: host, port } = address;
    return `http://${family === "IPv6" ? `[${host}]` : host}:${port}`;
  }

  /** Resolves after the first try. */
  async start(): Promise<void> {
    if (await this.#tryToListen()) return;
    this.#listening = this.#keepTrying();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new MusterError("SHUTTING_DOWN", "start the monitor: the program is stopping"));
    await this.#listening;
    const server = this.#server;
    if (!server) return;
    // An answer that nobody reads must not keep the program from ending.
    const cancel = this.#options.clock.schedule(CLOSE_TIMEOUT_MS, () => server.server.closeAllConnections());
    await server.close();
    cancel();
  }

  async #keepTrying(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    do {
      await sleep(clock, RETRY_MS, signal).catch(() => undefined);
    } while (!signal.aborted && !(await this.#tryToListen()));
  }

  async #tryToListen(): Promise<boolean> {
    const { host, port, logger } = this.#options;
    const server = await createMonitorServer({ pageFolder: PAGE_FOLDER, ...this.#options });
    try {
      await server.listen({ host, port });
      this.#server = server;
      logger.info("the monitor listens", { url: this.url });
      return true;
    } catch (error) {
      await server.close();
      logger.error("the monitor cannot listen; the bot runs without it, and it is tried again", {
        ...{ host, port, retryMs: RETRY_MS, error },
        hint: "Is another bot or program using MONITOR_PORT? Free it, or set another.",
      });
      return false;
    }
  }
}
