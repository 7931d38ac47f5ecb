import type { Client, Guild, GuildMember } from "discord.js";
import { sleep, type Clock } from "../../core/clock.ts";

/** Discord answers one request for all members of a guild in this time, and refuses more. */
const FULL_FETCH_INTERVAL_MS = 30_000;

interface GuildList {
  /** The full fetch in progress, or the one that made the list complete. */
  fetching: Promise<void> | undefined;
  isComplete: boolean;
  fetchedAt: number;
}

/**
 * The members of each guild: fetched as a whole once, when first needed, and kept current by gateway events from then
 * on. A new gateway session has missed events, so after one the list is fetched again.
 */
export class MemberDirectory {
  readonly #clock: Clock;
  readonly #lists = new Map<string, GuildList>();

  constructor(client: Client, clock: Clock) {
    this.#clock = clock;
    client.on("shardReady", () => this.#expireAll());
    client.on("guildDelete", (guild) => this.#lists.delete(guild.id));
  }

  /** All members of a guild. Needs the GuildMembers intent. Rejects when Discord does not send them. */
  async listMembers(guild: Guild): Promise<Iterable<GuildMember>> {
    const list = this.#listOf(guild.id);
    if (!list.isComplete) {
      list.fetching ??= this.#fetchAll(guild, list).finally(() => {
        list.fetching = undefined;
      });
      await list.fetching;
    }
    return guild.members.cache.values();
  }

  async #fetchAll(guild: Guild, list: GuildList): Promise<void> {
    const waitMs = list.fetchedAt + FULL_FETCH_INTERVAL_MS - this.#clock.now();
    if (waitMs > 0) await sleep(this.#clock, waitMs);
    list.fetchedAt = this.#clock.now();
    const fetched = await guild.members.fetch();
    // Fetching adds and updates; those who left while nobody was listening are still in the cache.
    for (const id of guild.members.cache.keys()) if (!fetched.has(id)) guild.members.cache.delete(id);
    list.isComplete = true;
  }

  #listOf(guildId: string): GuildList {
    let list = this.#lists.get(guildId);
    if (!list) this.#lists.set(guildId, (list = { fetching: undefined, isComplete: false, fetchedAt: 0 }));
    return list;
  }

  #expireAll(): void {
    for (const list of this.#lists.values()) list.isComplete = false;
  }
}
