import { createDataExport } from "../../../../src/bot/commands/mydata/data-export.ts";
import { openTestStore, type TestStore } from "../../../helpers/database.ts";
import { ManualClock } from "../../../helpers/manual-clock.ts";
import { eventInput, MEMBER_1, MEMBER_2, newGuild, OWNER } from "../../../store/fixtures.ts";

/** More than one read of events, and more than one page of the audit log. */
const EVENT_COUNT = 120;

let database: TestStore;
let guildId: string;
beforeAll(async () => {
  const clock = new ManualClock();
  database = await openTestStore({ file: ":memory:", clock });
  const { store } = database;
  guildId = await newGuild(store);
  for (let index = 1; index <= EVENT_COUNT; index++) {
    // Of events of the same millisecond none is the newer one.
    clock.advance(1);
    const event = await store.events.create(eventInput(guildId, { title: `"Event" ${index}`, creatorId: MEMBER_1 }));
    await store.reactions.record({ guildId, eventId: event.id, userId: MEMBER_1, username: "name", emoji: "✅" });
    await store.reactions.record({ guildId, eventId: event.id, userId: MEMBER_2, username: "name", emoji: "❌" });
  }
  const flag = { guildId, name: "excused", subjectType: "member", value: "yes" } as const;
  await store.flags.set({ ...flag, actorId: OWNER, subjectId: MEMBER_1 });
  await store.flags.set({ ...flag, actorId: MEMBER_1, subjectId: MEMBER_1 });
  await store.flags.set({ ...flag, actorId: OWNER, subjectId: MEMBER_2 });
});
afterAll(() => database.close());

interface Document {
  readonly isComplete: boolean;
  readonly answers: readonly { readonly event: { readonly title: string } }[];
  readonly auditEntries: readonly { readonly sequence: number }[];
}

async function read(maxBytes: number) {
  const owner = { guildId, guildName: "Server", userId: MEMBER_1 };
  const { data, ...rest } = await createDataExport(database.store, owner, { at: 0, maxBytes });
  return { data, ...rest, document: JSON.parse(data.toString("utf8")) as Document };
}

describe("the export of a member's data", () => {
  it("has every row once, whatever pages it was read in", async () => {
    const { document, counts, isComplete, isEmpty } = await read(1_000_000);
    expect([isComplete, isEmpty, document.isComplete]).toEqual([true, false, true]);
    expect(counts).toEqual({
      ...{ answers: EVENT_COUNT, reminders: 0, createdEvents: EVENT_COUNT, flags: 1, auditEntries: EVENT_COUNT + 2 },
    });
    const titles = document.answers.map(({ event }) => event.title);
    expect(titles.sort()).toEqual(Array.from({ length: EVENT_COUNT }, (_, index) => `"Event" ${index + 1}`).sort());
    const sequences = document.auditEntries.map(({ sequence }) => sequence);
    expect(new Set(sequences).size).toBe(EVENT_COUNT + 2);
    expect(sequences).not.toContain(EVENT_COUNT + 3);
  });

  it("keeps the newest within a size when there is more, stays a document, and says so", async () => {
    const { data, document, counts, isComplete } = await read(10_000);
    expect([isComplete, document.isComplete]).toEqual([false, false]);
    expect(data.length).toBeLessThan(11_000);
    expect(counts.answers).toBeGreaterThan(10);
    const titles = document.answers.map(({ event }) => event.title);
    expect(titles).toEqual(titles.map((_, index) => `"Event" ${EVENT_COUNT - index}`));
  });
});
