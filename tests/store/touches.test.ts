import { EVERYTHING } from "../../src/database/operation.ts";
import { operations } from "../../src/store/data-module.ts";
import { openTestStore, type TestStore } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { eventInput, MEMBER_1, newGuild, newId, OWNER } from "./fixtures.ts";

/** The read cache forgets what a write says that it touches: a read whose answer changed must be among it. */

type Call = readonly [name: string, input: Record<string, unknown>];
const groups = operations as unknown as Record<
  string,
  Record<
    string,
    { readonly input: { parse(input: unknown): unknown }; readonly touches: (input: unknown) => readonly string[] }
  >
>;

function touchesOf([name, input]: Call): readonly string[] {
  const [group = "", operation = ""] = name.split(".");
  const { input: schema, touches } = groups[group]![operation]!;
  return touches(schema.parse(input));
}

describe("what a write says that it touches", () => {
  const clock = new ManualClock();
  let database: TestStore;
  beforeAll(async () => {
    database = await openTestStore({ clock });
  });
  afterAll(() => database.close());

  it("is in every cached read whose answer it changes", async () => {
    const guildId = await newGuild(database.store);
    const [first, second] = [newId(), newId()];
    const [reminder1, reminder2] = [newId(), newId()];
    const at = clock.now();
    const event = { guildId, id: first };
    const flag = { guildId, actorId: OWNER, name: "timezone", subjectType: "server", subjectId: "" };
    const answer = { guildId, eventId: first, userId: MEMBER_1 };
    const reminder = { guildId, eventId: first };

    const reads: readonly Call[] = [
      ["guilds.find", { guildId }],
      ["users.listSeen", { guildId, limit: 100 }],
      ["users.listReminderModes", { guildId }],
      ["events.find", event],
      ["events.list", { guildId, state: "all", limit: 100 }],
      ["events.search", { guildId, text: "", limit: 25 }],
      ["events.listTracked", { guildId, state: "open", limit: 100 }],
      ["events.listUnanswered", { guildId, userId: MEMBER_1, limit: 100 }],
      ["events.listClosing", { guildId, at: at + 100, limit: 100 }],
      ["reactions.list", { guildId, eventId: first }],
      ["reminders.listDue", { guildId, at: at + 100, limit: 100 }],
      ["reminders.listHistory", { guildId, eventId: first, limit: 100 }],
      ["flags.list", { guildId }],
      ["usage.report", { from: at - 100, to: at + 100, guildId }],
      ["usage.report", { from: at - 100, to: at + 100 }],
      ["audit.list", { guildId, limit: 100 }],
      ["audit.listActions", { guildId }],
      ["audit.verify", { guildId }],
    ];
    const writes: readonly Call[] = [
      ["guilds.upsert", { guildId, name: "Renamed" }],
      ["events.create", { ...eventInput(guildId, { id: first, closesAt: at + 50, nextReminderAt: at }) }],
      ["events.create", { ...eventInput(guildId, { id: second }) }],
      ["reactions.record", { ...answer, username: null, emoji: "✅" }],
      ["events.edit", { ...event, actorId: OWNER, changes: { title: "New", reactions: ["❌"] } }],
      ["reactions.withdraw", { ...answer, emoji: "✅" }],
      ["reactions.reconcile", { guildId, eventId: first, reactions: [{ userId: OWNER, username: null, emoji: "❌" }] }],
      ["reactions.withdrawAll", { guildId, eventId: first }],
      ["reminders.begin", { ...reminder, id: reminder1, scheduledAt: at, nextReminderAt: at + 10, actorId: OWNER }],
      ["reminders.progress", { ...reminder, id: reminder1, userIds: [MEMBER_1] }],
      ["reminders.finish", { ...reminder, id: reminder1, status: "sent" }],
      ["reminders.reschedule", { ...reminder, scheduledAt: at + 10, nextReminderAt: at + 20 }],
      ["reminders.begin", { ...reminder, id: reminder2, scheduledAt: at + 20 }],
      ["reminders.postpone", { ...reminder, id: reminder2, scheduledAt: at + 30 }],
      ["reminders.prune", { before: Date.now() + 1_000_000, limit: 10 }],
      ["users.observe", { guildId, id: "200000000000000077", username: null, isBot: true }],
      ["users.setReminderMode", { guildId, id: "200000000000000078", username: null, mode: "dm" }],
      ["flags.set", { ...flag, value: "Europe/Berlin" }],
      ["flags.clear", flag],
      [
        "usage.record",
        {
          entries: [at, at + 86_400_000].map((at) => ({
            ...{ guildId, id: newId(), command: "mine", at, durationMs: 9, outcome: "answered" },
          })),
        },
      ],
      ["usage.prune", { before: at + 1, keepDays: 1, limit: 10 }],
      ["audit.append", { guildId, actorId: OWNER, action: "audit.export", target: "csv" }],
      [
        "audit.appendAll",
        { entries: [{ guildId, actorId: OWNER, action: "audit.export", target: "", id: newId(), at }] },
      ],
      [
        "audit.preserveDamaged",
        { reason: "a page cannot be read", chains: [{ guildId, lastSequence: 0, lastHash: "0".repeat(64) }] },
      ],
      ["events.transition", { ...event, actorId: OWNER, to: "paused" }],
      ["events.transition", { ...event, actorId: OWNER, to: "closed" }],
      ["reactions.record", { guildId, eventId: second, userId: MEMBER_1, username: null, emoji: "✅" }],
      ["memberData.delete", { guildId, userId: MEMBER_1 }],
      ["events.delete", { ...event, actorId: OWNER }],
    ];
    const answers = async (): Promise<string[]> =>
      Promise.all(reads.map(async ([name, input]) => JSON.stringify(await database.manager.call(name, input))));

    let before = await answers();
    for (const write of writes) {
      clock.advance(1);
      await database.manager.call(...write);
      const after = await answers();
      const touched = touchesOf(write);
      const isTouched = (name: string): boolean => touched.includes(name) || touched.includes(EVERYTHING);
      const stale = reads.filter((read, index) => before[index] !== after[index] && !touchesOf(read).some(isTouched));
      expect({ write: write[0], stale: stale.map(([name]) => name) }).toEqual({ write: write[0], stale: [] });
      expect({ write: write[0], isChanged: before.join() !== after.join() }).toEqual({
        write: write[0],
        isChanged: true,
      });
      before = after;
    }
    // Whoever adds a write adds it here. Those of the integrity checks touch everything.
    const ours = Object.entries(groups).filter(([group]) => group !== "integrity");
    const known = ours.flatMap(([group, members]) =>
      Object.entries(members as unknown as Record<string, { kind: string }>)
        .filter(([, { kind }]) => kind === "write")
        .map(([name]) => `${group}.${name}`),
    );
    expect([...new Set(writes.map(([name]) => name))].sort()).toEqual(known.sort());
  });
});
