import type { ServerResponse } from "node:http";
import type { Clock } from "../core/clock.ts";
import { Interval } from "../core/interval.ts";
import type { Logger } from "../core/logger.ts";
import type { StreamEvents } from "./api-types.ts";
import { HttpRefusal } from "./http-error.ts";
import type { Jobs } from "./jobs.ts";
import type { MonitorSources } from "./monitor-sources.ts";
import { createSafeReport } from "./safe-report.ts";

/**
 * `/api/stream`: server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). Each event is made
 * into text once for all who listen. Whoever comes, or comes back, first gets the present state of all that the stream
 * tells of, so that nothing has to be sent again. A reader who does not keep up is cut off, and comes back by itself.
 */

const HEALTH_INTERVAL_MS = 2_000;
/** For the reader: how long it waits before it comes back. */
const RETRY_MS = 2_000;
const MAX_STREAMS = 32;
/** What may wait for one reader; a report has about 3 KB. */
const MAX_WAITING_BYTES = 256 * 1024;
/** Nothing else may go through for that long before a line without meaning keeps proxies from closing. */
const HEARTBEAT_MS = 15_000;

export interface HealthStreamOptions {
  readonly sources: Pick<MonitorSources, "health" | "onStateChange">;
  readonly jobs: Jobs;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class HealthStream {
  readonly #options: HealthStreamOptions;
  readonly #streams = new Set<ServerResponse>();
  readonly #ticks: Interval;
  readonly #heartbeats: Interval;
  #unsubscribe: readonly (() => void)[] = [];
  #isClosed = false;

  constructor(options: HealthStreamOptions) {
    const { clock, logger } = options;
    const onError = (error: unknown): void => logger.warn("a stream of the monitor got nothing this time", { error });
    this.#options = options;
    this.#ticks = new Interval({
      ...{ clock, onError },
      everyMs: () => HEALTH_INTERVAL_MS,
      run: () => this.#send("health", createSafeReport(options.sources.health.report())),
    });
    this.#heartbeats = new Interval({
      ...{ clock, onError },
      everyMs: () => HEARTBEAT_MS,
      run: () => this.#write(": still here\n\n"),
    });
  }

  get count(): number {
    return this.#streams.size;
  }

  /** Throws a refusal when there are as many as there may be. */
  requireRoom(): void {
    if (this.#isClosed) throw new HttpRefusal(503, "SHUTTING_DOWN", "The bot is stopping.");
    if (this.#streams.size >= MAX_STREAMS) {
      throw new HttpRefusal(503, "TOO_MANY_STREAMS", "Too many dashboards are open.", "Close one of them.");
    }
  }

  /** Takes over the response: headers are sent here. */
  add(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" });
    response.write(this.#greet());
    response.once("close", () => this.#remove(response));
    // A reader that is gone in the middle of a write is no failure of ours.
    response.on("error", () => this.#remove(response));
    this.#streams.add(response);
    if (this.#streams.size === 1) this.#begin();
  }

  /** Ends all of them; whoever comes later is refused. */
  close(): void {
    this.#isClosed = true;
    for (const response of [...this.#streams]) {
      this.#remove(response);
      response.end();
    }
  }

  /** Nobody listens: nothing is made. */
  #begin(): void {
    const { sources, jobs } = this.#options;
    this.#ticks.start();
    this.#heartbeats.start();
    this.#unsubscribe = [
      sources.onStateChange(() => this.#ticks.trigger()),
      sources.health.onSample((sample) => this.#send("sample", sample)),
      jobs.onJob((job) => this.#send("job", job)),
    ];
  }

  #remove(response: ServerResponse): void {
    if (!this.#streams.delete(response) || this.#streams.size > 0) return;
    for (const end of this.#unsubscribe) end();
    this.#unsubscribe = [];
    void this.#ticks.stop();
    void this.#heartbeats.stop();
  }

  #greet(): string {
    const { sources, jobs } = this.#options;
    return [
      `retry: ${RETRY_MS}\n\n`,
      formatEvent("health", createSafeReport(sources.health.report())),
      ...jobs.list().map((job) => formatEvent("job", job)),
    ].join("");
  }

  #send<Name extends keyof StreamEvents>(name: Name, data: StreamEvents[Name]): void {
    this.#write(formatEvent(name, data));
  }

  #write(text: string): void {
    for (const response of [...this.#streams]) {
      if (response.writableLength <= MAX_WAITING_BYTES) {
        response.write(text);
        continue;
      }
      this.#remove(response);
      response.destroy();
    }
  }
}

function formatEvent<Name extends keyof StreamEvents>(name: Name, data: StreamEvents[Name]): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
