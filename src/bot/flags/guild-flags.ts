import { collectCallNotes } from "../../database/call-notes.ts";
import { isOutcomeUnknown } from "../../database/unknown-outcome.ts";
import { parseQuietHours, type QuietHours } from "../../roll-call/quiet-hours.ts";
import { isTimeZone } from "../../roll-call/time-zone.ts";
import type { FlagRecord } from "../../store/flags.ts";
import type { Store } from "../../store/store.ts";
import type { LateChanges } from "../late-changes.ts";

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

const DEFAULT_TIME_ZONE = "UTC";

/**
 * What holds in each guild. Reminders, cards and permissions ask for it all the time; the store answers from memory, with
 * the same list as long as nothing changed.
 */
export class GuildFlags {
  readonly #store: Pick<Store, "flags">;
  readonly #late: LateChanges;
  readonly #byRecords = new WeakMap<readonly FlagRecord[], EffectiveFlags>();
  readonly #listeners = new Set<(guildId: string) => void>();

  constructor(store: Pick<Store, "flags">, late: LateChanges) {
    this.#store = store;
    this.#late = late;
  }

  /** While the database cannot be read, as last known; rejects when they are not known either. */
  async get(guildId: string): Promise<EffectiveFlags> {
    // The notes are about what people are shown; the age of the flags that it is shown by says nothing about that.
    const { result: records } = await collectCallNotes(() => this.#store.flags.list({ guildId }));
    let flags = this.#byRecords.get(records);
    if (!flags) this.#byRecords.set(records, (flags = readFlags(records)));
    return flags;
  }

  /**
   * Runs a write that changes flags. Those who listen are told when it is applied: now, or later when it waits in the
   * queue, or failed in such a way that it may be applied all the same.
   */
  async change<Result>(guildId: string, write: () => Promise<Result>): Promise<Result> {
    const tell = (): void => {
      for (const listener of this.#listeners) listener(guildId);
    };
    const tellLater = (): void => this.#late.note(`flags ${guildId}`, tell);
    try {
      const result = await write();
      tell();
      if (!this.#late.isSettled) tellLater();
      return result;
    } catch (error) {
      if (isOutcomeUnknown(error)) tellLater();
      throw error;
    }
  }

  /** Calls back when a guild's flags changed; returns what ends it. */
  onChange(listener: (guildId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
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
