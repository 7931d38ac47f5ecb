import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { GatewayCloseCodes, GatewayOpcodes } from "discord-api-types/v10";
import { WebSocketServer, type WebSocket } from "ws";
import type { Logger } from "../../core/logger.ts";
import type { Faults, FaultyGateway } from "../faults.ts";
import type { WorldEvent } from "../world/events.ts";
import type { World } from "../world/world.ts";
import { GatewayConnection } from "./connection.ts";
import { GatewaySession, type SessionStore } from "./session.ts";
import { isVisible, redactFor, type Audience } from "./visibility.ts";

export interface GatewayOptions {
  readonly world: World;
  readonly faults: Faults;
  readonly logger: Logger;
  readonly getUrl: () => string;
}

/** The WebSocket side: keeps sessions, and hands each the events that it may see. */
export class Gateway implements FaultyGateway, SessionStore {
  readonly #world: World;
  readonly #faults: Faults;
  readonly #logger: Logger;
  readonly #getUrl: () => string;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 });
  readonly #sessions = new Map<string, GatewaySession>();
  readonly #connections = new Set<GatewayConnection>();
  readonly #identifiedAtMs: number[] = [];
  readonly #unsubscribe: () => void;

  constructor(options: GatewayOptions) {
    this.#world = options.world;
    this.#faults = options.faults;
    this.#logger = options.logger;
    this.#getUrl = options.getUrl;
    this.#unsubscribe = this.#world.events.subscribe((event) => this.#dispatch(event));
  }

  get isBotConnected(): boolean {
    return [...this.#sessions.values()].some((session) => session.isConnected);
  }

  get url(): string {
    return this.#getUrl();
  }

  /** IDENTIFYs of the last 24 hours; Discord resets the token of bots that exceed the limit. */
  get identifyCount(): number {
    const dayAgoMs = this.#world.clock.now() - 86_400_000;
    while (this.#identifiedAtMs.length > 0 && this.#identifiedAtMs[0]! < dayAgoMs) this.#identifiedAtMs.shift();
    return this.#identifiedAtMs.length;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Takes over an HTTP upgrade. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!this.#faults.acceptsConnections) {
      socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket));
  }

  createSession(options: Audience & { readonly largeThreshold: number }): GatewaySession {
    this.#forgetLostSessions();
    this.#identifiedAtMs.push(this.#world.clock.now());
    const session = new GatewaySession({
      ...options,
      id: randomBytes(16).toString("hex"),
      maxReplayEvents: this.#world.limits.replayEvents,
    });
    this.#sessions.set(session.id, session);
    return session;
  }

  findSession(sessionId: string): GatewaySession | undefined {
    this.#forgetLostSessions();
    return this.#sessions.get(sessionId);
  }

  endSession(session: GatewaySession): void {
    this.#sessions.delete(session.id);
  }

  closeConnections(code: number, reason: string): number {
    return this.#forEachConnection((connection) => connection.close(code, reason));
  }

  terminateConnections(): number {
    return this.#forEachConnection((connection) => connection.terminate());
  }

  invalidateSessions(isResumable: boolean): number {
    return this.#forEachConnection((connection) => connection.invalidate(isResumable));
  }

  requestReconnect(): number {
    return this.#forEachConnection((connection) => connection.send({ op: GatewayOpcodes.Reconnect }));
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    this.closeConnections(GatewayCloseCodes.UnknownError, "the sandbox stops");
    for (const connection of this.#connections) connection.terminate();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #open(webSocket: WebSocket): void {
    const connection = new GatewayConnection({
      webSocket,
      world: this.#world,
      faults: this.#faults,
      sessions: this,
      logger: this.#logger,
      onClosed: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
    connection.start();
  }

  #dispatch(event: WorldEvent): void {
    let isDropped: boolean | undefined;
    for (const session of this.#sessions.values()) {
      if (!isVisible(this.#world, event, session)) continue;
      isDropped ??= this.#faults.takeEventDrop(event.type);
      if (!isDropped) session.dispatch(event.type, redactFor(this.#world, event, session));
    }
  }

  #forEachConnection(act: (connection: GatewayConnection) => void): number {
    const connections = [...this.#connections];
    connections.forEach(act);
    return connections.length;
  }

  #forgetLostSessions(): void {
    const oldestMs = this.#world.clock.now() - this.#world.limits.resumeWindowMs;
    for (const session of this.#sessions.values()) {
      if (session.lostAtMs !== undefined && session.lostAtMs < oldestMs) this.#sessions.delete(session.id);
    }
  }
}
