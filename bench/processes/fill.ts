import { randomBytes } from "node:crypto";
import Database from "better-sqlite3";
import type { ReadTransaction, SqlValue } from "../../src/database/operation.ts";
import { auditHash, CHAIN_START, type AuditEntry } from "../../src/store/audit-chain.ts";
import { operations } from "../../src/store/data-module.ts";
import { spreadOf } from "./load.ts";
import { serve } from "./rpc.ts";

/** Fills Muster's own tables in a file that no bot has open, and asks SQLite how it would run an operation there. */

export interface GrowthShape {
  readonly guildId: string;
  readonly memberId: string;
  readonly otherGuildId: string;
  /** Events, answers and audit entries, each. */
  readonly rowCount: number;
  readonly now: number;
}

interface Explained {
  readonly plan: readonly string[];
  /** Median milliseconds of the same statements on plain better-sqlite3, in this process. */
  readonly plainMs: number;
}

/** What is open at any time is bounded by what people can do; what is over piles up. */
const OPEN_COUNT = 200;
const ANSWERED_COUNT = 150;
const DUE_COUNT = 25;
const ACTIONS = ["event.create", "event.close", "flag.set", "event.remind"];
const SNOWFLAKE = "100000000000000002";
const HOUR_MS = 3_600_000;
const PLAIN_REPEATS = 50;
/** Of the file, for each audit entry and what is beside it. */
const BYTES_PER_ENTRY = 5_000;

function withDatabase<Result>(path: string, body: (database: Database.Database) => Result): Result {
  const database = new Database(path);
  try {
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = OFF");
    database.pragma("cache_size = -200000");
    const result = body(database);
    database.pragma("wal_checkpoint(TRUNCATE)");
    return result;
  } finally {
    database.close();
  }
}

function addGuild(database: Database.Database, id: string, at: number): void {
  database.prepare("INSERT OR IGNORE INTO guild VALUES (?, 'Bench', '{}', ?, ?)").run(id, at, at);
}

class AuditChain {
  readonly #insert: Database.Statement;
  readonly #end: Database.Statement;
  #last: Pick<AuditEntry, "sequence" | "hash"> = CHAIN_START;
  readonly #guildId: string;

  constructor(database: Database.Database, guildId: string) {
    this.#guildId = guildId;
    this.#insert = database.prepare("INSERT INTO audit_log VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'success', ?, ?)");
    this.#end = database.prepare("INSERT OR REPLACE INTO audit_chain VALUES (?, ?, ?, ?)");
  }

  append(at: number, action: string, details: object): void {
    const sequence = this.#last.sequence + 1;
    const id = `01J${this.#guildId.slice(-3)}${String(sequence).padStart(20, "0")}`;
    const entry = {
      ...{ guildId: this.#guildId, sequence, id, at, actorId: SNOWFLAKE, action, target: id },
      ...{ details: JSON.stringify(details), outcome: "success" as const, previousHash: this.#last.hash },
    };
    const hash = auditHash(entry);
    const { guildId, actorId, target, previousHash } = entry;
    this.#insert.run(guildId, sequence, id, at, actorId, action, target, entry.details, previousHash, hash);
    this.#last = { sequence, hash };
  }

  end(at: number): void {
    this.#end.run(this.#guildId, this.#last.sequence, this.#last.hash, at);
  }
}

function insertEvent(database: Database.Database): Database.Statement {
  return database.prepare(
    `INSERT INTO event (id, guild_id, channel_id, message_id, card_message_id, creator_id, title, description,
       interval_ms, reactions, state, closed_at, next_reminder_at, created_at, updated_at)
     VALUES (@id, @guildId, '100000000000000003', @message, @message, '100000000000000002', 'Roll call',
       'A description of some length', 86400000, '["✅","❌"]', @state, @closedAt, @nextReminderAt, @at, @at)`,
  );
}

const eventIdOf = (number: number): string => `01K00000000000${String(number).padStart(12, "0")}`;
const messageIdOf = (number: number): string => `5${String(number).padStart(17, "0")}`;

function fillGrowth(path: string, { guildId, otherGuildId, memberId, rowCount, now }: GrowthShape): void {
  withDatabase(path, (database) =>
    database.transaction(() => {
      const ids = [guildId, otherGuildId];
      for (const id of ids) addGuild(database, id, now);
      const event = insertEvent(database);
      const reaction = database.prepare("INSERT INTO reaction VALUES (?, ?, '✅', 1, ?, ?)");
      const chains = ids.map((id) => new AuditChain(database, id));
      const step = Math.floor(rowCount / (2 * OPEN_COUNT));
      for (let number = 0; number < rowCount; number++) {
        const at = now - (rowCount - number) * 1_000;
        const id = eventIdOf(number);
        // The open ones lie scattered among all that is over.
        const rank = number % step === 0 && number / step < 2 * OPEN_COUNT ? number / step : undefined;
        const isOpen = rank !== undefined;
        const place = (rank ?? number) % 2;
        event.run({
          ...{ id, guildId: ids[place], message: messageIdOf(number), at, state: isOpen ? "open" : "closed" },
          closedAt: isOpen ? null : at,
          nextReminderAt: isOpen ? now + (rank < 2 * DUE_COUNT ? HOUR_MS / 2 : 24 * HOUR_MS) : null,
        });
        const hasAnswered = !isOpen || rank < 2 * ANSWERED_COUNT;
        reaction.run(id, hasAnswered ? memberId : SNOWFLAKE, at, at);
        chains[place]!.append(at, ACTIONS[number % ACTIONS.length]!, { title: "Roll call", number });
      }
      for (const chain of chains) chain.end(now);
    })(),
  );
}

/** As many audit entries of 4 KB as give the size, beside events and answers that are over. */
function fillBytes(path: string, bytes: number): void {
  const guildId = "900000000000000009";
  const now = Date.now();
  withDatabase(path, (database) =>
    database.transaction(() => {
      addGuild(database, guildId, now);
      const event = insertEvent(database);
      const reaction = database.prepare("INSERT INTO reaction VALUES (?, ?, '✅', 1, ?, ?)");
      const chain = new AuditChain(database, guildId);
      const count = Math.floor(bytes / BYTES_PER_ENTRY);
      for (let number = 0; number < count; number++) {
        const at = now - (count - number) * 100;
        if (number % 20 === 0) {
          const id = eventIdOf(number);
          const closed = { state: "closed", closedAt: at, nextReminderAt: null };
          event.run({ id, guildId, message: messageIdOf(number), at, ...closed });
          for (let member = 0; member < 20; member++) reaction.run(id, messageIdOf(member), at, at);
        }
        chain.append(at, "flag.set", { value: randomBytes(3_000).toString("base64") });
      }
      chain.end(now);
    })(),
  );
}

async function explain(input: {
  path: string;
  calls: readonly { name: string; input: unknown }[];
}): Promise<Explained[]> {
  const database = new Database(input.path, { readonly: true });
  const groups = operations as unknown as Record<string, Record<string, RunnableRead>>;
  try {
    const explained: Explained[] = [];
    for (const call of input.calls) {
      const [group = "", name = ""] = call.name.split(".");
      const operation = groups[group]?.[name];
      if (!operation) throw new Error(`there is no operation ${call.name}`);
      explained.push(await explainOne(database, operation, call.input));
    }
    return explained;
  } finally {
    database.close();
  }
}

interface RunnableRead {
  readonly input: { parse(input: unknown): unknown };
  run(transaction: ReadTransaction, input: unknown, context: object): Promise<unknown>;
}

async function explainOne(database: Database.Database, operation: RunnableRead, input: unknown): Promise<Explained> {
  const statements: { sql: string; parameters: readonly SqlValue[] }[] = [];
  const note = (sql: string, parameters: readonly SqlValue[]): Database.Statement<unknown[]> => {
    statements.push({ sql, parameters });
    return database.prepare<unknown[]>(sql);
  };
  const transaction: ReadTransaction = {
    get: async <R>(sql: string, ...parameters: readonly SqlValue[]) =>
      note(sql, parameters).get(...parameters) as R | undefined,
    all: async <R>(sql: string, ...parameters: readonly SqlValue[]) => note(sql, parameters).all(...parameters) as R[],
  };
  await operation.run(transaction, operation.input.parse(input), { operationId: "01J", requestedAt: Date.now() });
  const prepared = statements.map(({ sql, parameters }) => ({
    statement: database.prepare<unknown[]>(sql),
    parameters,
  }));
  const durations = Array.from({ length: PLAIN_REPEATS }, () => {
    const startedAt = performance.now();
    for (const { statement, parameters } of prepared) statement.all(...parameters);
    return performance.now() - startedAt;
  });
  const plan = statements.flatMap(({ sql, parameters }) =>
    database
      .prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
      .all(...parameters)
      .map(({ detail }) => detail),
  );
  return { plan: [...new Set(plan)], plainMs: spreadOf(durations).p50 };
}

serve({
  fillGrowth: ({ path, shape }: { path: string; shape: GrowthShape }) => fillGrowth(path, shape),
  fillBytes: ({ path, bytes }: { path: string; bytes: number }) => fillBytes(path, bytes),
  explain,
  /** Of these members, how many have no answer in the file. */
  countMissing: ({ path, userIds }: { path: string; userIds: readonly string[] }) =>
    withDatabase(path, (database) => {
      const rows = database.prepare<[], { id: string }>("SELECT user_id AS id FROM reaction").all();
      const present = new Set(rows.map(({ id }) => id));
      return userIds.filter((id) => !present.has(id)).length;
    }),
});
