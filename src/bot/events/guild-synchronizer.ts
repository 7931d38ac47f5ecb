import type { Client } from "discord.js";
import { isMusterError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { GracefulDegradation } from "../../resilience/graceful-degradation.ts";
import type { EventRecord } from "../../store/events.ts";
import type { Store } from "../../store/store.ts";
import { goneThing, isTemporary, type GoneThing } from "../discord-errors.ts";
import type { EventCards } from "./event-cards.ts";
import type { EventService } from "./event-service.ts";
import type { Reconciler } from "./reconciler.ts";
import type { TrackedEvents } from "./tracked-events.ts";

/** Member changes come in bursts; the cards that count members follow after this. */
const MEMBER_REFRESH_DELAY_MS = 10_000;
/** Until what could not be done is tried again. */
const RETRY_DELAY_MS = 5_000;

export interface GuildSynchronizerOptions {
  readonly client: Client;
  readonly store: Store;
  readonly degradation: GracefulDegradation;
  readonly tracked: TrackedEvents;
  readonly reconciler: Reconciler;
  readonly cards: EventCards;
  readonly events: EventService;
  readonly onGone: (event: EventRecord, what: GoneThing) => Promise<void>;
  readonly schedule: (delayMs: number, run: () => void) => () => void;
  readonly logger: Logger;
}

/**
 * Brings what Muster knows of each server in line with Discord: at the start, after a new gateway session, when a server
 * is joined, and when the database comes back. It loads the server's events and catches up on the reactions that were
 * missed. What cannot be done now stays asked for.
 */
export class GuildSynchronizer {
  readonly #options: GuildSynchronizerOptions;
  readonly #waiting = new Set<string>();
  readonly #memberTimers = new Map<string, () => void>();
  #cancelRetry: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: GuildSynchronizerOptions) {
    this.#options = options;
    const { client, degradation, tracked } = options;
    client.on("shardReady", () => this.requestAll());
    client.on("guildCreate", (guild) => this.request(guild.id));
    client.on("guildAvailable", (guild) => this.request(guild.id));
    client.on("guildDelete", (guild) => tracked.forgetGuild(guild.id));
    client.on("guildMemberAdd", (member) => this.#membersChanged(member.guild.id));
    client.on("guildMemberRemove", (member) => this.#membersChanged(member.guild.id));
    client.on("guildMemberUpdate", (before, after) => {
      if (before.partial || !before.roles.cache.equals(after.roles.cache)) this.#membersChanged(after.guild.id);
    });
    degradation.onChange((state) => {
      if (state.kind === "normal") this.#run();
    });
  }

  /** Asks for a server to be brought in line; at once when possible. */
  request(guildId: string): void {
    this.#waiting.add(guildId);
    this.#run();
  }

  /** Asks for all servers. */
  requestAll(): void {
    for (const guildId of this.#options.client.guilds.cache.keys()) this.#waiting.add(guildId);
    this.#run();
  }

  /** An answer could not be recorded: as soon as the database takes writes again, the server is brought in line. */
  postpone(event: EventRecord): void {
    this.#waiting.add(event.guildId);
    this.#retryLater();
  }

  /** Resolves when nothing is left that can be done now. */
  async settle(): Promise<void> {
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const cancel of this.#memberTimers.values()) cancel();
    this.#cancelRetry?.();
    await this.#running;
  }

  #run(): void {
    this.#running ??= this.#synchronizeWaiting().finally(() => {
      this.#running = undefined;
    });
  }

  async #synchronizeWaiting(): Promise<void> {
    const { degradation, logger } = this.#options;
    const unfinished = new Set<string>();
    for (const guildId of this.#waiting) {
      if (this.#isStopped || degradation.decide("write") !== "run") break;
      this.#waiting.delete(guildId);
      try {
        if (!(await this.#synchronize(guildId))) unfinished.add(guildId);
      } catch (error) {
        logger.error("server not brought in line", { guildId, error });
        if (isMusterError(error)) unfinished.add(guildId);
      }
    }
    for (const guildId of unfinished) this.#waiting.add(guildId);
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#waiting.size === 0 || this.#isStopped || this.#cancelRetry) return;
    this.#cancelRetry = this.#options.schedule(RETRY_DELAY_MS, () => {
      this.#cancelRetry = undefined;
      this.#run();
    });
  }

  /** False when something is left that another try may do. */
  async #synchronize(guildId: string): Promise<boolean> {
    const { client, store, tracked } = this.#options;
    const guild = client.guilds.cache.get(guildId);
    if (!guild?.available) return true;
    await store.guilds.upsert({ guildId, name: guild.name });
    await tracked.load(guildId);
    let isDone = true;
    for (const event of tracked.listByGuild(guildId)) {
      if (this.#isStopped) return true;
      isDone = (await this.#reconcile(event)) && isDone;
    }
    return isDone;
  }

  /** As `#synchronize`. */
  async #reconcile(event: EventRecord): Promise<boolean> {
    const { reconciler, cards, events, onGone, logger } = this.#options;
    try {
      const { added, removed } = await reconciler.reconcile(event);
      if (added + removed > 0) logger.info("answers caught up on", { eventId: event.id, added, removed });
      // A stop between storing an event and putting its reactions on it leaves members nothing to press.
      await events.restoreReactions(event);
      cards.refresh(event);
      return true;
    } catch (error) {
      const gone = goneThing(error);
      if (gone) await onGone(event, gone);
      // Before the next reminder it is tried again in any case, so nobody is reminded wrongly.
      else logger.warn("answers not caught up on", { eventId: event.id, error });
      return !isMusterError(error) && !isTemporary(error);
    }
  }

  #membersChanged(guildId: string): void {
    const { schedule, tracked, cards } = this.#options;
    if (this.#memberTimers.has(guildId) || tracked.listByGuild(guildId).length === 0) return;
    const cancel = schedule(MEMBER_REFRESH_DELAY_MS, () => {
      this.#memberTimers.delete(guildId);
      for (const event of tracked.listByGuild(guildId)) cards.refresh(event);
    });
    this.#memberTimers.set(guildId, cancel);
  }
}
