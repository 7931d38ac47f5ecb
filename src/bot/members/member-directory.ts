import type { Client, Guild, GuildMember } from "discord.js";
import { sleep, type Clock } from "../../core/clock.ts";
import { MusterError } from "../../core/errors.ts";

/** Discord answers one request for all members of a guild in this time, and refuses more. */
const FULL_FETCH_INTERVAL_MS = 30_000;

interface GuildList {
  fetching: Promise<void> | undefined;
  isComplete: boolean;
  /** Monotonic; no full fetch before then. */
  fetchableAtMs: number;
  /** Goes up when what is being fetched is out of date already. */
  generation: number;
  /** Set while an answer is awaited: ends that. */
  abandon: (() => void) | undefined;
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
    client.on("shardReady", () => this.#lists.forEach(expire));
    client.on("shardResume", () => {
      // What discord.js was to send meanwhile it holds back until a new session, and then gives up after two minutes; an
      // answer that was under way has been sent again by now.
      for (const list of this.#lists.values()) list.abandon?.();
    });
    client.on("guildAvailable", (guild) => {
      const list = this.#lists.get(guild.id);
      if (list) expire(list);
    });
    client.on("guildDelete", (guild) => this.#lists.delete(guild.id));
  }

  /** All members of a guild. Needs the GuildMembers intent. Rejects when Discord does not send them. */
  async listMembers(guild: Guild): Promise<Iterable<GuildMember>> {
    const list = this.#listOf(guild.id);
    while (!list.isComplete) {
      list.fetching ??= this.#fetchAll(guild, list).finally(() => {
        list.fetching = undefined;
      });
      await list.fetching;
    }
    return guild.members.cache.values();
  }

  /** The list is complete after it, unless something came between. */
  async #fetchAll(guild: Guild, list: GuildList): Promise<void> {
    const waitMs = list.fetchableAtMs - this.#clock.monotonic();
    if (waitMs > 0) await sleep(this.#clock, waitMs);
    // Of a client that was given up meanwhile discord.js would ask all the same, and nobody could catch what it throws.
    if (!guild.client.isReady()) throw new MusterError("SHUTTING_DOWN", "list the members: the bot has disconnected");
    list.fetchableAtMs = this.#clock.monotonic() + FULL_FETCH_INTERVAL_MS;
    const { generation } = list;
    const known = new Map(guild.members.cache);
    const fetched = await requestAll(guild, list);
    if (!fetched) {
      list.fetchableAtMs = -Infinity;
      return;
    }
    // Fetching adds and updates; those who left while nobody was listening are still in the cache. Who joined, or came
    // back, during the fetch need not be in what was fetched.
    for (const [id, member] of known) {
      if (!fetched.has(id) && guild.members.cache.get(id) === member) guild.members.cache.delete(id);
    }
    list.isComplete = generation === list.generation;
  }

  #listOf(guildId: string): GuildList {
    let list = this.#lists.get(guildId);
    if (!list) {
      list = { fetching: undefined, isComplete: false, fetchableAtMs: -Infinity, generation: 0, abandon: undefined };
      this.#lists.set(guildId, list);
    }
    return list;
  }
}

function expire(list: GuildList): void {
  list.isComplete = false;
  list.generation++;
  list.abandon?.();
}

/** Undefined when it was abandoned. */
async function requestAll(guild: Guild, list: GuildList): Promise<ReadonlyMap<string, GuildMember> | undefined> {
  const abandoned = new Promise<undefined>((resolve) => {
    list.abandon = () => resolve(undefined);
  });
  try {
    return await Promise.race([guild.members.fetch(), abandoned]);
  } finally {
    list.abandon = undefined;
  }
}
