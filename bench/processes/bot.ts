import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { App } from "../../src/app.ts";
import { loadSettings } from "../../src/config/settings.ts";
import { systemClock } from "../../src/core/clock.ts";
import { createLogSink } from "../../src/core/logger.ts";
import { keepHeapSmall } from "../../src/core/small-heap.ts";
import { measureRate, RECORD_COUNT, spreadOf, startSteadyLoad, type Callers, type SteadyLoad } from "./load.ts";
import { serve } from "./rpc.ts";
import { StallWatch } from "./stall-watch.ts";

/**
 * The whole real bot, connected to a sandbox in another process, with everything on that is on by default: archive,
 * operation log, health, log files, audit log. What is asked of it here goes through `store.*`, as its commands do.
 */

export interface BotOptions {
  readonly folder: string;
  readonly access: { readonly token: string; readonly apiUrl: string };
  /** A server that the sandbox has. */
  readonly guildId: string;
  /** Variables as in `.env`. */
  readonly settings?: Readonly<Record<string, string>>;
}

const ACTOR = "100000000000000002";
const CHANNEL = "100000000000000003";
const CLOSED_SERVER = "900000000000000001";
const READY_TIMEOUT_MS = 300_000;
const PREPARED_AT_ONCE = 20;
/** Roll calls that people answer at the same time: each has a place of its own in the table. */
const ANSWERED_AT_ONCE = 8;

// As src/main.ts does.
keepHeapSmall(true);

let app: App | undefined;
let guildId = "";
let written = 0;
let journal: number | undefined;
let load: SteadyLoad | undefined;
const watch = new StallWatch();

const requireApp = (): App => {
  if (!app) throw new Error("the bot is not open");
  return app;
};
const idOf = (number: number): string => `01J000000000000000${String(number).padStart(8, "0")}`;
const memberOf = (number: number): string => `3${String(number).padStart(17, "0")}`;

/** An answer of another member each time: the write that the bot makes most. */
async function recordAnswer(): Promise<void> {
  const number = written++;
  const userId = memberOf(number);
  const eventId = idOf(number % ANSWERED_AT_ONCE);
  const { store } = requireApp();
  const isNew = await store.reactions.record({ guildId, eventId, userId, username: "member", emoji: "✅" });
  if (isNew !== true) throw new Error(isNew === undefined ? "the write was queued" : "the write changed nothing");
  if (journal !== undefined) writeSync(journal, `${userId} ${Date.now()}\n`);
}

/** A change with its entry in the audit log's chain, both in one transaction. */
async function setFlag(): Promise<void> {
  const number = written++;
  await requireApp().store.flags.set({
    ...{ guildId, actorId: ACTOR, name: "excused", subjectType: "member" },
    ...{ subjectId: memberOf(number % RECORD_COUNT), value: number % 2 === 0 ? "on" : "off" },
  });
}

async function until(isTrue: () => boolean): Promise<void> {
  const endAt = performance.now() + READY_TIMEOUT_MS;
  while (!isTrue()) {
    if (performance.now() > endAt) throw new Error(`waited ${READY_TIMEOUT_MS} ms for ${isTrue.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function open(options: BotOptions): Promise<void> {
  const { folder, access } = options;
  guildId = options.guildId;
  const settings = loadSettings({
    environment: {
      NODE_ENV: "production",
      DATABASE_PATH: join(folder, "data", "muster.db"),
      DB_BACKUP_DIR: join(folder, "backups"),
      LOG_DIR: join(folder, "logs"),
      MONITOR_PORT: "0",
      ...options.settings,
    },
  });
  const logger = createLogSink({
    ...{ level: settings.LOG_LEVEL, folder: settings.LOG_DIR, isConsoleEnabled: false, secrets: [access.token] },
  });
  app = new App({
    ...{ settings, folder, access, clock: systemClock, logger },
    onFatal: (error) => {
      throw error;
    },
  });
  await app.start();
  keepHeapSmall(false);
  await until(() => requireApp().degradation.state.kind === "normal");
}

/** Events to answer and to read, of a server that the bot is not asked about by anybody else. */
async function prepare(): Promise<void> {
  const { store } = requireApp();
  guildId = CLOSED_SERVER;
  await store.guilds.upsert({ guildId, name: "Bench" });
  // A few at a time: none may take longer than an operation may, on a busy machine either.
  for (let first = 0; first < RECORD_COUNT; first += PREPARED_AT_ONCE) {
    await Promise.all(Array.from({ length: PREPARED_AT_ONCE }, (_, index) => createEvent(first + index)));
  }
}

function createEvent(number: number): Promise<unknown> {
  const messageId = `4${String(number).padStart(17, "0")}`;
  return requireApp().store.events.create({
    ...{ id: idOf(number), guildId, channelId: CHANNEL, creatorId: ACTOR, messageId, cardMessageId: messageId },
    ...{ title: "Roll call", description: "A description of some length", intervalMs: 86_400_000 },
    reactions: ["✅", "❌"],
  });
}

async function backUp(): Promise<{ readonly id: string; readonly durationMs: number }> {
  const startedAt = performance.now();
  const { id } = await requireApp().backups!.manager.create({ reason: "manual" });
  return { id, durationMs: performance.now() - startedAt };
}

async function restore(id: string): Promise<number> {
  const startedAt = performance.now();
  await requireApp().backups!.restorer.restore({ kind: "snapshot", id });
  return performance.now() - startedAt;
}

async function check(): Promise<string> {
  const result = await requireApp().integrity.check("requested");
  return result?.outcome ?? "left out";
}

/** Milliseconds that a call takes when nothing else is asked. */
async function timeCall({ name, input, times }: { name: string; input: unknown; times: number }): Promise<number> {
  const durations: number[] = [];
  for (let number = 0; number < times; number++) {
    const startedAt = performance.now();
    await requireApp().database.call(name, input);
    durations.push(performance.now() - startedAt);
  }
  return spreadOf(durations).p50;
}

const COMMANDS = { answers: recordAnswer, audited: setFlag };

serve({
  open,
  prepare,
  close: () => requireApp().stop(),
  write: ({ kind, ...callers }: Callers & { kind: keyof typeof COMMANDS }) => measureRate(COMMANDS[kind], callers),
  read: (callers: Callers) =>
    measureRate((number) => requireApp().store.events.find({ guildId, id: idOf(number % RECORD_COUNT) }), callers),
  startLoad(perSecond: number): void {
    load = startSteadyLoad(recordAnswer, perSecond);
  },
  stopLoad: () => load?.stop(),
  watchStart: watch.start,
  watchStop: watch.stop,
  backUp,
  restore,
  check,
  timeCall,
  /** Resolves when no job of the bot's own disturbs: the first check and the first snapshot are done. */
  async settle(): Promise<void> {
    const { backups, integrity } = requireApp();
    await until(() => backups!.manager.status.lastBackup !== undefined && integrity.last !== undefined);
    await until(() => backups!.manager.status.backupStatus !== "IN_PROGRESS" && !integrity.isRunning);
  },
  journal(path: string): void {
    journal = openSync(path, "a");
  },
  monitorUrl: () => requireApp().monitor?.url,
});
