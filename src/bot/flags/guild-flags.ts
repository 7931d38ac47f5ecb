import { parseQuietHours, type QuietHours } from "../../roll-call/quiet-hours.ts";
import { isTimeZone } from "../../roll-call/time-zone.ts";
import type { FlagRecord } from "../../store/flags.ts";
import type { Store } from "../../store/store.ts";

/** What holds in a guild: its flags, or the defaults where they are not set. */
export interface EffectiveFlags {
  readonly areRemindersOn: boolean;
  readonly eventCreators: "everyone" | "moderators";
  readonly reminderDelivery: "channel" | "dm";
  readonly quietHours: QuietHours | undefined;
  /** An IANA name. */
  readonly timeZone: string;
  readonly alertChannelId: string | undefined;
  readonly excused: { readonly memberIds: ReadonlySet<string>; readonly roleIds: ReadonlySet<string> };
  /** Each an emoji as message text shows it (`<:name:id>` for a custom one), or an image's address (`https://…`). */
  readonly emblems: { readonly server: string | undefined; readonly byRoleId: ReadonlyMap<string, string> };
  readonly keepsReminders: boolean;
}

/** Guilds beyond this are read again when they are next asked for. */
const MAX_CACHED_GUILDS = 5_000;
const DEFAULT_TIME_ZONE = "UTC";

/** The flags of every guild, kept in memory: reminders, cards and permissions ask for them all the time. */
export class GuildFlags {
  readonly #store: Store;
  /** Promises, so that several who ask at once share one read; least recently used first. */
  readonly #byGuildId = new Map<string, Promise<EffectiveFlags>>();
  readonly #listeners = new Set<(guildId: string) => void>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Rejects when they are not in memory and the database cannot be read. */
  get(guildId: string): Promise<EffectiveFlags> {
    const flags = this.#byGuildId.get(guildId) ?? this.#load(guildId);
    this.#byGuildId.delete(guildId);
    this.#byGuildId.set(guildId, flags);
    const oldest = this.#byGuildId.keys().next();
    if (this.#byGuildId.size > MAX_CACHED_GUILDS && !oldest.done) this.#byGuildId.delete(oldest.value);
    return flags;
  }

  /** To be called after a change: what is asked for from now on is read anew, and those who listen are told. */
  forget(guildId: string): void {
    this.#byGuildId.delete(guildId);
    for (const listener of this.#listeners) listener(guildId);
  }

  /** What is stored may have changed altogether: everything is read anew, and nobody is told. */
  forgetAll(): void {
    this.#byGuildId.clear();
  }

  /** Calls back when a guild's flags changed; returns what ends it. */
  onChange(listener: (guildId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #load(guildId: string): Promise<EffectiveFlags> {
    const flags = this.#store.flags.list({ guildId }).then(readFlags);
    flags.catch(() => {
      // A failure is not to be remembered.
      if (this.#byGuildId.get(guildId) === flags) this.#byGuildId.delete(guildId);
    });
    return flags;
  }
}

/** What stored flags mean. A value that is not understood, from a newer program perhaps, counts as not set. */
export function readFlags(records: readonly FlagRecord[]): EffectiveFlags {
  const server = new Map(
    records.filter(({ subjectType }) => subjectType === "server").map(({ name, value }) => [name, value]),
  );
  const timeZone = server.get("timezone") ?? DEFAULT_TIME_ZONE;
  const select = (name: string, subjectType: FlagRecord["subjectType"]): [string, string][] =>
    records
      .filter((record) => record.name === name && record.subjectType === subjectType)
      .map(({ subjectId, value }) => [subjectId, value]);
  return {
    areRemindersOn: server.get("reminders") !== "off",
    eventCreators: server.get("event-creators") === "everyone" ? "everyone" : "moderators",
    reminderDelivery: server.get("reminder-delivery") === "dm" ? "dm" : "channel",
    quietHours: parseQuietHours(server.get("quiet-hours") ?? "", timeZone),
    timeZone: isTimeZone(timeZone) ? timeZone : DEFAULT_TIME_ZONE,
    alertChannelId: server.get("alert-channel"),
    excused: {
      memberIds: new Set(select("excused", "member").map(([id]) => id)),
      roleIds: new Set(select("excused", "role").map(([id]) => id)),
    },
    emblems: { server: server.get("emblem"), byRoleId: new Map(select("emblem", "role")) },
    keepsReminders: server.get("keep-reminders") === "on",
  };
}
