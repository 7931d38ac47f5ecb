import type { GatewayDispatchEvents, GatewayDispatchPayload } from "discord-api-types/v10";

type DataOf<Payload, Event> = Payload extends { t: infer T; d: infer Data } ? (Event extends T ? Data : never) : never;

/** What the gateway documents as the data of an event. */
export type EventData<Event extends GatewayDispatchEvents> = DataOf<GatewayDispatchPayload, Event>;

/** Something that happened in the world. The gateway turns it into dispatches; a page may follow it as it is. */
export interface WorldEvent {
  readonly type: GatewayDispatchEvents;
  readonly data: object;
  /** Absent for what happens between a person and the bot. */
  readonly guildId: string | undefined;
  readonly channelId: string | undefined;
  /** Whom a member event, or a message's author, is about. */
  readonly userId: string | undefined;
}

interface EventSubject {
  readonly guildId?: string | undefined;
  readonly channelId?: string;
  readonly userId?: string;
}

export type WorldListener = (event: WorldEvent) => void;

/** Hears what only one person sees. */
export type PrivateListener = (userId: string, event: WorldEvent) => void;

export class WorldEvents {
  readonly #listeners = new Set<WorldListener>();
  readonly #privateListeners = new Set<PrivateListener>();

  /** Returns a function that ends the subscription. */
  subscribe(listener: WorldListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit<Event extends GatewayDispatchEvents>(
    type: Event,
    data: EventData<Event> & object,
    about: EventSubject = {},
  ): void {
    const event = createEvent(type, data, about);
    for (const listener of this.#listeners) listener(event);
  }

  /** Ephemeral messages: bots are told nothing of them, as on Discord. */
  subscribePrivate(listener: PrivateListener): () => void {
    this.#privateListeners.add(listener);
    return () => this.#privateListeners.delete(listener);
  }

  emitPrivately<Event extends GatewayDispatchEvents>(
    userId: string,
    type: Event,
    data: EventData<Event> & object,
    about: EventSubject = {},
  ): void {
    const event = createEvent(type, data, about);
    for (const listener of this.#privateListeners) listener(userId, event);
  }
}

function createEvent(type: GatewayDispatchEvents, data: object, about: EventSubject): WorldEvent {
  return { type, data, guildId: about.guildId, channelId: about.channelId, userId: about.userId };
}
