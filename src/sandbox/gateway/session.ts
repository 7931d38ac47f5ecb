import { GatewayOpcodes, type GatewayDispatchEvents } from "discord-api-types/v10";
import type { Audience } from "./visibility.ts";

/** Where a session's frames go; a session without one keeps its events for a resume. */
export interface FrameSink {
  send(frame: string): void;
}

export interface SessionOptions extends Audience {
  readonly id: string;
  readonly largeThreshold: number;
  readonly maxReplayEvents: number;
}

/** Where sessions are kept while their connections come and go. */
export interface SessionStore {
  /** The gateway's own address, to resume at. */
  readonly url: string;
  createSession(options: Audience & { readonly largeThreshold: number }): GatewaySession;
  /** Undefined when it never was, has ended, or was lost too long ago. */
  findSession(sessionId: string): GatewaySession | undefined;
  endSession(session: GatewaySession): void;
}

interface SentEvent {
  readonly sequence: number;
  readonly frame: string;
}

/** One identified bot connection: numbers its events and remembers the newest, so that a dropped one can resume. */
export class GatewaySession implements Audience {
  readonly id: string;
  readonly intents: number;
  readonly shardId: number;
  readonly shardCount: number;
  readonly largeThreshold: number;
  readonly #maxReplayEvents: number;
  #sent: SentEvent[] = [];
  #sequence = 0;
  #sink: FrameSink | undefined;
  #lostAtMs: number | undefined;
  #guildListsAtMs = new Map<string, number>();

  constructor(options: SessionOptions) {
    this.id = options.id;
    this.intents = options.intents;
    this.shardId = options.shardId;
    this.shardCount = options.shardCount;
    this.largeThreshold = options.largeThreshold;
    this.#maxReplayEvents = options.maxReplayEvents;
  }

  get isConnected(): boolean {
    return this.#sink !== undefined;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** When the connection was lost; undefined while connected. */
  get lostAtMs(): number | undefined {
    return this.#lostAtMs;
  }

  attach(sink: FrameSink): void {
    this.#sink = sink;
    this.#lostAtMs = undefined;
  }

  /** False when another connection has taken the session over: then it goes on there. */
  detach(sink: FrameSink, nowMs: number): boolean {
    if (this.#sink !== sink) return false;
    this.#sink = undefined;
    this.#lostAtMs = nowMs;
    return true;
  }

  dispatch(type: GatewayDispatchEvents, data: object | null): void {
    this.#sequence++;
    const frame = JSON.stringify({ op: GatewayOpcodes.Dispatch, t: type, s: this.#sequence, d: data });
    this.#sent.push({ sequence: this.#sequence, frame });
    // Trimmed in halves, as shifting at every event would cost a copy of the whole buffer each time.
    if (this.#sent.length > this.#maxReplayEvents * 2) this.#sent = this.#sent.slice(-this.#maxReplayEvents);
    this.#sink?.send(frame);
  }

  /** Sends what came after `sequence` again; false when some of it is no longer kept or never was. */
  replayAfter(sequence: number): boolean {
    if (sequence > this.#sequence) return false;
    const missed = this.#sequence - sequence;
    if (missed > Math.min(this.#sent.length, this.#maxReplayEvents)) return false;
    for (const event of this.#sent.slice(this.#sent.length - missed)) this.#sink?.send(event.frame);
    return true;
  }

  /** Milliseconds until a full member list of the guild may be asked for again; 0 = now, and now is noted. */
  takeGuildListTurn(guildId: string, nowMs: number, intervalMs: number): number {
    const lastAtMs = this.#guildListsAtMs.get(guildId);
    if (lastAtMs !== undefined && nowMs - lastAtMs < intervalMs) return lastAtMs + intervalMs - nowMs;
    this.#guildListsAtMs.set(guildId, nowMs);
    return 0;
  }
}
