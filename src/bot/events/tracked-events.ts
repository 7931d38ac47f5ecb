import type { EventRecord } from "../../store/events.ts";
import type { Store } from "../../store/store.ts";

const PAGE_SIZE = 500;

/**
 * The open and paused events in memory, by message: a reaction anywhere in Discord is matched without asking the
 * database, so it can be told apart, and kept, while the database is away.
 */
export class TrackedEvents {
  readonly #store: Store;
  readonly #byId = new Map<string, EventRecord>();
  readonly #byMessage = new Map<string, EventRecord>();
  readonly #byGuild = new Map<string, Set<string>>();
  /** Ids taken in while a guild is being loaded: newer than what is read, so it must not replace them. */
  readonly #takenMeanwhile = new Map<string, Set<string>>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Reads a guild's events anew. */
  async load(guildId: string): Promise<void> {
    const takenMeanwhile = new Set<string>();
    this.#takenMeanwhile.set(guildId, takenMeanwhile);
    try {
      const events = await this.#readAll(guildId);
      const readIds = new Set(events.map(({ id }) => id));
      for (const { id } of this.listByGuild(guildId)) if (!readIds.has(id) && !takenMeanwhile.has(id)) this.remove(id);
      for (const event of events) if (!takenMeanwhile.has(event.id)) this.put(event);
    } finally {
      this.#takenMeanwhile.delete(guildId);
    }
  }

  async #readAll(guildId: string): Promise<EventRecord[]> {
    const events: EventRecord[] = [];
    for (const state of ["open", "paused"] as const) {
      for (let afterId = ""; ;) {
        const page = await this.#store.events.listTracked({ guildId, state, afterId, limit: PAGE_SIZE });
        events.push(...page);
        if (page.length < PAGE_SIZE) break;
        afterId = page.at(-1)!.id;
      }
    }
    return events;
  }

  find(eventId: string): EventRecord | undefined {
    return this.#byId.get(eventId);
  }

  findByMessage(messageId: string): EventRecord | undefined {
    return this.#byMessage.get(messageId);
  }

  listByGuild(guildId: string): EventRecord[] {
    return [...(this.#byGuild.get(guildId) ?? [])].map((id) => this.#byId.get(id)!);
  }

  /** Takes an event in, or its newer state; a closed one is let go. */
  put(event: EventRecord): void {
    if (event.state === "closed") {
      this.remove(event.id);
      return;
    }
    this.#takenMeanwhile.get(event.guildId)?.add(event.id);
    this.#byId.set(event.id, event);
    this.#byMessage.set(event.messageId, event);
    const ids = this.#byGuild.get(event.guildId);
    if (ids) ids.add(event.id);
    else this.#byGuild.set(event.guildId, new Set([event.id]));
  }

  remove(eventId: string): void {
    const event = this.#byId.get(eventId);
    if (!event) return;
    this.#takenMeanwhile.get(event.guildId)?.add(eventId);
    this.#byId.delete(eventId);
    this.#byMessage.delete(event.messageId);
    this.#byGuild.get(event.guildId)?.delete(eventId);
  }

  forgetGuild(guildId: string): void {
    for (const { id } of this.listByGuild(guildId)) this.remove(id);
    this.#byGuild.delete(guildId);
  }
}
