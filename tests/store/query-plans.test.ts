import Database from "better-sqlite3";
import { systemClock } from "../../src/core/clock.ts";
import { SchemaValidator } from "../../src/database/schema/schema-validator.ts";
import { migrations, operations } from "../../src/store/data-module.ts";
import { explainPlan, statementsOf, type RecordedStatement } from "./recording-transaction.ts";

/** What these cost must not grow with the tables: lookups in an index, and rows that come out in their order. */

const GUILD = "100000000000000001";
const USER = "200000000000000001";
const EVENT = "01J0000000000000000000EVNT";
const AT = 1_750_000_000_000;

const { events, reactions, reminders, flags, audit, users, guilds, usage, memberData } = operations;
const database = new Database(":memory:");
const run = statementsOf.bind(undefined, database);

type Case = readonly [title: string, statements: () => Promise<RecordedStatement[]>];

const page = { guildId: GUILD, limit: 20 } as const;
const cursor = { createdAt: AT, id: EVENT };

const CASES: readonly Case[] = [
  ["reminders.listDue", () => run(reminders.listDue, { ...page, at: AT })],
  ["reminders.findNextDueAt", () => run(reminders.findNextDueAt, {})],
  ["reminders.listPending", () => run(reminders.listPending, { at: AT, limit: 100 })],
  ["reminders.find", () => run(reminders.find, { guildId: GUILD, eventId: EVENT, id: EVENT })],
  ["reminders.postpone", () => run(reminders.postpone, { guildId: GUILD, eventId: EVENT, id: EVENT, scheduledAt: AT })],
  ["reminders.listHistory", () => run(reminders.listHistory, { ...page, eventId: EVENT })],
  ["reminders.begin", () => run(reminders.begin, { guildId: GUILD, eventId: EVENT, id: EVENT, scheduledAt: AT })],
  ["events.list of all", () => run(events.list, { ...page, state: "all" })],
  ["events.list of all, older", () => run(events.list, { ...page, state: "all", cursor })],
  ["events.list of all, newer", () => run(events.list, { ...page, state: "all", cursor, direction: "newer" })],
  ["events.list by state", () => run(events.list, { ...page, state: "open" })],
  ["events.list by state, older", () => run(events.list, { ...page, state: "open", cursor })],
  ["events.list by state, newer", () => run(events.list, { ...page, state: "open", cursor, direction: "newer" })],
  ["events.find", () => run(events.find, { guildId: GUILD, id: EVENT })],
  ["events.listUnanswered", () => run(events.listUnanswered, { ...page, userId: USER })],
  ["events.listClosing", () => run(events.listClosing, { ...page, at: AT })],
  ["events.listTracked", () => run(events.listTracked, { ...page, state: "open" })],
  ["events.listTracked, next page", () => run(events.listTracked, { ...page, state: "open", afterId: EVENT })],
  [
    "reactions.record",
    () => run(reactions.record, { guildId: GUILD, eventId: EVENT, userId: USER, username: null, emoji: "✅" }),
  ],
  ["reactions.withdraw", () => run(reactions.withdraw, { guildId: GUILD, eventId: EVENT, userId: USER, emoji: "✅" })],
  ["flags.list", () => run(flags.list, { guildId: GUILD })],
  ["guilds.find", () => run(guilds.find, { guildId: GUILD })],
  ["users.listReminderModes", () => run(users.listReminderModes, { guildId: GUILD })],
  ["users.listSeen", () => run(users.listSeen, { guildId: GUILD, limit: 1_000 })],
  ["memberData.find", () => run(memberData.find, { guildId: GUILD, userId: USER })],
  ["memberData.listEvents", () => run(memberData.listEvents, { ...page, userId: USER })],
  ["memberData.listEvents, next page", () => run(memberData.listEvents, { ...page, userId: USER, cursor })],
  // Of somebody of whom nothing is kept: all operations here have the same id, and the audit log takes it once.
  ["memberData.delete", () => run(memberData.delete, { guildId: GUILD, userId: "200000000000000002" })],
  ["reminders.prune", () => run(reminders.prune, { before: AT, limit: 1_000 })],
  ["usage.prune", () => run(usage.prune, { before: AT, keepDays: 30, limit: 1_000 })],
  ["audit.listActions", () => run(audit.listActions, { guildId: GUILD })],
  ["audit.verify", () => run(audit.verify, { guildId: GUILD })],
  ...auditCases(),
  [
    "the pruning of applied_operation",
    async () => [
      {
        sql: "DELETE FROM applied_operation WHERE id IN (SELECT id FROM applied_operation WHERE id < ? ORDER BY id LIMIT ?)",
        parameters: ["01J", 500],
      },
    ],
  ],
];

function auditCases(): Case[] {
  const filters = {
    "without filter": {},
    "by action": { action: "event.create" },
    "by actor": { actorId: USER },
    since: { since: AT },
    until: { until: AT },
    "by time": { since: AT, until: AT + 1 },
    "by action and time": { action: "event.create", since: AT, until: AT + 1 },
    "by actor and time": { actorId: USER, since: AT, until: AT + 1 },
  };
  return Object.entries(filters).flatMap(([title, filter]): Case[] =>
    [{}, { sequence: 1 }, { sequence: 1, direction: "newer" as const }].map((position): Case => [
      `audit.list ${title} ${JSON.stringify(position)}`,
      () => run(audit.list, { ...page, ...filter, ...position }),
    ]),
  );
}

const BOUNDED: readonly (readonly [string, string, () => Promise<RecordedStatement[]>])[] = [
  ["reminders.listDueGuilds", "event_due", () => run(reminders.listDueGuilds, { at: AT, limit: 100 })],
  ["events.listClosingGuilds", "event_closing", () => run(events.listClosingGuilds, { at: AT, limit: 100 })],
];

describe("query plans", () => {
  beforeAll(async () => {
    new SchemaValidator(migrations, systemClock).applyMigrations(database);
    await run(guilds.upsert, { guildId: GUILD, name: "Server" });
    await run(events.create, {
      id: EVENT,
      guildId: GUILD,
      channelId: "300000000000000001",
      messageId: "400000000000000001",
      cardMessageId: "400000000000000001",
      creatorId: USER,
      title: "Roll call",
      description: "",
      intervalMs: 3_600_000,
      reactions: [],
    });
  });
  afterAll(() => database.close());

  it.each(CASES)("%s reads by index and in order", async (_title, statements) => {
    const plans = (await statements()).map((statement) => ({
      sql: statement.sql,
      plan: explainPlan(database, statement),
    }));
    expect(plans.length).toBeGreaterThan(0);
    for (const { plan } of plans) {
      for (const step of plan) {
        expect(step).not.toMatch(/^SCAN/);
        expect(step).not.toContain("USE TEMP B-TREE");
      }
    }
  });

  it.each(BOUNDED)(
    "%s looks at the due events alone, and at a bounded number of them",
    async (_title, index, statements) => {
      const [statement] = await statements();
      const plan = explainPlan(database, statement!);
      // The grouping and sorting are of the rows of the inner query, which ends at its LIMIT.
      expect(plan).toEqual([
        "CO-ROUTINE due",
        expect.stringMatching(new RegExp(`^SEARCH event USING (COVERING )?INDEX ${index} `)) as string,
        "SCAN due",
        "USE TEMP B-TREE FOR GROUP BY",
        "USE TEMP B-TREE FOR ORDER BY",
      ]);
    },
  );

  it.each([
    ["one server", { guildId: GUILD }, "command_usage_guild (guild_id=? AND at>? AND at<?)"],
    ["all servers", {}, "command_usage_at (at>? AND at<?)"],
  ])("counts the use of commands in %s from an index alone, within the range of time", async (_title, who, index) => {
    const statements = await run(usage.report, { from: AT, to: AT + 1, ...who });
    for (const statement of statements) {
      expect(explainPlan(database, statement)[0]).toBe(`SEARCH command_usage USING COVERING INDEX ${index}`);
    }
    expect(statements).toHaveLength(2);
  });

  it("searches titles among the newest events only", async () => {
    const [statement] = await run(events.search, { guildId: GUILD, text: "roll", limit: 25 });
    const plan = explainPlan(database, statement!);
    expect(plan[1]).toBe("SEARCH event USING INDEX event_guild (guild_id=?)");
    expect(plan).not.toContainEqual(expect.stringMatching(/^SCAN event/));
  });

  it("starts each page of a time range where the last one ended", async () => {
    const range = { since: 1, until: AT };
    const [, older] = await run(audit.list, { ...page, ...range, sequence: 1 });
    expect(explainPlan(database, older!)).toEqual([
      "SEARCH audit_log USING INDEX audit_log_at (guild_id=? AND at>? AND (at,sequence)<(?,?))",
    ]);
    const [, newer] = await run(audit.list, { ...page, ...range, sequence: 1, direction: "newer" });
    expect(explainPlan(database, newer!)).toEqual([
      "SEARCH audit_log USING INDEX audit_log_at (guild_id=? AND (at,sequence)>(?,?) AND at<?)",
    ]);
  });
});
