import { Events, RESTEvents, type Client } from "discord.js";
import type { Clock } from "../core/clock.ts";
import type { GatewayReport } from "../database/health/health-types.ts";

/**
 * What is known of the connection to Discord, from the client's own events: `client.isReady()` stays true while a shard
 * that was ready once is away. Requests that Discord refused are with the bot's log.
 */
export class GatewayStatus {
  readonly #clock: Clock;
  #client: Client | undefined;
  /** Shards that were connected and are not now. */
  readonly #awayShards = new Set<number>();
  #connectedAt: number | undefined;
  #reconnectCount = 0;
  #rateLimitCount = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Before the client logs in. What another has told before is over, and what it still tells is not listened to. */
  follow(client: Client): void {
    this.#client = client;
    this.#awayShards.clear();
    const leave = (shardId: number): void => {
      if (client !== this.#client) return;
      this.#awayShards.add(shardId);
      this.#connectedAt = undefined;
    };
    const comeBack = (shardId: number): void => {
      if (client !== this.#client) return;
      // The first time that a shard is ready, it has not been away.
      if (this.#awayShards.delete(shardId)) this.#reconnectCount++;
      this.#noteConnected();
    };
    client.on(Events.ClientReady, () => this.#noteConnected());
    client.on(Events.ShardReady, comeBack);
    client.on(Events.ShardResume, comeBack);
    client.on(Events.ShardReconnecting, leave);
    client.on(Events.ShardDisconnect, (_closing, shardId) => leave(shardId));
    client.rest.on(RESTEvents.RateLimited, () => this.#rateLimitCount++);
  }

  /** The client is given up: nothing is connected any more. */
  forget(): void {
    this.#client = undefined;
    this.#connectedAt = undefined;
  }

  get isConnected(): boolean {
    return this.#client !== undefined && this.#client.isReady() && this.#awayShards.size === 0;
  }

  report(): GatewayReport {
    const pingMs = this.#client?.ws.ping ?? -1;
    return {
      isConnected: this.isConnected,
      // -1 before the first heartbeat, and not a number without a shard.
      ...(pingMs >= 0 ? { pingMs } : {}),
      ...(this.#connectedAt === undefined ? {} : { connectedAt: this.#connectedAt }),
      reconnectCount: this.#reconnectCount,
      rateLimitCount: this.#rateLimitCount,
      guildCount: this.#client?.guilds.cache.size ?? 0,
    };
  }

  #noteConnected(): void {
    if (this.isConnected) this.#connectedAt ??= this.#clock.now();
  }
}
