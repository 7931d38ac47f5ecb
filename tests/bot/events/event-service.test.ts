import { DiscordAPIError, type Client } from "discord.js";
import type { EventCards } from "../../../src/bot/events/event-cards.ts";
import { EventRefusal } from "../../../src/bot/events/event-refusal.ts";
import { EventService } from "../../../src/bot/events/event-service.ts";
import type { Reconciler } from "../../../src/bot/events/reconciler.ts";
import { TrackedEvents } from "../../../src/bot/events/tracked-events.ts";
import { readFlags, type GuildFlags } from "../../../src/bot/flags/guild-flags.ts";
import { english } from "../../../src/bot/texts/texts.ts";
import { MusterError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import type { EventRecord } from "../../../src/store/events.ts";
import type { Store } from "../../../src/store/store.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const GUILD_ID = "100000000000000001";
const CHANNEL_ID = "100000000000000002";
const CREATOR_ID = "100000000000000003";
const POSTED_ID = "100000000000000004";
const FOREIGN_ID = "100000000000000005";
const HOUR_MS = 3_600_000;
const FIELDS = {
  ...{ title: "Friday raid", description: "", intervalMs: HOUR_MS, reactions: ["✅", "❌"] },
  ...{ audienceRoleId: undefined, closesAt: undefined },
};
const NEW_EVENT = { guildId: GUILD_ID, channelId: CHANNEL_ID, creatorId: CREATOR_ID, fields: FIELDS };

/** Discord and the database as the service sees them; every step is written down in order. */
class Rig {
  readonly clock = new ManualClock();
  readonly steps: string[] = [];
  /** What a step fails with. */
  readonly failures = new Map<string, Error>();
  readonly tracked = new TrackedEvents({} as unknown as Store);
  /** Between asking to store something and its being asked. */
  storeDelayMs = 0;
  stored: EventRecord | undefined;
  messageReactions: { emoji: { id: null; name: string }; me: boolean }[] = [];
  readonly service: EventService;

  constructor() {
    const events = {
      create: async (input: Omit<EventRecord, "createdAt" | "state">) => {
        this.#take("store create");
        this.clock.advance(this.storeDelayMs);
        this.stored = { ...input, state: "open", createdAt: this.clock.now() };
        return this.stored;
      },
      edit: async ({ changes }: { changes: object }) => {
        this.#take("store edit");
        this.stored = { ...this.stored!, ...changes };
        return this.stored;
      },
      transition: async ({ to, reason = "" }: { to: EventRecord["state"]; reason?: string }) => {
        this.#take(`store ${to} ${reason}`.trim());
        this.stored = { ...this.stored!, state: to };
        return this.stored;
      },
      delete: async () => {
        this.#take("store delete");
        this.stored = undefined;
      },
    };
    const reminders = {
      reschedule: async ({ nextReminderAt }: { nextReminderAt: number }) => {
        this.#take("store reschedule");
        this.stored = { ...this.stored!, nextReminderAt };
        return true;
      },
    };
    const rest = {
      post: async () => {
        this.#take("post");
        return { id: POSTED_ID };
      },
      get: async () => ({ reactions: this.messageReactions }),
      put: async (route: string) => this.#take(`react ${emojiIn(route)}`),
      delete: async (route: string) =>
        this.#take(route.includes("/reactions/") ? `unreact ${emojiIn(route)}` : `delete ${route.split("/").at(-1)}`),
    };
    this.service = new EventService({
      client: { rest } as unknown as Client,
      store: { events, reminders } as unknown as Store,
      tracked: this.tracked,
      cards: {
        show: async () => this.#take("show card"),
        refresh: () => this.steps.push("refresh card"),
      } as unknown as EventCards,
      reconciler: { reconcile: async () => this.#take("reconcile") } as unknown as Reconciler,
      flags: { get: async () => readFlags([]) } as unknown as GuildFlags,
      clock: this.clock,
      logger: silentLogger,
      texts: english,
      wakeReminders: () => this.steps.push("wake"),
    });
  }

  #take(step: string): void {
    this.steps.push(step);
    const failure = this.failures.get(step);
    if (failure) throw failure;
  }
}

function emojiIn(route: string): string {
  return decodeURIComponent(/reactions\/(.+)\/@me$/.exec(route)![1]!);
}

function discordError(status: number, code: number): DiscordAPIError {
  return new DiscordAPIError({ code, message: "refused" }, code, status, "PUT", "/", {});
}

describe("creating an event", () => {
  it("stores it before anybody can take its message for a real one, and tracks it before its reactions are there", async () => {
    const rig = new Rig();
    const event = await rig.service.create(NEW_EVENT);
    expect(rig.steps).toEqual(["post", "store create", "react ✅", "react ❌", "show card", "wake"]);
    expect(rig.tracked.findByMessage(POSTED_ID)).toEqual(event);
    expect(event).toMatchObject({ messageId: POSTED_ID, cardMessageId: POSTED_ID, title: "Friday raid" });
  });

  it("plans the first reminder from the moment at which it was stored", async () => {
    const rig = new Rig();
    rig.storeDelayMs = 7;
    const event = await rig.service.create(NEW_EVENT);
    expect(event.nextReminderAt).toBe(event.createdAt + HOUR_MS);
    expect(rig.stored?.nextReminderAt).toBe(event.nextReminderAt);
  });

  it("is refused with the channel when Discord does not let it post", async () => {
    const rig = new Rig();
    rig.failures.set("post", discordError(403, 50013));
    await expect(rig.service.create(NEW_EVENT)).rejects.toThrow(EventRefusal);
    expect(rig.steps).toEqual(["post"]);
  });

  it("leaves no message behind when it cannot be stored", async () => {
    const rig = new Rig();
    const away = new MusterError("DATABASE_UNAVAILABLE", "away");
    rig.failures.set("store create", away);
    await expect(rig.service.create(NEW_EVENT)).rejects.toBe(away);
    expect(rig.steps).toEqual(["post", "store create", `delete ${POSTED_ID}`]);
    expect(rig.tracked.findByMessage(POSTED_ID)).toBeUndefined();
  });

  it("leaves neither row nor message behind when a reaction is refused", async () => {
    const rig = new Rig();
    rig.failures.set("react ❌", discordError(400, 10014));
    await expect(rig.service.create(NEW_EVENT)).rejects.toThrow("use ❌ as a reaction. Nothing was created.");
    expect(rig.stored).toBeUndefined();
    expect(rig.steps.at(-1)).toBe(`delete ${POSTED_ID}`);
    expect(rig.tracked.findByMessage(POSTED_ID)).toBeUndefined();
  });

  it("deletes the message even when the row cannot be deleted, so that the event closes by itself", async () => {
    const rig = new Rig();
    rig.failures.set("react ✅", discordError(403, 50013));
    rig.failures.set("store delete", new MusterError("DATABASE_UNAVAILABLE", "away"));
    await expect(rig.service.create(NEW_EVENT)).rejects.toThrow("Add Reactions");
    expect(rig.steps).toContain(`delete ${POSTED_ID}`);
  });

  it("passes on what is not for a member to mend as it came", async () => {
    const rig = new Rig();
    const overload = discordError(503, 0);
    rig.failures.set("react ✅", overload);
    await expect(rig.service.create(NEW_EVENT)).rejects.toBe(overload);
    expect(rig.stored).toBeUndefined();
  });

  it("goes on when only the card cannot be shown yet", async () => {
    const rig = new Rig();
    rig.failures.set("show card", discordError(503, 0));
    await rig.service.create(NEW_EVENT);
    expect(rig.steps.slice(-2)).toEqual(["refresh card", "wake"]);
  });
});

describe("watching a message", () => {
  it("posts a card beside it and reads who reacted before", async () => {
    const rig = new Rig();
    const event = await rig.service.watch({ ...NEW_EVENT, messageId: FOREIGN_ID });
    expect(event).toMatchObject({ messageId: FOREIGN_ID, cardMessageId: POSTED_ID });
    expect(rig.steps.slice(-2)).toEqual(["reconcile", "refresh card"]);
  });

  it("takes back its own reactions and card when it fails, and leaves the message", async () => {
    const rig = new Rig();
    rig.failures.set("react ❌", discordError(403, 90001));
    await expect(rig.service.watch({ ...NEW_EVENT, messageId: FOREIGN_ID })).rejects.toThrow("blocked me");
    expect(rig.steps.slice(-3)).toEqual(["unreact ✅", "store delete", `delete ${POSTED_ID}`]);
    expect(rig.steps).not.toContain(`delete ${FOREIGN_ID}`);
  });
});

describe("editing an event's reactions", () => {
  async function createRig(): Promise<{ rig: Rig; event: EventRecord }> {
    const rig = new Rig();
    const event = await rig.service.create(NEW_EVENT);
    rig.steps.length = 0;
    return { rig, event };
  }

  it("adds new ones before it is stored and removes old ones after", async () => {
    const { rig, event } = await createRig();
    await rig.service.edit(event, { reactions: ["✅", "👍"] }, CREATOR_ID);
    expect(rig.steps).toEqual([
      ...["react 👍", "store edit", "unreact ❌", "reconcile", "refresh card", "refresh card", "wake"],
    ]);
    expect(rig.tracked.find(event.id)?.reactions).toEqual(["✅", "👍"]);
  });

  it("takes new ones back when it cannot be stored", async () => {
    const { rig, event } = await createRig();
    rig.failures.set("store edit", new MusterError("CONFLICT", "closed"));
    await expect(rig.service.edit(event, { reactions: ["👍"] }, CREATOR_ID)).rejects.toThrow("closed");
    expect(rig.steps).toEqual(["react 👍", "store edit", "unreact 👍"]);
    expect(rig.tracked.find(event.id)).toEqual(event);
  });

  it("closes the event when its message turns out to be unknown", async () => {
    const { rig, event } = await createRig();
    rig.failures.set("reconcile", discordError(404, 10008));
    await rig.service.edit(event, { reactions: [] }, CREATOR_ID);
    expect(rig.steps).toContain("store closed message deleted");
  });

  it("puts back those that a crash left out, and only those", async () => {
    const { rig, event } = await createRig();
    rig.messageReactions = [{ emoji: { id: null, name: "✅" }, me: true }];
    await rig.service.restoreReactions(event);
    expect(rig.steps).toEqual(["react ❌"]);
  });
});

describe("an event whose message is gone", () => {
  it("is closed by the system, with the reason", async () => {
    const rig = new Rig();
    const event = await rig.service.create(NEW_EVENT);
    expect(await rig.service.closeGone(event, "channel")).toBe(true);
    expect(rig.steps).toContain("store closed channel deleted");
    expect(rig.tracked.find(event.id)).toBeUndefined();
  });

  it("is no failure when it is closed already", async () => {
    const rig = new Rig();
    const event = await rig.service.create(NEW_EVENT);
    rig.failures.set("store closed message deleted", new MusterError("CONFLICT", "closed"));
    expect(await rig.service.closeGone(event, "message")).toBe(false);
    expect(rig.tracked.find(event.id)).toBeUndefined();
  });

  it("stays tracked when closing cannot be stored, so that it is closed the next time", async () => {
    const rig = new Rig();
    const event = await rig.service.create(NEW_EVENT);
    rig.failures.set("store closed message deleted", new MusterError("DATABASE_UNAVAILABLE", "away"));
    await expect(rig.service.closeGone(event, "message")).rejects.toThrow("away");
    expect(rig.tracked.find(event.id)).toEqual(event);
  });
});
