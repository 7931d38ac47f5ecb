import fc from "fast-check";
import { isMusterError } from "../../src/core/errors.ts";
import type { Store } from "../../src/store/store.ts";
import { storeCommand, type StoreCommand } from "../arbitraries/store.ts";
import { openTestStore, type TestStore } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { eventInput, newGuild, newId, newSnowflake, OWNER } from "./fixtures.ts";

/** The same rules in memory, as plainly as they can be said. */
interface ModelEvent {
  readonly id: string;
  title: string;
  state: "open" | "paused" | "closed";
  reactions: readonly string[];
  /** `user emoji` → when it was recorded. */
  readonly answers: Map<string, number>;
}

interface World {
  readonly store: Store;
  readonly clock: ManualClock;
  readonly guildId: string;
  readonly events: Map<number, ModelEvent>;
  readonly auditActions: string[];
}

const keyOf = (userId: string, emoji: string): string => `${userId} ${emoji}`;
const actorId = OWNER;

async function expectRefused(call: Promise<unknown>, code: "NOT_FOUND" | "CONFLICT"): Promise<void> {
  await expect(call).rejects.toMatchObject({ code });
}

async function create(world: World, command: StoreCommand & { kind: "create" }): Promise<void> {
  const { store, guildId, events, auditActions } = world;
  if (events.has(command.event)) return;
  const { title, reactions } = command;
  const record = await store.events.create(eventInput(guildId, { title, reactions: [...reactions] }));
  events.set(command.event, {
    id: record.id,
    title: title.toWellFormed(),
    state: "open",
    reactions,
    answers: new Map(),
  });
  auditActions.push("event.create");
}

async function edit(world: World, event: ModelEvent, command: StoreCommand & { kind: "edit" }): Promise<void> {
  const { kind: _kind, event: _number, ...changes } = command;
  const input = { guildId: world.guildId, id: event.id, actorId };
  const call = world.store.events.edit({
    ...input,
    changes: { title: changes.title, reactions: changes.reactions && [...changes.reactions] },
  });
  if (event.state === "closed") return expectRefused(call, "CONFLICT");
  await call;
  if (changes.title !== undefined) event.title = changes.title.toWellFormed();
  if (changes.reactions !== undefined) event.reactions = changes.reactions;
  world.auditActions.push("event.edit");
}

async function transition(world: World, event: ModelEvent, to: ModelEvent["state"]): Promise<void> {
  const call = world.store.events.transition({ guildId: world.guildId, id: event.id, actorId, to });
  if (event.state === "closed" || event.state === to) return expectRefused(call, "CONFLICT");
  await call;
  event.state = to;
  world.auditActions.push({ open: "event.resume", paused: "event.pause", closed: "event.close" }[to]);
}

async function react(
  world: World,
  event: ModelEvent,
  command: StoreCommand & { kind: "record" | "withdraw" },
): Promise<void> {
  const { userId, emoji, kind } = command;
  const input = { guildId: world.guildId, eventId: event.id, userId, emoji };
  const key = keyOf(userId, emoji);
  const isKnown = event.answers.has(key);
  const isOpen = event.state !== "closed";
  if (kind === "record") {
    expect(await world.store.reactions.record({ ...input, username: null })).toBe(isOpen && !isKnown);
    if (isOpen && !isKnown) event.answers.set(key, world.clock.now());
  } else {
    expect(await world.store.reactions.withdraw(input)).toBe(isOpen && isKnown);
    if (isOpen) event.answers.delete(key);
  }
}

async function withdrawAll(world: World, event: ModelEvent, emoji: string | undefined): Promise<void> {
  const gone = [...event.answers.keys()].filter((key) => emoji === undefined || key.endsWith(` ${emoji}`));
  const input = { guildId: world.guildId, eventId: event.id, ...(emoji === undefined ? {} : { emoji }) };
  const isOpen = event.state !== "closed";
  expect(await world.store.reactions.withdrawAll(input)).toBe(isOpen ? gone.length : 0);
  if (isOpen) for (const key of gone) event.answers.delete(key);
}

async function reconcile(
  world: World,
  event: ModelEvent,
  command: StoreCommand & { kind: "reconcile" },
): Promise<void> {
  const reactions = command.reactions.map((reaction) => ({ ...reaction, username: null }));
  const result = await world.store.reactions.reconcile({
    guildId: world.guildId,
    eventId: event.id,
    reactions,
  });
  if (event.state === "closed") {
    expect(result).toEqual({ added: 0, removed: 0 });
    return;
  }
  const truth = new Set(command.reactions.map(({ userId, emoji }) => keyOf(userId, emoji)));
  const removed = [...event.answers.keys()].filter((key) => !truth.has(key));
  const added = [...truth].filter((key) => !event.answers.has(key));
  for (const key of removed) event.answers.delete(key);
  for (const key of added) event.answers.set(key, world.clock.now());
  expect(result).toEqual({ added: added.length, removed: removed.length });
}

async function remove(world: World, event: ModelEvent, number: number): Promise<void> {
  await world.store.events.delete({ guildId: world.guildId, id: event.id, actorId });
  world.events.delete(number);
  world.auditActions.push("event.delete");
  await expectRefused(world.store.events.delete({ guildId: world.guildId, id: event.id, actorId }), "NOT_FOUND");
}

async function apply(world: World, command: StoreCommand): Promise<void> {
  if (command.kind === "create") return create(world, command);
  const event = world.events.get(command.event);
  if (!event) {
    const missing = { guildId: world.guildId, id: newId(), actorId };
    if (command.kind === "delete") await expectRefused(world.store.events.delete(missing), "NOT_FOUND");
    if (command.kind === "edit") await expectRefused(world.store.events.edit({ ...missing, changes: {} }), "NOT_FOUND");
    return;
  }
  switch (command.kind) {
    case "edit":
      return edit(world, event, command);
    case "transition":
      return transition(world, event, command.to);
    case "delete":
      return remove(world, event, command.event);
    case "record":
    case "withdraw":
      return react(world, event, command);
    case "withdrawAll":
      return withdrawAll(world, event, command.emoji);
    case "reconcile":
      return reconcile(world, event, command);
  }
}

async function expectSame({ store, guildId, events, auditActions }: World): Promise<void> {
  const page = await store.events.list({ guildId, state: "all", limit: 100 });
  const stored = page.events.map(({ id, title, state, reactions }) => ({ id, title, state, reactions }));
  const expected = [...events.values()].map(({ id, title, state, reactions }) => ({ id, title, state, reactions }));
  const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
  expect(stored.sort(byId)).toEqual(expected.sort(byId));
  for (const event of events.values()) {
    const answers = await store.reactions.list({ guildId, eventId: event.id });
    expect(new Map(answers.map(({ userId, emoji, createdAt }) => [keyOf(userId, emoji), createdAt]))).toEqual(
      event.answers,
    );
    for (const { emoji, isAnswer } of answers) {
      expect(isAnswer).toBe(event.reactions.length === 0 || event.reactions.includes(emoji));
    }
  }
  const audit = await store.audit.list({ guildId, limit: 100 });
  expect(audit.entries.map(({ action }) => action).reverse()).toEqual(auditActions);
  expect(await store.audit.verify({ guildId })).toMatchObject({ isDone: true, end: { sequence: auditActions.length } });
}

describe("the store", () => {
  let database: TestStore;
  const clock = new ManualClock();
  beforeAll(async () => {
    database = await openTestStore({ clock, readerCount: 1 });
  });
  afterAll(() => database.close());

  it("does what a simple model in memory does, whatever is asked of it in whatever order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(storeCommand, { minLength: 5, maxLength: 40 }), async (commands) => {
        const { store } = database;
        const guildId = await newGuild(store);
        const world: World = { store, clock, guildId, events: new Map(), auditActions: [] };
        for (const command of commands) {
          clock.advance(1);
          await apply(world, command);
        }
        await expectSame(world);
        // Another server with the same message would be a fault of Discord's; one that asks for our event gets nothing.
        const stranger = newSnowflake();
        for (const { id } of world.events.values()) {
          expect(await store.events.find({ guildId: stranger, id })).toBeNull();
          expect(await store.reactions.list({ guildId: stranger, eventId: id })).toEqual([]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("refuses a second event on the same message", async () => {
    const { store } = database;
    const guildId = await newGuild(store);
    const first = await store.events.create(eventInput(guildId));
    const second = store.events.create(eventInput(guildId, { messageId: first.messageId }));
    expect(await second.catch((error: unknown) => isMusterError(error, "CONFLICT"))).toBe(true);
  });
});
