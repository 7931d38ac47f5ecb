import { createHash } from "node:crypto";
import {
  DiscordAPIError,
  Routes,
  type APIEmbed,
  type APIMessage,
  type Client,
  type RESTPatchAPIChannelMessageJSONBody,
} from "discord.js";
import { sleep, type Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import { backoffDelayMs } from "../../resilience/backoff.ts";
import { createEventCard } from "../../roll-call/card.ts";
import type { EventRecord } from "../../store/events.ts";
import type { Store } from "../../store/store.ts";
import { goneThing, type GoneThing } from "../discord-errors.ts";
import type { EffectiveFlags, GuildFlags } from "../flags/guild-flags.ts";
import type { Audience } from "../members/audience.ts";
import type { Texts } from "../texts/texts.ts";
import { asEmoji, renderCard, type CardContent } from "./card-embed.ts";

/** Between two edits of a card. Discord allows few edits of a message that is older than an hour. */
const EDIT_INTERVAL_MS = 3_000;
/** After a card could not be brought up to date: when nothing else happens, it is tried again. */
const RETRY = { maxAttempts: Infinity, baseDelay: 60_000, maxDelay: 1_800_000, backoffMultiplier: 2 } as const;
/** After Discord forbade an edit. Refused requests are counted, and too many of them shut the bot out of Discord. */
const FORBIDDEN_PAUSE_MS = 60_000;
/** How long a stop waits for the last edits. */
const FLUSH_TIMEOUT_MS = 5_000;

export interface EventCardsOptions {
  readonly client: Client;
  readonly store: Store;
  readonly audience: Audience;
  readonly flags: GuildFlags;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly texts: Texts;
}

interface CardState {
  /** The record last handed in; what is shown is read anew. */
  event: EventRecord;
  /** When it is brought up to date next, monotonic. */
  planned: { readonly atMs: number; readonly cancel: () => void } | undefined;
  running: Promise<void> | undefined;
  /** Something changed while it was being brought up to date. */
  isWanted: boolean;
  /** Of what Discord shows; undefined when that is not known. */
  shownHash: string | undefined;
  /** Monotonic; not edited before. */
  readyAtMs: number;
  /** In a row. */
  failureCount: number;
  /** Deleted, while the message that members answer on is another one. */
  isGone: boolean;
}

type GoneListener = (event: EventRecord, what: GoneThing) => void;

/**
 * Keeps the cards of events up to date. However often something changes, a card is edited at most every three seconds,
 * with what is stored by then, and not at all when nothing visible changed.
 */
export class EventCards {
  readonly #options: EventCardsOptions;
  readonly #cards = new Map<string, CardState>();
  readonly #goneListeners = new Set<GoneListener>();
  #stopping: Promise<void> | undefined;

  constructor(options: EventCardsOptions) {
    this.#options = options;
  }

  /** Something about the event changed. Never throws: what fails is logged, and tried again until it is shown. */
  refresh(event: EventRecord): void {
    if (this.#stopping) return;
    const card = this.#cardOf(event);
    card.event = event;
    if (card.isGone) return;
    if (card.running) card.isWanted = true;
    else this.#plan(card);
  }

  /** Edits the card now, whatever it shows. Throws when Discord or the database does not let it. */
  async show(event: EventRecord): Promise<void> {
    const card = this.#cardOf(event);
    card.event = event;
    const { embeds } = await this.render(event);
    await this.#edit(card, embeds);
  }

  async render(event: EventRecord): Promise<{ embeds: APIEmbed[] }> {
    return { embeds: [renderCard(await this.describe(event), this.#options.texts)] };
  }

  /** What the event's card says right now. */
  async describe(event: EventRecord): Promise<CardContent> {
    const { store, audience, flags: guildFlags } = this.#options;
    const { guildId, id: eventId, reactions, state, nextReminderAt } = event;
    const [answers, expectedIds, flags] = await Promise.all([
      store.reactions.list({ guildId, eventId }),
      audience.listExpected(event),
      guildFlags.get(guildId),
    ]);
    const { byRoleId } = flags.emblems;
    return {
      event,
      card: createEventCard({ event: { emoji: reactions, state, nextReminderAt }, answers, expectedIds }),
      areRemindersOn: flags.areRemindersOn,
      isAudienceComplete: audience.isComplete,
      serverEmblem: flags.emblems.server,
      audienceEmblem: event.audienceRoleId === undefined ? undefined : byRoleId.get(event.audienceRoleId),
      emblemOf: this.#createEmblemLookup(guildId, byRoleId),
    };
  }

  /** Calls back when the message of an event that is not closed, or its channel, turns out not to exist any more. */
  onGone(listener: GoneListener): void {
    this.#goneListeners.add(listener);
  }

  /** Makes the edits that are waiting, as far as that is quickly done, and no more after them. */
  stop(): Promise<void> {
    this.#stopping ??= this.#flush();
    return this.#stopping;
  }

  async #flush(): Promise<void> {
    const finished = Promise.all([...this.#cards.values()].map((card) => this.#flushCard(card)));
    const timeout = new AbortController();
    await Promise.race([finished, sleep(this.#options.clock, FLUSH_TIMEOUT_MS, timeout.signal).catch(() => undefined)]);
    timeout.abort();
  }

  async #flushCard(card: CardState): Promise<void> {
    const isWaiting = card.planned !== undefined;
    card.planned?.cancel();
    await card.running;
    if (isWaiting || card.isWanted) await this.#bringUpToDate(card);
  }

  #cardOf(event: EventRecord): CardState {
    let card = this.#cards.get(event.id);
    if (!card) {
      card = {
        event,
        planned: undefined,
        running: undefined,
        isWanted: false,
        shownHash: undefined,
        readyAtMs: -Infinity,
        failureCount: 0,
        isGone: false,
      };
      this.#cards.set(event.id, card);
    }
    return card;
  }

  /** As soon as it may be edited, or after `delayMs`; what is planned for earlier stays so. */
  #plan(card: CardState, delayMs = 0): void {
    const { clock } = this.#options;
    const nowMs = clock.monotonic();
    const atMs = Math.max(card.readyAtMs, nowMs + delayMs);
    if (card.planned && card.planned.atMs <= atMs) return;
    card.planned?.cancel();
    const cancel = clock.schedule(atMs - nowMs, () => {
      card.planned = undefined;
      card.running = this.#bringUpToDate(card).finally(() => this.#finish(card));
    });
    card.planned = { atMs, cancel };
  }

  #finish(card: CardState): void {
    card.running = undefined;
    if (card.isWanted && !this.#stopping) {
      card.isWanted = false;
      this.#plan(card);
    } else if (card.event.state === "closed" && !card.planned) {
      this.#cards.delete(card.event.id);
    }
  }

  async #bringUpToDate(card: CardState): Promise<void> {
    const { store, clock, logger } = this.#options;
    const { guildId, id } = card.event;
    try {
      // Who asks may hold an older record than another who asked before, and it would undo what that one showed.
      const current = await store.events.find({ guildId, id });
      if (!current) {
        this.#cards.delete(id);
        return;
      }
      card.event = current;
      const { embeds } = await this.render(current);
      card.shownHash ??= hashOf(await this.#readShown(current));
      if (card.shownHash !== hashOf(embeds)) await this.#edit(card, embeds);
      card.failureCount = 0;
    } catch (error) {
      const gone = goneThing(error);
      if (gone) {
        this.#reportGone(card, gone);
        return;
      }
      logger.warn("event card not refreshed", { eventId: id, error });
      // What is forbidden stays so until people change it: that is for the next refresh.
      if (isForbidden(error)) card.readyAtMs = clock.monotonic() + FORBIDDEN_PAUSE_MS;
      else if (!this.#stopping) this.#plan(card, backoffDelayMs(++card.failureCount, RETRY, Math.random));
    }
  }

  /** After a restart most cards show what they should: reading them costs less than editing old messages. */
  async #readShown({ channelId, cardMessageId }: EventRecord): Promise<readonly APIEmbed[]> {
    const message = (await this.#options.client.rest.get(
      Routes.channelMessage(channelId, cardMessageId),
    )) as APIMessage;
    return message.embeds;
  }

  async #edit(card: CardState, embeds: APIEmbed[]): Promise<void> {
    const { client, clock } = this.#options;
    const { channelId, cardMessageId } = card.event;
    card.shownHash = undefined;
    card.readyAtMs = clock.monotonic() + EDIT_INTERVAL_MS;
    await client.rest.patch(Routes.channelMessage(channelId, cardMessageId), {
      body: { embeds, allowed_mentions: { parse: [] } } satisfies RESTPatchAPIChannelMessageJSONBody,
    });
    card.readyAtMs = clock.monotonic() + EDIT_INTERVAL_MS;
    card.shownHash = hashOf(embeds);
  }

  #reportGone(card: CardState, what: GoneThing): void {
    const { event } = card;
    if (what === "message" && event.cardMessageId !== event.messageId) {
      // Only the card of an adopted message was deleted; members still answer on the message itself.
      card.isGone = true;
      this.#options.logger.info("event card was deleted", { eventId: event.id });
      return;
    }
    this.#cards.delete(event.id);
    if (event.state === "closed") return;
    for (const listener of this.#goneListeners) listener(event, what);
  }

  #createEmblemLookup(guildId: string, byRoleId: EffectiveFlags["emblems"]["byRoleId"]): CardContent["emblemOf"] {
    const guild = this.#options.client.guilds.cache.get(guildId);
    if (!guild || byRoleId.size === 0) return () => undefined;
    const positionOf = (roleId: string): number => guild.roles.cache.get(roleId)?.position ?? -1;
    const emblems = [...byRoleId]
      .filter(([, emblem]) => asEmoji(emblem) !== undefined)
      .sort(([roleIdA], [roleIdB]) => positionOf(roleIdB) - positionOf(roleIdA));
    return (userId) => {
      const roles = guild.members.cache.get(userId)?.roles.cache;
      return roles && emblems.find(([roleId]) => roles.has(roleId))?.[1];
    };
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof DiscordAPIError && (error.status === 401 || error.status === 403);
}

/** Of what readers see. Discord adds to embeds, so only what Muster sets is compared. */
function hashOf(embeds: readonly APIEmbed[]): string {
  const visible = embeds.map(({ title, description, color, fields, footer, thumbnail }) => [
    ...[title, description, color, footer?.text, thumbnail?.url],
    (fields ?? []).map(({ name, value, inline }) => [name, value, inline ?? false]),
  ]);
  return createHash("sha256").update(JSON.stringify(visible)).digest("base64");
}
