import type { GatewayDispatchEvents } from "discord-api-types/v10";
import { MusterError } from "../core/errors.ts";

/** What happens to a request that a fault matches. */
export type RestEffect =
  /** 429. `bucket` limits the route alone, `global` everything. */
  | { readonly kind: "rate-limit"; readonly scope: "bucket" | "global"; readonly retryAfterMs: number }
  /** Any status; with `code`, Discord's error shape, else a bare 5xx as its proxies send it. */
  | { readonly kind: "error"; readonly status: number; readonly code?: number; readonly message?: string }
  /** Answered late. */
  | { readonly kind: "delay"; readonly delayMs: number }
  /** Never answered; the connection stays open. */
  | { readonly kind: "hang" }
  /** The connection is cut without an answer. */
  | { readonly kind: "drop" };

export interface RestFault {
  /** GET, POST…; absent = any. */
  readonly method?: string;
  /** Path without `/api/v10`; `*` stands for any text: `/channels/1*`. Absent = any. */
  readonly path?: string;
  /** How many requests it hits; absent = until cleared. */
  readonly count?: number;
  /** `after`: the request takes effect, and only its answer is lost or replaced. Default `before`. */
  readonly when?: "before" | "after";
  readonly effect: RestEffect;
}

export interface ActiveRestFault extends RestFault {
  readonly id: number;
  readonly hits: number;
}

/** What faults need of the gateway. */
export interface FaultyGateway {
  closeConnections(code: number, reason: string): number;
  terminateConnections(): number;
  invalidateSessions(isResumable: boolean): number;
  requestReconnect(): number;
}

interface Rule {
  readonly id: number;
  readonly fault: RestFault;
  readonly pattern: RegExp | undefined;
  hits: number;
}

/** Everything that the sandbox can be told to do wrong. All of it ends with `clear()`. */
export class Faults {
  #rules: Rule[] = [];
  #nextId = 1;
  #gateway: FaultyGateway | undefined;
  #droppedEvents = new Map<GatewayDispatchEvents, number>();
  #acksHeartbeats = true;
  #acceptsConnections = true;

  attachGateway(gateway: FaultyGateway): void {
    this.#gateway = gateway;
  }

  /** Returns the fault's id, for `remove`. */
  add(fault: RestFault): number {
    const id = this.#nextId++;
    const pattern = fault.path === undefined ? undefined : compilePath(fault.path);
    this.#rules.push({ id, fault, pattern, hits: 0 });
    return id;
  }

  /** The answers to interactions come late or, beyond three seconds, too late. */
  delayInteractionResponses(delayMs: number, count?: number): number {
    return this.add({
      method: "POST",
      path: "/interactions/*/callback",
      effect: { kind: "delay", delayMs },
      ...(count === undefined ? {} : { count }),
    });
  }

  remove(id: number): boolean {
    const before = this.#rules.length;
    this.#rules = this.#rules.filter((rule) => rule.id !== id);
    return this.#rules.length < before;
  }

  clear(): void {
    this.#rules = [];
    this.#droppedEvents.clear();
    this.#acksHeartbeats = true;
    this.#acceptsConnections = true;
  }

  list(): ActiveRestFault[] {
    return this.#rules.map((rule) => ({ ...rule.fault, id: rule.id, hits: rule.hits }));
  }

  /** The first fault that matches the request and still has hits left; it is counted as hit. */
  take(method: string, path: string): RestFault | undefined {
    for (const rule of this.#rules) {
      if (rule.fault.method !== undefined && rule.fault.method.toUpperCase() !== method) continue;
      if (rule.pattern && !rule.pattern.test(path)) continue;
      rule.hits++;
      if (rule.fault.count !== undefined && rule.hits >= rule.fault.count) this.remove(rule.id);
      return rule.fault;
    }
    return undefined;
  }

  /** Closes every gateway connection with a code; returns how many there were. Clients may resume as the code allows. */
  closeGateway(code = 4000, reason = "closed by a fault"): number {
    return this.#requireGateway().closeConnections(code, reason);
  }

  /** Cuts every gateway connection as a lost network does: without a close frame. */
  cutGateway(): number {
    return this.#requireGateway().terminateConnections();
  }

  /** Op 9. Sessions that are not resumable are forgotten. */
  invalidateSessions(isResumable = false): number {
    return this.#requireGateway().invalidateSessions(isResumable);
  }

  /** Op 7: clients reconnect and resume. */
  requestReconnect(): number {
    return this.#requireGateway().requestReconnect();
  }

  setHeartbeatAcks(isEnabled: boolean): void {
    this.#acksHeartbeats = isEnabled;
  }

  /** While false, new gateway connections are refused with 503. */
  setGatewayAccepting(isEnabled: boolean): void {
    this.#acceptsConnections = isEnabled;
  }

  /** The next `count` events of the type are never sent (default: all of them). */
  dropEvents(type: GatewayDispatchEvents, count = Infinity): void {
    this.#droppedEvents.set(type, count);
  }

  get acksHeartbeats(): boolean {
    return this.#acksHeartbeats;
  }

  get acceptsConnections(): boolean {
    return this.#acceptsConnections;
  }

  takeEventDrop(type: GatewayDispatchEvents): boolean {
    const left = this.#droppedEvents.get(type) ?? 0;
    if (left <= 0) return false;
    this.#droppedEvents.set(type, left - 1);
    return true;
  }

  #requireGateway(): FaultyGateway {
    if (!this.#gateway) throw new MusterError("CONFLICT", "the sandbox's gateway is not running");
    return this.#gateway;
  }
}

function compilePath(path: string): RegExp {
  const parts = path.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}
