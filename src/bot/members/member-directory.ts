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
 * on. A new gateway session has missed events, and a guild that comes back from an outage brings a member list with
 * hardly anyone in it, which replaces what was known: after either the list is fetched again.
 */
export class MemberDirectory {
  readonly #clock: Clock;
  readonly #lists = new Map<string, GuildList>();

  constructor(client: Client, clock: Clock) {
    this.#clock = clock;
    client.on("shardReady", () => {
      for (const guildId of this.#lists.keys()) this.#expire(guildId);
    });
    client.on("guildAvailable", (guild) => this.#expire(guild.id));
    client.on("guildDelete", (guild) => this.#lists.delete(guild.id));
  }

  /** All members of a guild. Needs the GuildMembers intent. Rejects when Discord does not send them. */
  async listMembers(guild: Guild): Promise<Iterable<GuildMember>> {
    for (let list = this.#listOf(guild.id); !list.isComplete; list = this.#listOf(guild.id)) {
      list.fetching ??= this.#fetchAll(guild, list);
      await list.fetching;
    }
    return guild.members.cache.values();
  }

  async #fetchAll(guild: Guild, list: GuildList): Promise<void> {
    try {
      const waitMs = list.fetchedAt + FULL_FETCH_INTERVAL_MS - this.#clock.now();
      if (waitMs > 0) await sleep(this.#clock, waitMs);
      list.fetchedAt = this.#clock.now();
      const known = new Map(guild.members.cache);
      const fetched = await guild.members.fetch();
      // Fetching adds and updates; those who left while nobody was listening are still in the cache. Who joined, or came
      // back, during the fetch need not be in what was fetched.
      for (const [id, member] of known) {
        if (!fetched.has(id) && guild.members.cache.get(id) === member) guild.members.cache.delete(id);
      }
      list.isComplete = true;
    } finally {
      list.fetching = undefined;
    }
  }

  #listOf(guildId: string): GuildList {
    let list = this.#lists.get(guildId);
    if (!list) this.#lists.set(guildId, (list = { fetching: undefined, isComplete: false, fetchedAt: 0 }));
    return list;
  }

  /** A fetch in progress belongs to what was before, and what it completes is not asked for any more. */
  #expire(guildId: string): void {
    const list = this.#lists.get(guildId);
    if (list) this.#lists.set(guildId, { fetching: undefined, isComplete: false, fetchedAt: list.fetchedAt });
  }
}
