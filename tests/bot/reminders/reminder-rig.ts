import { setTimeout as wait } from "node:timers/promises";
import { DiscordAPIError, type Client } from "discord.js";
import type { EventCards } from "../../../src/bot/events/event-cards.ts";
import type { Reconciler } from "../../../src/bot/events/reconciler.ts";
import type { TrackedEvents } from "../../../src/bot/events/tracked-events.ts";
import { readFlags, type EffectiveFlags, type GuildFlags } from "../../../src/bot/flags/guild-flags.ts";
import type { GuildAlerts } from "../../../src/bot/guild-alerts.ts";
import type { Audience } from "../../../src/bot/members/audience.ts";
import type { ReminderSender } from "../../../src/bot/reminders/reminder-sender.ts";
import { ReminderService } from "../../../src/bot/reminders/reminder-service.ts";
import { english } from "../../../src/bot/texts/texts.ts";
import { MusterError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { GracefulDegradation } from "../../../src/resilience/graceful-degradation.ts";
import type { EventRecord } from "../../../src/store/events.ts";
import type { ReminderRecord } from "../../../src/store/reminders.ts";
import type { Store } from "../../../src/store/store.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { eventInput, MEMBER_1, MEMBER_2, newGuild, newId, newSnowflake, OWNER } from "../../store/fixtures.ts";

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
/** What lies between two looks at the clock in `pass`; threads of the database answer meanwhile, in real time. */
const TURN_MS = 4;

export const MISSING_ACCESS = new DiscordAPIError(
  { code: 50001, message: "Missing Access" },
  ...([50001, 403, "GET", "https://discord.test", {}] as const),
);

/** What Discord says when a server is asked for something; returns for as long as all is well. */
type Answer = () => void | Promise<void>;

export interface SeenMessage {
  readonly eventId: string;
  readonly reminderId: string;
  readonly userIds: readonly string[];
}

/** The service over a real store, with a Discord of two members in every server, and a clock that is moved by hand. */
export class ReminderRig {
  readonly clock = new ManualClock(Date.now());
  readonly store: Store;
  readonly service: ReminderService;
  readonly sent: SeenMessage[] = [];
  readonly alerts: string[] = [];
  readonly refreshed: string[] = [];
  /** Ids of the events whose reactions were read, in order. */
  readonly reconciled: string[] = [];
  readonly flags = new Map<string, Partial<EffectiveFlags>>();
  /** By server: what reading, listing the audience and sending end with. */
  readonly reading = new Map<string, Answer>();
  readonly listing = new Map<string, Answer>();
  readonly sending = new Map<string, Answer>();
  /** Lets those go who are held. */
  release: () => void = () => undefined;
  readonly #released = new Promise<void>((resolve) => (this.release = resolve));
  readonly #eventByChannel = new Map<string, EventRecord>();
  readonly #guilds = new Map<string, unknown>();

  constructor(store: Store) {
    this.store = store;
    const nothing = (): void => undefined;
    this.service = new ReminderService({
      client: { isReady: () => true, guilds: { cache: this.#guilds } } as unknown as Client,
      store,
      degradation: new GracefulDegradation(),
      tracked: { put: nothing, remove: nothing } as unknown as TrackedEvents,
      audience: {
        listExpected: async ({ guildId }: EventRecord) => {
          await this.listing.get(guildId)?.();
          return [MEMBER_1, MEMBER_2];
        },
      } as unknown as Audience,
      reconciler: {
        reconcile: async ({ guildId, id }: EventRecord) => {
          this.reconciled.push(id);
          await this.reading.get(guildId)?.();
          return { added: 0, removed: 0 };
        },
      } as unknown as Reconciler,
      cards: { refresh: ({ id }: EventRecord) => this.refreshed.push(id) } as unknown as EventCards,
      flags: {
        get: async (guildId: string) => ({ ...readFlags([]), ...this.flags.get(guildId) }),
      } as unknown as GuildFlags,
      sender: this.#createSender(),
      alerts: { send: (_guildId: string, text: string) => this.alerts.push(text) } as unknown as GuildAlerts,
      onGone: async () => undefined,
      clock: this.clock,
      logger: silentLogger,
      texts: english,
    });
  }

  #createSender(): ReminderSender {
    const mention: ReminderSender["mention"] = async ({ channelId, reminderId }, userIds, onDelivered) => {
      const { guildId, id: eventId } = this.#eventByChannel.get(channelId)!;
      await this.sending.get(guildId)?.();
      if (userIds.length === 0) return;
      this.sent.push({ eventId, reminderId, userIds });
      await onDelivered(userIds, newSnowflake());
    };
    const sender = { mention, direct: async () => [], deleteMessages: async () => undefined, stop: () => undefined };
    return sender as unknown as ReminderSender;
  }

  /** A server that the bot is in. */
  async createGuild(): Promise<string> {
    const guildId = await newGuild(this.store);
    this.#guilds.set(guildId, {});
    return guildId;
  }

  /** From now on Discord does not answer what is sent in this server, until `release`. */
  hold(guildId: string): void {
    this.sending.set(guildId, () => this.#released);
  }

  leaveGuild(guildId: string): void {
    this.#guilds.delete(guildId);
  }

  /** Of each hour, and not due yet. */
  async createEvent(guildId: string, changes: Parameters<typeof eventInput>[1] = {}): Promise<EventRecord> {
    const event = await this.store.events.create(eventInput(guildId, { channelId: newSnowflake(), ...changes }));
    this.#eventByChannel.set(event.channelId, event);
    if (changes.nextReminderAt !== undefined) return event;
    const nextReminderAt = event.createdAt + event.intervalMs;
    await this.store.reminders.reschedule({ guildId, eventId: event.id, scheduledAt: null, nextReminderAt });
    return { ...event, nextReminderAt };
  }

  /** An event with a reminder that reached the first member and was then interrupted. */
  async createInterrupted(guildId: string): Promise<{ readonly event: EventRecord; readonly reminderId: string }> {
    const event = await this.createEvent(guildId);
    const reminderId = newId();
    const key = { guildId, eventId: event.id, id: reminderId };
    const { begin, progress } = this.store.reminders;
    const plan = { scheduledAt: this.clock.now(), nextReminderAt: event.nextReminderAt };
    await begin({ ...key, ...plan, actorId: OWNER });
    await progress({ ...key, userIds: [MEMBER_1], messageId: newSnowflake() });
    return { event, reminderId };
  }

  /** Lets time go by in steps of `stepMs`; the service looks once in each. */
  async pass(durationMs: number, stepMs = SECOND_MS): Promise<void> {
    for (let passedMs = 0; passedMs < durationMs; passedMs += stepMs) {
      this.clock.advance(stepMs);
      await wait(TURN_MS);
      // Its next look is planned when this one is over.
      while (this.clock.delaysMs.length === 0) await wait(1);
    }
  }

  /** Lets time go by until something has happened. */
  async until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
    const endAt = performance.now() + 20_000;
    while (!(await isTrue())) {
      if (performance.now() > endAt) throw new Error(`waited in vain for ${isTrue.toString()}`);
      await this.pass(SECOND_MS);
    }
  }

  async history({ guildId, id: eventId }: EventRecord): Promise<readonly ReminderRecord[]> {
    return this.store.reminders.listHistory({ guildId, eventId, limit: 10 });
  }

  async find({ guildId, id }: EventRecord): Promise<EventRecord> {
    return (await this.store.events.find({ guildId, id }))!;
  }

  sentOf({ id }: EventRecord): readonly SeenMessage[] {
    return this.sent.filter(({ eventId }) => eventId === id);
  }
}

/** As `Audience` says of a server that is not there right now. */
export function throwUnavailable(): never {
  throw new MusterError("DISCORD_REQUEST_FAILED", "list the audience: the server is not available");
}

export function throwMissingAccess(): never {
  throw MISSING_ACCESS;
}
