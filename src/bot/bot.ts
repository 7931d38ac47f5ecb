import type { Client } from "discord.js";
import { ChartDrawer } from "../charts/chart-drawer.ts";
import type { LiveSettings } from "../config/live-settings.ts";
import { sleep, type Clock } from "../core/clock.ts";
import { isMusterError, MusterError } from "../core/errors.ts";
import { Interval } from "../core/interval.ts";
import type { Logger } from "../core/logger.ts";
import { SetBackDetector } from "../core/set-back-detector.ts";
import type { DatabaseManager } from "../database/database-manager.ts";
import type { GatewayReport } from "../database/health/health-types.ts";
import type { HealthMonitor } from "../database/health-monitor.ts";
import { backoffDelayMs } from "../resilience/backoff.ts";
import type { GracefulDegradation } from "../resilience/graceful-degradation.ts";
import type { AuditLog } from "../store/audit-log.ts";
import type { EventRecord } from "../store/events.ts";
import type { Store } from "../store/store.ts";
import type { UsageLog } from "../store/usage-log.ts";
import { AlertMessages } from "./alert-messages.ts";
import type { BackupTools } from "./backup-tools.ts";
import { createClient, explainLoginFailure, hasMemberListIntent, type DiscordAccess } from "./client.ts";
import { CommandRegistration } from "./command-registry.ts";
import { CommandRouter } from "./command-router.ts";
import { allCommands } from "./commands/all-commands.ts";
import type { GoneThing } from "./discord-errors.ts";
import { EventCards } from "./events/event-cards.ts";
import { EventService } from "./events/event-service.ts";
import { GuildSynchronizer } from "./events/guild-synchronizer.ts";
import { ReactionTracker } from "./events/reaction-tracker.ts";
import { Reconciler } from "./events/reconciler.ts";
import { TrackedEvents } from "./events/tracked-events.ts";
import { GuildFlags } from "./flags/guild-flags.ts";
import { GatewayStatus } from "./gateway-status.ts";
import { GuildAlerts } from "./guild-alerts.ts";
import { LateChanges } from "./late-changes.ts";
import { LimitedNotices } from "./limited-notices.ts";
import { Audience } from "./members/audience.ts";
import { MemberDirectory } from "./members/member-directory.ts";
import { ReminderSender } from "./reminders/reminder-sender.ts";
import { ReminderService } from "./reminders/reminder-service.ts";
import { Replanner } from "./reminders/replanner.ts";
import { english } from "./texts/texts.ts";
import { watchConnection } from "./watch-connection.ts";

/** Waits between tries to reach Discord at the start: it may be down for hours, and then everybody tries again. */
const CONNECT_RETRY = { maxAttempts: Infinity, baseDelay: 2_000, maxDelay: 300_000, backoffMultiplier: 2 } as const;
/** Longest wait, at the start, for Discord to take the commands; they are registered all the same. */
const REGISTRATION_WAIT_MS = 5_000;
/** Longest wait, at a stop, for what is under way with Discord. */
const SETTLE_TIMEOUT_MS = 6_000;
const CLOCK_WATCH_MS = 10_000;
/** No reminder is planned as finely as this. */
const CLOCK_TOLERANCE_MS = 60_000;
export interface BotOptions {
  readonly access: DiscordAccess;
  readonly settings: LiveSettings;
  readonly store: Store;
  readonly database: DatabaseManager;
  readonly health: Pick<HealthMonitor, "report" | "samples">;
  readonly usage: Pick<UsageLog, "record">;
  readonly audit: AuditLog;
  /** undefined with a database in memory. */
  readonly backups: BackupTools | undefined;
  readonly degradation: GracefulDegradation;
  readonly clock: Clock;
  /** The time of files and of this process. */
  readonly machineClock: Clock;
  readonly logger: Logger;
  /** Discord has ended the connection for a reason that only a person can mend. */
  readonly onFatal: (error: MusterError) => void;
}

/** The Discord side of the program: builds its parts, wires them to the gateway, and starts and stops them in order. */
export class Bot {
  readonly #options: BotOptions;
  readonly #stopping = new AbortController();
  readonly #gateway: GatewayStatus;
  readonly #alerts: AlertMessages;
  #client: Client | undefined;
  /** From when Discord is connected. */
  #parts: BotParts | undefined;

  constructor(options: BotOptions) {
    this.#options = options;
    const { machineClock: clock, logger } = options;
    this.#gateway = new GatewayStatus(clock);
    const isConnected = (): boolean => this.#gateway.isConnected;
    this.#alerts = new AlertMessages({ isConnected, clock, logger, texts: english });
  }

  gatewayReport(): GatewayReport {
    return this.#gateway.report();
  }

  /** Puts a line into the channel `ALERT_CHANNEL_ID`, as soon as Discord can be reached; `at`: of what it tells. */
  sendAlert(text: string, at: number): void {
    const channelId = this.#options.settings.current.ALERT_CHANNEL_ID;
    if (channelId) this.#alerts.send(channelId, text, at);
  }

  /**
   * Resolves when the gateway is connected and commands are registered, as far as Discord lets them soon. Goes on trying
   * while Discord is out of reach; rejects with DISCORD_LOGIN_FAILED when it refuses token or intents.
   */
  async start(): Promise<void> {
    const hasMemberList = await this.#untilReachable("ask Discord for the application", () =>
      hasMemberListIntent(this.#options.access),
    );
    if (!hasMemberList) {
      this.#options.logger.warn(
        "the Server Members intent is not enabled: only members whom the bot has seen are counted and reminded",
      );
    }
    const parts = await this.#untilReachable("connect to Discord's gateway", () => this.#connect(hasMemberList));
    // Whatever Discord makes of the commands: members have been promised to be reminded.
    parts.reminders.start();
    parts.clockWatch.start();
    const { clock } = this.#options;
    await Promise.race([parts.registration.start(), sleep(clock, REGISTRATION_WAIT_MS, this.#stopping.signal)]);
  }

  /** With a client of its own each time: one that could not log in counts as destroyed for discord.js, and stays so. */
  async #connect(hasMemberList: boolean): Promise<BotParts> {
    const { access } = this.#options;
    const { signal } = this.#stopping;
    signal.throwIfAborted();
    const client = createClient(access, hasMemberList, signal);
    this.#client = client;
    this.#alerts.follow(client);
    watchConnection(client, this.#options);
    this.#gateway.follow(client);
    const { promise: parts, resolve, reject } = Promise.withResolvers<BotParts>();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    // In this very turn, so that nobody misses the first event after it; before it nothing can be asked of Discord.
    client.once("clientReady", (ready) => {
      if (signal.aborted) return;
      try {
        this.#parts = buildParts(this.#options, ready, hasMemberList, this.#alerts);
        this.#parts.synchronizer.requestAll();
        resolve(this.#parts);
      } catch (error) {
        reject(error);
      }
    });
    try {
      await Promise.race([client.login(access.token), parts]);
      return await parts;
    } catch (error) {
      throw explainLoginFailure(error);
    } finally {
      // Or each client that failed would be kept for as long as the program runs.
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Takes no more interactions, lets those under way finish, then disconnects. */
  async stop(): Promise<void> {
    this.#stopping.abort(new MusterError("SHUTTING_DOWN", "connect to Discord: the program is stopping"));
    const parts = this.#parts;
    this.#parts = undefined;
    await (parts ? this.#settleParts(parts) : this.#alerts.stop());
    await this.#client?.destroy();
    this.#gateway.forget();
  }

  async #settleParts(parts: BotParts): Promise<void> {
    parts.client.removeAllListeners("interactionCreate");
    parts.notices.stop();
    parts.late.stop();
    parts.registration.stop();
    const finished = Promise.all([
      parts.router.settle(),
      parts.reminders.stop(),
      parts.clockWatch.stop(),
      parts.synchronizer.stop(),
      parts.tracker.settle(),
      this.#alerts.stop(),
    ]).then(() => parts.cards.stop());
    // A Discord that hangs must not keep the program from closing its database.
    const settled = new AbortController();
    const timeout = sleep(this.#options.clock, SETTLE_TIMEOUT_MS, settled.signal).then(
      () => this.#options.logger.warn("stopped without waiting any longer for Discord"),
      () => undefined,
    );
    await Promise.race([finished, timeout]);
    settled.abort();
    parts.charts.stop();
  }

  /** The database is another one than before, after a restore: what is kept of it in memory is read anew. */
  reload(): void {
    this.#parts?.synchronizer.requestAll();
    this.#parts?.reminders.wake();
  }

  /** Resolves when what was missed has been caught up on. */
  async settle(): Promise<void> {
    await this.#parts?.synchronizer.settle();
    await this.#parts?.tracker.settle();
  }

  async #untilReachable<Result>(activity: string, attempt: () => Promise<Result>): Promise<Result> {
    for (let attemptNumber = 1; ; attemptNumber++) {
      try {
        return await attempt();
      } catch (error) {
        if (isMusterError(error, "DISCORD_LOGIN_FAILED") || this.#stopping.signal.aborted) throw error;
        const delayMs = backoffDelayMs(attemptNumber, CONNECT_RETRY, Math.random);
        this.#options.logger.warn(`${activity}: failed, trying again`, { attemptNumber, delayMs, error });
        await sleep(this.#options.clock, delayMs, this.#stopping.signal);
      }
    }
  }
}

type BotParts = ReturnType<typeof buildParts>;

function buildParts(options: BotOptions, client: Client<true>, hasMemberList: boolean, messages: AlertMessages) {
  const { settings, store, database, health, usage, audit, backups, degradation, clock, machineClock, logger } =
    options;
  const charts = new ChartDrawer({ clock, logger });
  const texts = english;
  const tracked = new TrackedEvents(store);
  const late = new LateChanges(database);
  const flags = new GuildFlags(store, late);
  const directory = new MemberDirectory(client, clock);
  const audience = new Audience({ client, store, flags, directory, hasMemberList });
  const reconciler = new Reconciler(client, store);
  const alerts = new GuildAlerts(messages, flags, logger);
  const cards = new EventCards({ client, store, audience, flags, clock, logger, texts });
  const wakeReminders = (): void => reminders.wake();
  const events = new EventService({
    ...{ client, store, tracked, cards, reconciler, flags, clock, logger, texts, wakeReminders },
  });
  const onGone = async (event: EventRecord, what: GoneThing): Promise<void> => {
    if (await events.closeGone(event, what))
      alerts.send(event.guildId, texts.reminders.goneAlert(event.title, event.id, what));
  };
  const reminders: ReminderService = new ReminderService({
    ...{
      client,
      store,
      degradation,
      tracked,
      audience,
      reconciler,
      cards,
      flags,
      alerts,
      onGone,
      clock,
      logger,
      texts,
    },
    sender: new ReminderSender(client, clock, logger),
  });
  const schedule = (delayMs: number, run: () => void): (() => void) => clock.schedule(delayMs, run);
  const replanner = new Replanner({ store, tracked, flags, clock });
  const synchronizer = new GuildSynchronizer({
    ...{ client, store, degradation, tracked, replanner, reconciler, cards, events, onGone, schedule, logger },
  });
  const setBack = new SetBackDetector(clock, CLOCK_TOLERANCE_MS);
  const clockWatch = new Interval({
    clock,
    everyMs: () => CLOCK_WATCH_MS,
    run: () => {
      if (!setBack.check()) return;
      logger.warn("the machine's clock was set back: every server is brought in line, and reminders are planned anew");
      synchronizer.requestAll();
    },
    onError: reportTo(logger, "watching the clock failed"),
  });
  const tracker = new ReactionTracker({
    ...{ client, store, tracked, cards, reconciler, late, logger },
    onMissed: (event) => synchronizer.postpone(event),
  });
  const notices = new LimitedNotices({ client, degradation, tracked, alerts, clock: machineClock, texts });
  const commands = allCommands();
  const router = new CommandRouter(commands, {
    ...{ client, store, database, health, charts, usage, audit, backups },
    ...{ degradation, clock, machineClock, logger, texts },
    get settings() {
      return settings.current;
    },
    ...{ flags, audience, tracked, cards, events, reminders },
  });

  const definitions = commands.map(({ definition }) => definition);
  const guildIds = settings.current.DISCORD_GUILD_IDS;
  const registration = new CommandRegistration({ client, definitions, guildIds, clock, logger });

  client.on("interactionCreate", (interaction) => router.handle(interaction));
  watchDeletions(client, tracked, onGone, logger);
  cards.onGone((event, what) => void onGone(event, what).catch(reportTo(logger, "closing an event failed")));
  flags.onChange((guildId) => {
    void followFlags(guildId).catch(reportTo(logger, "applying a changed flag failed"));
  });
  /** Quiet hours move what is planned already, and a card shows emblem and plan. */
  const followFlags = async (guildId: string): Promise<void> => {
    await replanner.replan(guildId);
    for (const event of tracked.listByGuild(guildId)) cards.refresh(event);
    reminders.wake();
  };
  return { client, registration, router, reminders, clockWatch, synchronizer, tracker, cards, charts, notices, late };
}

/** Deleting the message, or its channel, ends an event. */
function watchDeletions(
  client: Client,
  tracked: TrackedEvents,
  onGone: (event: EventRecord, what: GoneThing) => Promise<void>,
  logger: Logger,
): void {
  const close = (event: EventRecord | undefined, what: GoneThing): void => {
    if (event) void onGone(event, what).catch(reportTo(logger, "closing an event failed"));
  };
  client.on("messageDelete", (message) => close(tracked.findByMessage(message.id), "message"));
  client.on("messageDeleteBulk", (messages) => {
    for (const id of messages.keys()) close(tracked.findByMessage(id), "message");
  });
  client.on("channelDelete", (channel) => {
    if (channel.isDMBased()) return;
    for (const event of tracked.listByGuild(channel.guildId))
      if (event.channelId === channel.id) close(event, "channel");
  });
}

function reportTo(logger: Logger, message: string): (error: unknown) => void {
  return (error) => logger.error(message, { error });
}
