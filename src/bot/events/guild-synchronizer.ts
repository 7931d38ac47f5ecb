import type { Client, Guild } from "discord.js";
import { isMusterError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { GracefulDegradation } from "../../resilience/graceful-degradation.ts";
import type { EventRecord } from "../../store/events.ts";
import type { Store } from "../../store/store.ts";
import { goneThing, isTemporary, type GoneThing } from "../discord-errors.ts";
import type { Replanner } from "../reminders/replanner.ts";
import type { EventCards } from "./event-cards.ts";
import type { EventService } from "./event-service.ts";
import { GuildWork } from "./guild-work.ts";
import type { Reconciler } from "./reconciler.ts";
import type { TrackedEvents } from "./tracked-events.ts";

/** Member changes come in bursts; the cards that count members follow after this. */
const MEMBER_REFRESH_DELAY_MS = 10_000;
/** Servers recorded at a time: enough to share commits, and few enough that nobody waits long behind them. */
const RECORD_CONCURRENCY = 32;

export interface GuildSynchronizerOptions {
  readonly client: Client;
  readonly store: Store;
  readonly degradation: GracefulDegradation;
  readonly tracked: TrackedEvents;
  readonly replanner: Pick<Replanner, "bringBack">;
  readonly reconciler: Reconciler;
  readonly cards: EventCards;
  readonly events: EventService;
  readonly onGone: (event: EventRecord, what: GoneThing) => Promise<void>;
  readonly schedule: (delayMs: number, run: () => void) => () => void;
  readonly logger: Logger;
}

/**
 * Brings what Muster knows of each server in line with Discord: at the start, after a new gateway session, when a server
 * is joined, when the database comes back, and when the clock was set back. First it records the server, without which
 * nothing about it can be stored, and loads its events: work of the database alone, which is soon done for all. Then it
 * catches up on the reactions that were missed, which takes many requests, so one server after the other.
 */
export class GuildSynchronizer {
  readonly #options: GuildSynchronizerOptions;
  readonly #recording: GuildWork;
  readonly #reconciling: GuildWork;
  readonly #memberTimers = new Map<string, () => void>();
  #isStopped = false;

  constructor(options: GuildSynchronizerOptions) {
    this.#options = options;
    const { client, degradation, tracked, schedule, logger } = options;
    const work = { canRun: () => degradation.decide("write") === "run", schedule, logger };
    this.#recording = new GuildWork({
      ...{ ...work, concurrency: RECORD_CONCURRENCY },
      run: (guildId) => this.#record(guildId),
    });
    this.#reconciling = new GuildWork({ ...work, concurrency: 1, run: (guildId) => this.#reconcileAll(guildId) });
    client.on("shardReady", () => this.requestAll());
    client.on("guildCreate", (guild) => this.#join(guild));
    client.on("guildAvailable", (guild) => this.request(guild.id));
    client.on("guildDelete", (guild) => tracked.forgetGuild(guild.id));
    client.on("guildMemberAdd", (member) => this.#membersChanged(member.guild.id));
    client.on("guildMemberRemove", (member) => this.#membersChanged(member.guild.id));
    client.on("guildMemberUpdate", (before, after) => {
      if (before.partial || !before.roles.cache.equals(after.roles.cache)) this.#membersChanged(after.guild.id);
    });
    degradation.onChange((state) => {
      if (state.kind !== "normal") return;
      this.#recording.wake();
      this.#reconciling.wake();
    });
  }

  /** Asks for a server to be brought in line; at once when possible. */
  request(guildId: string): void {
    this.#recording.request(guildId);
  }

  /** Asks for all servers. */
  requestAll(): void {
    for (const guildId of this.#options.client.guilds.cache.keys()) this.request(guildId);
  }

  /** An answer could not be recorded: as soon as the database takes writes again, the server is brought in line. */
  postpone(event: EventRecord): void {
    this.#recording.requestLater(event.guildId);
  }

  /** Resolves when nothing is left that can be done now. */
  async settle(): Promise<void> {
    await this.#recording.settle();
    await this.#reconciling.settle();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const cancel of this.#memberTimers.values()) cancel();
    await Promise.all([this.#recording.stop(), this.#reconciling.stop()]);
  }

  /** What members write there while the database is away waits in the queue: behind the server, to which it refers. */
  #join({ id: guildId, name }: Guild): void {
    const { degradation, store, logger } = this.#options;
    if (degradation.decide("write") !== "run") {
      store.guilds.upsert({ guildId, name }).catch((error: unknown) => {
        logger.warn("new server not recorded yet", { guildId, error });
      });
    }
    this.request(guildId);
  }

  async #record(guildId: string): Promise<boolean> {
    const { client, store, tracked, replanner } = this.#options;
    const guild = client.guilds.cache.get(guildId);
    if (!guild?.available) return true;
    await store.guilds.upsert({ guildId, name: guild.name });
    await tracked.load(guildId);
    await replanner.bringBack(guildId);
    this.#reconciling.request(guildId);
    return true;
  }

  /** False when something is left that another try may do. */
  async #reconcileAll(guildId: string): Promise<boolean> {
    let isDone = true;
    for (const event of this.#options.tracked.listByGuild(guildId)) {
      if (this.#isStopped) return true;
      isDone = (await this.#reconcile(event)) && isDone;
    }
    return isDone;
  }

  /** As `#reconcileAll`. */
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
