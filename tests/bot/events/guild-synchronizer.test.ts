import { EventEmitter } from "node:events";
import { DiscordAPIError, type Client } from "discord.js";
import type { EventCards } from "../../../src/bot/events/event-cards.ts";
import type { EventService } from "../../../src/bot/events/event-service.ts";
import { GuildSynchronizer } from "../../../src/bot/events/guild-synchronizer.ts";
import type { Reconciler } from "../../../src/bot/events/reconciler.ts";
import { TrackedEvents } from "../../../src/bot/events/tracked-events.ts";
import { MusterError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { GracefulDegradation } from "../../../src/resilience/graceful-degradation.ts";
import type { EventRecord } from "../../../src/store/events.ts";
import type { Store } from "../../../src/store/store.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const GUILD_ID = "100000000000000001";
const RETRY_DELAY_MS = 5_000;
const FULL = new MusterError("DATABASE_FULL", "the disk is full");

/** A server with two events, as the synchronizer sees it; every step is written down in order. */
class Rig {
  readonly clock = new ManualClock();
  readonly degradation = new GracefulDegradation();
  readonly events = ["A", "B"].map((id) => ({ id, guildId: GUILD_ID, messageId: id, state: "open" }) as EventRecord);
  readonly steps: string[] = [];
  /** What a step fails with, once. */
  readonly failures = new Map<string, Error>();
  readonly synchronizer: GuildSynchronizer;

  constructor() {
    const guilds = { cache: new Map([[GUILD_ID, { available: true, name: "Server" }]]) };
    const store = {
      guilds: { upsert: async () => this.#take("upsert") },
      events: {
        listTracked: async ({ state }: { state: string }) => {
          if (state === "open") this.#take("load");
          return state === "open" ? this.events : [];
        },
      },
    } as unknown as Store;
    this.synchronizer = new GuildSynchronizer({
      client: Object.assign(new EventEmitter(), { guilds }) as unknown as Client,
      ...{ store, degradation: this.degradation, tracked: new TrackedEvents(store) },
      reconciler: {
        reconcile: async ({ id }: EventRecord) => {
          this.#take(`reconcile ${id}`);
          return { added: 0, removed: 0 };
        },
      } as unknown as Reconciler,
      cards: { refresh: () => undefined } as unknown as EventCards,
      events: { restoreReactions: async () => undefined } as unknown as EventService,
      onGone: async ({ id }, what) => this.#take(`${what} of ${id} gone`),
      schedule: (delayMs, run) => this.clock.schedule(delayMs, run),
      logger: silentLogger,
    });
  }

  /** What is done at once. */
  async request(): Promise<string[]> {
    this.synchronizer.request(GUILD_ID);
    return this.settle();
  }

  /** What is done until nothing is under way. */
  async settle(): Promise<string[]> {
    await this.synchronizer.settle();
    return this.steps.splice(0);
  }

  async pause(durationMs = RETRY_DELAY_MS): Promise<string[]> {
    this.clock.advance(durationMs);
    return this.settle();
  }

  #take(step: string): void {
    this.steps.push(step);
    const failure = this.failures.get(step);
    this.failures.delete(step);
    if (failure) throw failure;
  }
}

function discordError(status: number, code: number): DiscordAPIError {
  return new DiscordAPIError({ code, message: "refused" }, code, status, "GET", "/", {});
}

const ALL_STEPS = ["upsert", "load", "reconcile A", "reconcile B"];

describe("bringing a server in line", () => {
  it.each([
    ["the database takes no answers", "reconcile A", FULL],
    ["Discord fails", "reconcile A", discordError(503, 0)],
    ["the closing of an event cannot be recorded", "message of A gone", FULL],
    ["the server cannot be recorded", "upsert", FULL],
    ["its events cannot be read", "load", FULL],
  ])("is tried again after five seconds, in the same state, when %s", async (_what, step, failure) => {
    const rig = new Rig();
    if (step.endsWith("gone")) rig.failures.set("reconcile A", discordError(404, 10_008));
    rig.failures.set(step, failure);
    expect((await rig.request()).at(-1)).toBe(step.startsWith("reconcile") ? "reconcile B" : step);
    expect(await rig.pause(RETRY_DELAY_MS - 1)).toEqual([]);
    expect(await rig.pause(1)).toEqual(ALL_STEPS);
    expect(rig.clock.delaysMs).toEqual([]);
  });

  it("is tried again until it is done", async () => {
    const rig = new Rig();
    for (let attempt = 0; attempt < 3; attempt++) {
      rig.failures.set("reconcile B", FULL);
      expect(await (attempt === 0 ? rig.request() : rig.pause())).toEqual(ALL_STEPS);
    }
    expect(await rig.pause()).toEqual(ALL_STEPS);
    expect(await rig.pause()).toEqual([]);
  });

  it.each([
    ["refuses it", discordError(403, 50_001), []],
    ["does not have the message any more", discordError(404, 10_008), ["message of A gone"]],
  ])("is not tried again when Discord %s", async (_what, failure, steps) => {
    const rig = new Rig();
    rig.failures.set("reconcile A", failure);
    expect(await rig.request()).toEqual(["upsert", "load", "reconcile A", ...steps, "reconcile B"]);
    expect(rig.clock.delaysMs).toEqual([]);
  });

  it("catches up on an answer that could not be recorded, although the database is back by the time that is told", async () => {
    const rig = new Rig();
    rig.synchronizer.postpone(rig.events[0]!);
    rig.synchronizer.postpone(rig.events[1]!);
    expect(await rig.settle()).toEqual([]);
    expect(rig.clock.delaysMs).toEqual([RETRY_DELAY_MS]);
    expect(await rig.pause()).toEqual(ALL_STEPS);
    expect(rig.clock.delaysMs).toEqual([]);
  });

  it("waits for a database that takes no writes, and is done as soon as it does", async () => {
    const rig = new Rig();
    rig.degradation.transition({ kind: "read-only", reason: FULL, since: rig.clock.now() });
    expect(await rig.request()).toEqual([]);
    expect(await rig.pause()).toEqual([]);
    rig.degradation.transition({ kind: "normal" });
    expect(await rig.settle()).toEqual(ALL_STEPS);
  });

  it("is not tried again after a stop", async () => {
    const rig = new Rig();
    rig.failures.set("reconcile B", FULL);
    await rig.request();
    await rig.synchronizer.stop();
    rig.synchronizer.postpone(rig.events[0]!);
    expect(rig.clock.delaysMs).toEqual([]);
  });
});
