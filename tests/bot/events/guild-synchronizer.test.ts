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
  /** What each reading of reactions waits for. */
  reading: Promise<void> | undefined;
  readonly client = Object.assign(new EventEmitter(), {
    guilds: { cache: new Map([[GUILD_ID, { available: true, name: "Server" }]]) },
  });
  readonly synchronizer: GuildSynchronizer;

  constructor() {
    const store = {
      guilds: { upsert: async ({ guildId }: { guildId: string }) => this.#take(`upsert${suffixOf(guildId)}`) },
      events: {
        listTracked: async ({ state, guildId }: { state: string; guildId: string }) => {
          if (state === "open") this.#take(`load${suffixOf(guildId)}`);
          return state === "open" && guildId === GUILD_ID ? this.events : [];
        },
      },
    } as unknown as Store;
    this.synchronizer = new GuildSynchronizer({
      client: this.client as unknown as Client,
      ...{ store, degradation: this.degradation, tracked: new TrackedEvents(store) },
      replanner: { bringBack: async (guildId) => this.#take(`replan${suffixOf(guildId)}`) },
      reconciler: {
        reconcile: async ({ id }: EventRecord) => {
          this.#take(`reconcile ${id}`);
          await this.reading;
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

  /** The bot is in another server from now on. */
  addGuild(guildId: string): { id: string; name: string } {
    const guild = { id: guildId, available: true, name: "Other server" };
    this.client.guilds.cache.set(guildId, guild);
    return guild;
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

function suffixOf(guildId: string): string {
  return guildId === GUILD_ID ? "" : ` ${guildId}`;
}

function discordError(status: number, code: number): DiscordAPIError {
  return new DiscordAPIError({ code, message: "refused" }, code, status, "GET", "/", {});
}

const RECONCILING = ["reconcile A", "reconcile B"];
const ALL_STEPS = ["upsert", "load", "replan", ...RECONCILING];

const JOINED = "100000000000000002";

describe("bringing a server in line", () => {
  it("records it at once, also while the reactions of others are being read", async () => {
    const rig = new Rig();
    const { promise, resolve } = Promise.withResolvers<void>();
    rig.reading = promise;
    rig.synchronizer.request(GUILD_ID);
    await new Promise(setImmediate);
    rig.client.emit("guildCreate", rig.addGuild(JOINED));
    await new Promise(setImmediate);
    const other = [`upsert ${JOINED}`, `load ${JOINED}`, `replan ${JOINED}`];
    expect(rig.steps).toEqual(["upsert", "load", "replan", "reconcile A", ...other]);
    resolve();
    expect((await rig.settle()).at(-1)).toBe("reconcile B");
  });

  it("records all of very many before much is read of Discord, and not all at a time", async () => {
    const rig = new Rig();
    for (let index = 1; index <= 1_000; index++) rig.addGuild(String(200_000_000_000_000_000n + BigInt(index)));
    rig.reading = new Promise(() => undefined);
    rig.synchronizer.requestAll();
    expect(rig.steps.length).toBeLessThan(50);
    await new Promise(setImmediate);
    expect(rig.steps.filter((step) => step.startsWith("load"))).toHaveLength(1_001);
    expect(rig.steps.filter((step) => step.startsWith("reconcile"))).toEqual(["reconcile A"]);
  });

  it("lets one that joins while the database is away stand in the queue before what its members write", async () => {
    const rig = new Rig();
    rig.degradation.transition({ kind: "offline", reason: FULL, since: rig.clock.now() });
    rig.client.emit("guildCreate", rig.addGuild(JOINED));
    expect(await rig.settle()).toEqual([`upsert ${JOINED}`]);
    rig.degradation.transition({ kind: "normal" });
    expect(await rig.settle()).toEqual([`upsert ${JOINED}`, `load ${JOINED}`, `replan ${JOINED}`]);
  });

  it("is done once more, and not twice at a time, when it is asked for while it is under way", async () => {
    const rig = new Rig();
    for (let count = 0; count < 3; count++) rig.synchronizer.request(GUILD_ID);
    expect(rig.steps).toEqual(["upsert"]);
    const steps = await rig.settle();
    expect(steps.filter((step) => step === "load")).toHaveLength(2);
  });

  it.each([
    ["the database takes no answers", "reconcile A", FULL],
    ["Discord fails", "reconcile A", discordError(503, 0)],
    ["the closing of an event cannot be recorded", "message of A gone", FULL],
    ["the server cannot be recorded", "upsert", FULL],
    ["its events cannot be read", "load", FULL],
    ["its reminders cannot be planned", "replan", FULL],
  ])("is tried again after five seconds, in the same state, when %s", async (_what, step, failure) => {
    const rig = new Rig();
    if (step.endsWith("gone")) rig.failures.set("reconcile A", discordError(404, 10_008));
    rig.failures.set(step, failure);
    expect((await rig.request()).at(-1)).toBe(step.startsWith("reconcile") ? "reconcile B" : step);
    expect(await rig.pause(RETRY_DELAY_MS - 1)).toEqual([]);
    // What is recorded already stays so.
    expect(await rig.pause(1)).toEqual(["upsert", "load", "replan"].includes(step) ? ALL_STEPS : RECONCILING);
    expect(rig.clock.delaysMs).toEqual([]);
  });

  it("is tried again until it is done", async () => {
    const rig = new Rig();
    for (let attempt = 0; attempt < 3; attempt++) {
      rig.failures.set("reconcile B", FULL);
      expect(await (attempt === 0 ? rig.request() : rig.pause())).toEqual(attempt === 0 ? ALL_STEPS : RECONCILING);
    }
    expect(await rig.pause()).toEqual(RECONCILING);
    expect(await rig.pause()).toEqual([]);
  });

  it.each([
    ["refuses it", discordError(403, 50_001), []],
    ["does not have the message any more", discordError(404, 10_008), ["message of A gone"]],
  ])("is not tried again when Discord %s", async (_what, failure, steps) => {
    const rig = new Rig();
    rig.failures.set("reconcile A", failure);
    expect(await rig.request()).toEqual(["upsert", "load", "replan", "reconcile A", ...steps, "reconcile B"]);
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
