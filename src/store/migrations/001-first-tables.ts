import type { SchemaVersion } from "../../database/schema/schema-version.ts";

/**
 * Ids are Discord snowflakes or ULIDs as TEXT, moments are epoch milliseconds, flags are 0 or 1: nothing here is
 * SQLite's alone but STRICT. Each index serves the query named beside it.
 */
export const firstTables: SchemaVersion = {
  version: 1,
  description: "guilds, members, events, answers, reminders, flags and the audit log",
  migrations: [
    `CREATE TABLE guild (
      id TEXT NOT NULL PRIMARY KEY,
      name TEXT NOT NULL,
      settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE TABLE user (
      guild_id TEXT NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
      id TEXT NOT NULL,
      username TEXT,
      is_bot INTEGER NOT NULL DEFAULT 0 CHECK (is_bot IN (0, 1)),
      reminder_mode TEXT NOT NULL DEFAULT 'mention' CHECK (reminder_mode IN ('mention', 'dm', 'off')),
      last_seen_at INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      PRIMARY KEY (guild_id, id)
    ) STRICT, WITHOUT ROWID`,
    // users.listReminderModes: the few members who changed theirs
    `CREATE INDEX user_reminder_mode ON user (guild_id, reminder_mode) WHERE reminder_mode <> 'mention'`,
    `CREATE TABLE event (
      id TEXT NOT NULL PRIMARY KEY,
      guild_id TEXT NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
      channel_id TEXT NOT NULL,
      message_id TEXT NOT NULL UNIQUE,
      card_message_id TEXT NOT NULL,
      creator_id TEXT NOT NULL,
      title TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 100),
      description TEXT NOT NULL DEFAULT '' CHECK (length(description) <= 1000),
      interval_ms INTEGER NOT NULL CHECK (interval_ms >= 1000),
      reactions TEXT NOT NULL CHECK (json_valid(reactions)),
      audience_role_id TEXT,
      state TEXT NOT NULL CHECK (state IN ('open', 'paused', 'closed')),
      closes_at INTEGER,
      closed_at INTEGER,
      last_reminder_at INTEGER,
      next_reminder_at INTEGER,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      CHECK (next_reminder_at IS NULL OR state = 'open'),
      CHECK ((state = 'closed') = (closed_at IS NOT NULL))
    ) STRICT`,
    // events.list with state "all", events.search
    `CREATE INDEX event_guild ON event (guild_id, created_at, id)`,
    // events.list by state, events.listUnanswered
    `CREATE INDEX event_guild_state ON event (guild_id, state, created_at, id)`,
    // events.listTracked
    `CREATE INDEX event_guild_tracked ON event (guild_id, state, id) WHERE state <> 'closed'`,
    // reminders.listDueGuilds, reminders.findNextDueAt
    `CREATE INDEX event_due ON event (next_reminder_at, guild_id) WHERE next_reminder_at IS NOT NULL`,
    // reminders.listDue
    `CREATE INDEX event_guild_due ON event (guild_id, next_reminder_at) WHERE next_reminder_at IS NOT NULL`,
    // events.listClosingGuilds
    `CREATE INDEX event_closing ON event (closes_at, guild_id) WHERE closes_at IS NOT NULL AND state <> 'closed'`,
    // events.listClosing
    `CREATE INDEX event_guild_closing ON event (guild_id, closes_at) WHERE closes_at IS NOT NULL AND state <> 'closed'`,
    `CREATE TABLE reaction (
      event_id TEXT NOT NULL REFERENCES event (id) ON DELETE CASCADE,
      user_id TEXT NOT NULL,
      emoji TEXT NOT NULL,
      is_answer INTEGER NOT NULL CHECK (is_answer IN (0, 1)),
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      PRIMARY KEY (event_id, user_id, emoji)
    ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE reminderlog (
      id TEXT NOT NULL PRIMARY KEY,
      event_id TEXT NOT NULL REFERENCES event (id) ON DELETE CASCADE,
      scheduled_at INTEGER NOT NULL,
      sent_at INTEGER,
      users_notified TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(users_notified)),
      message_ids TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(message_ids)),
      status TEXT NOT NULL CHECK (status IN ('pending', 'sent', 'failed')),
      error TEXT,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL
    ) STRICT`,
    // reminders.listHistory
    `CREATE INDEX reminderlog_event ON reminderlog (event_id, scheduled_at, id)`,
    // reminders.listPending after a restart
    `CREATE INDEX reminderlog_pending ON reminderlog (status, event_id) WHERE status = 'pending'`,
    `CREATE TABLE flag (
      guild_id TEXT NOT NULL REFERENCES guild (id) ON DELETE CASCADE,
      name TEXT NOT NULL,
      subject_type TEXT NOT NULL CHECK (subject_type IN ('server', 'role', 'member')),
      subject_id TEXT NOT NULL,
      value TEXT NOT NULL CHECK (length(value) BETWEEN 1 AND 500),
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      PRIMARY KEY (guild_id, name, subject_type, subject_id)
    ) STRICT, WITHOUT ROWID`,
    // One chain for each guild and one, with the empty id, for what the system does to itself.
    `CREATE TABLE audit_log (
      guild_id TEXT NOT NULL,
      sequence INTEGER NOT NULL CHECK (sequence >= 1),
      id TEXT NOT NULL UNIQUE,
      at INTEGER NOT NULL,
      actor_id TEXT NOT NULL,
      action TEXT NOT NULL,
      target TEXT NOT NULL,
      details TEXT NOT NULL CHECK (json_valid(details)),
      outcome TEXT NOT NULL CHECK (outcome IN ('success', 'failure')),
      previous_hash TEXT NOT NULL,
      hash TEXT NOT NULL,
      PRIMARY KEY (guild_id, sequence)
    ) STRICT, WITHOUT ROWID`,
    // audit.list by action, by actor, by time alone
    `CREATE INDEX audit_log_action ON audit_log (guild_id, action, at, sequence)`,
    `CREATE INDEX audit_log_actor ON audit_log (guild_id, actor_id, at, sequence)`,
    `CREATE INDEX audit_log_at ON audit_log (guild_id, at, sequence)`,
    // The end of each chain: appending needs no search, and entries missing at the end are noticed.
    `CREATE TABLE audit_chain (
      guild_id TEXT NOT NULL PRIMARY KEY,
      last_sequence INTEGER NOT NULL,
      last_hash TEXT NOT NULL,
      updated_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
  ],
  rollbackQueries: [
    "DROP TABLE audit_chain",
    "DROP TABLE audit_log",
    "DROP TABLE flag",
    "DROP TABLE reminderlog",
    "DROP TABLE reaction",
    "DROP TABLE event",
    "DROP TABLE user",
    "DROP TABLE guild",
  ],
};
