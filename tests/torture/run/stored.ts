import Database from "better-sqlite3";
import {
  auditHash,
  AUDIT_COLUMNS,
  CHAIN_START,
  verifyEntries,
  type AuditEntry,
} from "../../../src/store/audit-chain.ts";

export interface StoredEvent {
  readonly id: string;
  readonly messageId: string;
  readonly title: string;
  readonly state: "open" | "paused" | "closed";
  readonly nextReminderAt: number | null;
}

export interface StoredReminder {
  readonly id: string;
  readonly eventId: string;
  readonly eventMessageId: string;
  readonly scheduledAt: number;
  readonly status: "pending" | "sent" | "failed";
  readonly error: string | null;
  readonly usersNotified: string;
  readonly messageIds: string;
}

/** What the database has, read past all of Muster's own ways to it. */
export class StoredData {
  readonly #database: Database.Database;

  /** Only of a bot that does not run, or for a moment: this process is another one, so its locks are its own. */
  static read<Result>(path: string, body: (data: StoredData) => Result): Result {
    const database = new Database(path, { readonly: true, fileMustExist: true, timeout: 5_000 });
    try {
      return body(new StoredData(database));
    } finally {
      database.close();
    }
  }

  private constructor(database: Database.Database) {
    this.#database = database;
  }

  events(): StoredEvent[] {
    return this.#all<StoredEvent>(
      "SELECT id, message_id AS messageId, title, state, next_reminder_at AS nextReminderAt FROM event",
    );
  }

  /** "user emoji" by event. */
  reactions(): Map<string, string[]> {
    const rows = this.#all<{ eventId: string; reaction: string }>(
      "SELECT event_id AS eventId, user_id || ' ' || emoji AS reaction FROM reaction ORDER BY reaction",
    );
    return Map.groupBy(rows, ({ eventId }) => eventId)
      .entries()
      .reduce(
        (map, [eventId, group]) => map.set(eventId, group.map(({ reaction }) => reaction).sort()),
        new Map<string, string[]>(),
      );
  }

  reminders(): StoredReminder[] {
    return this.#all<StoredReminder>(
      `SELECT reminderlog.id AS id, event_id AS eventId, event.message_id AS eventMessageId, scheduled_at AS scheduledAt,
         status, error, users_notified AS usersNotified, message_ids AS messageIds
       FROM reminderlog JOIN event ON event.id = event_id`,
    );
  }

  /** All that the model knows by a key of its own. */
  values(): Map<string, string> {
    const events = this.events().flatMap(({ id, title, state }) => [
      [`event ${id} title`, title] as const,
      [`event ${id} state`, state] as const,
    ]);
    const flags = this.#all<{ name: string; subjectId: string; value: string }>(
      "SELECT name, subject_id AS subjectId, value FROM flag",
    ).map(({ name, subjectId, value }) => [`flag ${name} ${subjectId}`, value] as const);
    const modes = this.#all<{ id: string; mode: string }>("SELECT id, reminder_mode AS mode FROM user").map(
      ({ id, mode }) => [`mode ${id}`, mode] as const,
    );
    return new Map([...events, ...flags, ...modes]);
  }

  /** How often the audit log has "action target". */
  auditCounts(): Map<string, number> {
    const rows = this.#all<{ key: string; count: number }>(
      "SELECT action || ' ' || target AS key, count(*) AS count FROM audit_log GROUP BY 1",
    );
    return new Map(rows.map(({ key, count }) => [key, count]));
  }

  /** What is wrong with the chains, in words. */
  auditFaults(): string[] {
    const chains = this.#all<{ guildId: string; sequence: number; hash: string }>(
      "SELECT guild_id AS guildId, last_sequence AS sequence, last_hash AS hash FROM audit_chain",
    );
    return chains.flatMap(({ guildId, sequence, hash }) => {
      const entries = this.#database
        .prepare<[string], AuditEntry>(`SELECT ${AUDIT_COLUMNS} FROM audit_log WHERE guild_id = ? ORDER BY sequence`)
        .all(guildId);
      const { end, fault } = verifyEntries(entries, CHAIN_START);
      const name = guildId === "" ? "of the system" : `of server ${guildId}`;
      if (fault) return [`the chain ${name} is ${fault.kind} at ${fault.sequence}`];
      if (end.sequence !== sequence || end.hash !== hash) return [`the chain ${name} does not end as recorded`];
      return entries.every((entry) => auditHash(entry) === entry.hash) ? [] : [`the chain ${name} is altered`];
    });
  }

  /** Empty when it is sound. */
  integrityProblems(): string[] {
    const lines = this.#database.pragma("integrity_check") as { integrity_check: string }[];
    const violations = this.#database.pragma("foreign_key_check") as unknown[];
    return [
      ...lines.map((line) => line.integrity_check).filter((line) => line !== "ok"),
      ...(violations.length === 0 ? [] : [`${violations.length} rows point to nothing`]),
    ];
  }

  /** Rows that were set aside because they could not stay. */
  quarantinedCount(): number {
    const table = this.#all<{ name: string }>("SELECT name FROM sqlite_schema WHERE name = 'quarantine'");
    return table.length === 0 ? 0 : this.#all<{ count: number }>("SELECT count(*) AS count FROM quarantine")[0]!.count;
  }

  #all<Row>(sql: string): Row[] {
    return this.#database.prepare<[], Row>(sql).all();
  }
}
