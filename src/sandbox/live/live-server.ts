import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { GatewayDispatchEvents as Event, type APIMessage } from "discord-api-types/v10";
import { WebSocketServer, type WebSocket } from "ws";
import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { CommandRegistry } from "../commands.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { CHANNEL_EVENTS } from "../gateway/visibility.ts";
import { isOwnPage } from "../own-page.ts";
import type { WorldEvent } from "../world/events.ts";
import { renderMessage } from "../world/render.ts";
import type { World } from "../world/world.ts";
import type { BotDescription, BotStatus, ClockStatus, LiveFrame } from "./live-frames.ts";
import { canView, takeSnapshot } from "./snapshot.ts";

/**
 * The WebSocket of the sandbox's page: whoever opens `/sandbox/live?user=<id>` is told what that person sees, and then
 * what happens before their eyes, under the names of the gateway's events. What changes who sees what (guilds, channels,
 * roles, people, commands) is told as a new snapshot: such changes are few, and a page cannot get them wrong that way.
 */
export const LIVE_PATH = "/sandbox/live";

/** A snapshot follows a change by this much, so that a burst of changes makes one. */
const SNAPSHOT_DELAY_MS = 30;
const STATUS_INTERVAL_MS = 1_000;
/** The page's clock may be off by this much before it is told. */
const CLOCK_TOLERANCE_MS = 300;
const CLOSE_UNKNOWN_USER = 4_004;

export interface LiveOptions {
  readonly world: World;
  readonly clock: Clock;
  readonly commands: CommandRegistry;
  readonly gateway: Gateway;
  readonly logger: Logger;
  readonly describeBot: () => BotDescription | undefined;
}

interface Viewer {
  readonly userId: string;
  readonly webSocket: WebSocket;
}

/** Keeps the pages that are open, and tells each what its person sees. */
export class LiveServer {
  readonly #options: LiveOptions;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 1024 });
  readonly #viewers = new Set<Viewer>();
  readonly #unsubscribe: readonly (() => void)[];
  #cancelSnapshots: (() => void) | undefined;
  #cancelStatus: (() => void) | undefined;
  #toldStatus = "";
  #toldOffsetMs = 0;
  #toldRate = 1;

  constructor(options: LiveOptions) {
    this.#options = options;
    const { world, commands } = options;
    this.#unsubscribe = [
      world.events.subscribe((event) => this.#tell(event)),
      world.events.subscribePrivate((userId, event) => this.#tellPrivately(userId, event)),
      commands.subscribe(() => this.#planSnapshots()),
    ];
  }

  get viewerCount(): number {
    return this.#viewers.size;
  }

  describeBot(): BotStatus {
    return { isConnected: this.#options.gateway.isBotConnected, ...this.#options.describeBot() };
  }

  describeClock(): ClockStatus {
    const clock = this.#options.clock as Clock & { readonly rate?: number };
    return { nowMs: clock.now(), rate: clock.rate ?? 1 };
  }

  /** Takes over an HTTP upgrade of `LIVE_PATH`. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!isOwnPage(request.headers)) {
      socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const userId = new URL(request.url ?? "", "http://localhost").searchParams.get("user") ?? "";
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket, userId));
  }

  /** Sends a frame to every open page. */
  broadcast(frame: LiveFrame): void {
    if (this.#viewers.size === 0) return;
    const text = JSON.stringify(frame);
    for (const { webSocket } of this.#viewers) webSocket.send(text);
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#cancelSnapshots?.();
    this.#cancelStatus?.();
    for (const { webSocket } of this.#viewers) webSocket.terminate();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #open(webSocket: WebSocket, askedUserId: string): void {
    const { world, logger } = this.#options;
    // Without a user, or with one of an earlier world, a page is shown what the first person sees.
    const asked = world.state.users.get(askedUserId);
    const user = asked && !asked.isBot ? asked : [...world.state.users.values()].find(({ isBot }) => !isBot);
    if (!user) return webSocket.close(CLOSE_UNKNOWN_USER, "the world has no people");
    const viewer: Viewer = { userId: user.id, webSocket };
    webSocket.on("error", (error) => logger.debug("the connection of a page failed", { error }));
    webSocket.on("close", () => this.#forget(viewer));
    this.#viewers.add(viewer);
    this.#greet(viewer);
    this.#cancelStatus ??= this.#options.clock.schedule(STATUS_INTERVAL_MS, this.#watchStatus);
  }

  #forget(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0) return;
    this.#cancelStatus?.();
    this.#cancelStatus = undefined;
  }

  #greet(viewer: Viewer): void {
    const { world, commands } = this.#options;
    const sources = { world, commands, bot: this.describeBot(), clock: this.describeClock() };
    send(viewer, { op: "hello", ...takeSnapshot(viewer.userId, sources) });
  }

  #planSnapshots(): void {
    if (this.#viewers.size === 0) return;
    this.#cancelSnapshots ??= this.#options.clock.schedule(SNAPSHOT_DELAY_MS, () => {
      this.#cancelSnapshots = undefined;
      for (const viewer of this.#viewers) this.#greet(viewer);
    });
  }

  #tell(event: WorldEvent): void {
    if (this.#viewers.size === 0 || event.type === Event.InteractionCreate) return;
    if (!CHANNEL_EVENTS.has(event.type)) {
      // A direct channel that opens is in the snapshot already.
      if (event.guildId !== undefined) this.#planSnapshots();
      return;
    }
    for (const viewer of this.#viewers) {
      if (event.channelId !== undefined && !canView(this.#options.world, viewer.userId, event.channelId)) continue;
      send(viewer, { op: "dispatch", t: event.type, d: this.#showTo(viewer, event) });
    }
  }

  #tellPrivately(userId: string, event: WorldEvent): void {
    for (const viewer of this.#viewers) {
      if (viewer.userId === userId) send(viewer, { op: "dispatch", t: event.type, d: this.#showTo(viewer, event) });
    }
  }

  /** Messages say of each reaction whether the reader has made it, so each reader needs their own. */
  #showTo(viewer: Viewer, event: WorldEvent): object {
    if (event.type !== Event.MessageCreate && event.type !== Event.MessageUpdate) return event.data;
    const message = this.#options.world.state.messages.get((event.data as APIMessage).id);
    return message ? renderMessage(this.#options.world, message, viewer.userId) : event.data;
  }

  readonly #watchStatus = (): void => {
    this.#cancelStatus = this.#options.clock.schedule(STATUS_INTERVAL_MS, this.#watchStatus);
    const bot = this.describeBot();
    const status = JSON.stringify(bot);
    if (status !== this.#toldStatus) this.broadcast({ op: "bot", bot });
    this.#toldStatus = status;

    const clock = this.describeClock();
    const offsetMs = clock.nowMs - this.#options.clock.monotonic() * clock.rate;
    const isOff = Math.abs(offsetMs - this.#toldOffsetMs) > CLOCK_TOLERANCE_MS * clock.rate;
    if (isOff || clock.rate !== this.#toldRate) this.broadcast({ op: "clock", clock });
    this.#toldOffsetMs = offsetMs;
    this.#toldRate = clock.rate;
  };
}

function send(viewer: Viewer, frame: LiveFrame): void {
  viewer.webSocket.send(JSON.stringify(frame));
}
