import { join } from "node:path";
import Database from "better-sqlite3";

/** Plain better-sqlite3 doing what `store.events.find` does: the same row of 17 columns, by the same statement. */
const TEXTS = ["guild_id", "channel_id", "message_id", "card_message_id", "creator_id", "title", "description"];
const REST = ["interval_ms", "reactions", "audience_role_id", "state", "closes_at", "closed_at", "last_reminder_at"];
const COLUMNS = ["id", ...TEXTS, ...REST, "next_reminder_at", "created_at"];

export async function open(folder) {
  const database = new Database(join(folder, "plain-event.db"));
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  database.exec(`CREATE TABLE event (id TEXT PRIMARY KEY, ${COLUMNS.slice(1).join(", ")})`);
  const insert = database.prepare(`INSERT INTO event VALUES (${COLUMNS.map(() => "?").join(", ")})`);
  const select = database.prepare(`SELECT ${COLUMNS.join(", ")} FROM event WHERE id = ? AND guild_id = ?`);
  const snowflake = "100000000000000001";
  return {
    settings: "WAL, synchronous FULL; prepared statements; the columns of an event",
    write: ({ id, createdAt }) =>
      insert.run(
        ...[id, ...Array(5).fill(snowflake), "Roll call", "A description of some length"],
        ...[86_400_000, '["✅","❌"]', null, "open", null, null, null, createdAt, createdAt],
      ),
    read: (id) => select.get(id, snowflake),
    close: () => database.close(),
  };
}
