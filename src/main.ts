import { join, resolve } from "node:path";
import type { App } from "./app.ts";
import type { DiscordAccess } from "./bot/client.ts";
import type { Settings } from "./config/settings.ts";
import type { Clock } from "./core/clock.ts";
import type { LogSink } from "./core/logger.ts";
import type { BotDescription } from "./sandbox/live/live-frames.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";

/**
 * The process: refuses an old Node before anything else is loaded, reads the settings, starts the sandbox when there is
 * no token, then the app; stops it all on a signal. Exit codes: 0 stopped as asked, 1 failed, 78 (EX_CONFIG of
 * sysexits.h) for what only a person can mend, so that a supervisor can be told not to restart on it.
 */

const MINIMUM_NODE_VERSION = 24;
const EXIT_FAILED = 1;
const EXIT_CONFIGURATION = 78;
const STOP_TIMEOUT_MS = 10_000;
const FOLDER = join(import.meta.dirname, "..");

const nodeVersion = process.versions.node;
if (Number(nodeVersion.split(".")[0]) < MINIMUM_NODE_VERSION) {
  console.error(
    `Muster needs Node.js ${MINIMUM_NODE_VERSION} or newer, and this is ${nodeVersion}. "npm start" brings its own.`,
  );
  process.exit(EXIT_CONFIGURATION);
}
// Whatever this process creates is for its own user only.
process.umask(0o077);

const { widenThreadPool } = await import("./core/thread-pool.ts");
widenThreadPool();

const { keepHeapSmall } = await import("./core/small-heap.ts");
keepHeapSmall(true);

const { enableCompileCache } = await import("node:module");
const { COMPILE_CACHE_FOLDER } = await import("./core/compile-cache.ts");
enableCompileCache(COMPILE_CACHE_FOLDER);

const { loadSettingsFromDisk } = await import("./config/load-settings.ts");
const { systemClock } = await import("./core/clock.ts");
const { endProcess } = await import("./core/end-process.ts");
const { isMusterError, MusterError } = await import("./core/errors.ts");
const { createLogSink } = await import("./core/logger.ts");

let logger: LogSink | undefined;
let sandbox: Sandbox | undefined;
let app: App | undefined;
/** What the app itself cannot say, because it is not there. */
let phase: "starting" | "running" | "stopping" | "stopped" = "starting";
let isStopping = false;

try {
  await run();
} catch (error) {
  // Stopped while it was starting: what is left of the start fails, and that is no failure.
  if (!isStopping) await fail(error);
}

async function run(): Promise<void> {
  const startedAt = performance.now();
  stayAlive();
  watchSignals();
  watchCrashes();
  const settings = loadSettingsFromDisk(FOLDER);
  logger = createLogger(settings);
  const discord = await openDiscord(settings, logger);
  await startApp(settings, discord, logger);
  keepHeapSmall(false);
  logger.info("ready", {
    durationMs: Math.round(performance.now() - startedAt),
    database: settings.TEST_MODE ? "in memory" : resolve(FOLDER, settings.DATABASE_PATH),
    ...(sandbox === undefined ? {} : { sandbox: sandbox.url }),
  });
}

function createLogger(settings: Settings): LogSink {
  return createLogSink({
    level: settings.LOG_LEVEL,
    folder: resolve(FOLDER, settings.LOG_DIR),
    isConsoleEnabled: true,
    secrets: [settings.DISCORD_TOKEN, settings.MONITOR_TOKEN, settings.DB_BACKUP_KEY, settings.ALERT_WEBHOOK_URL],
  });
}

interface Discord {
  readonly access: DiscordAccess;
  /** The time that people live in. */
  readonly clock: Clock;
}

async function startApp(settings: Settings, { access, clock }: Discord, log: LogSink): Promise<void> {
  phase = "starting";
  // Only now: what is wrong with the settings is said without loading all of it.
  const { App: AppClass } = await import("./app.ts");
  app = new AppClass({
    ...{ settings, folder: FOLDER, access, clock, machineClock: systemClock, logger: log },
    isWatchingSettings: true,
    onFatal: (error) => void fail(error),
  });
  await app.start();
  phase = "running";
}

async function stopApp(): Promise<void> {
  phase = "stopping";
  try {
    await app?.stop();
  } finally {
    phase = "stopped";
  }
}

/** Discord itself, or without a token a Discord of our own on this machine. */
async function openDiscord(settings: Settings, log: LogSink): Promise<Discord> {
  if (settings.DISCORD_TOKEN !== "") {
    return { access: { token: settings.DISCORD_TOKEN, apiUrl: settings.DISCORD_API_URL }, clock: systemClock };
  }
  const { Sandbox: SandboxClass } = await import("./sandbox/sandbox.ts");
  const { SandboxClock } = await import("./sandbox/sandbox-clock.ts");
  const clock = new SandboxClock();
  const accessNow = (): DiscordAccess => ({ token: sandbox!.botToken, apiUrl: sandbox!.apiUrl });
  try {
    sandbox = await SandboxClass.start({
      ...{ port: settings.SANDBOX_PORT, clock, logger: log, describeBot },
      host: {
        databasePath: settings.TEST_MODE ? undefined : resolve(FOLDER, settings.DATABASE_PATH),
        hasBackup,
        stop: stopApp,
        async start() {
          // Its end is not a reason to begin again.
          if (!isStopping) await startApp(loadSettingsFromDisk(FOLDER), { access: accessNow(), clock }, log);
        },
      },
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new MusterError("CONFIG_INVALID", `start the sandbox: port ${settings.SANDBOX_PORT} is in use`, {
      hint: "Another Muster may be running. Stop it, or give this one another SANDBOX_PORT.",
    });
  }
  log.info("no DISCORD_TOKEN is set: the built-in sandbox plays Discord", { sandbox: sandbox.url });
  return { access: accessNow(), clock };
}

function hasBackup(): boolean {
  const { archive, lastBackup } = app?.backups?.manager.status ?? {};
  if (!app || !lastBackup) return false;
  // Without a word of the archive, as right after a start, it may be one that no backup leads to.
  return (
    !app.settings.current.DB_ARCHIVE ||
    (archive !== undefined && lastBackup.archive?.from.generation === archive.generation)
  );
}

function describeBot(): BotDescription {
  if (phase !== "running" || !app) return { state: phase, queueSize: 0 };
  const { state } = app.degradation;
  const monitorUrl = app.monitor?.url;
  return {
    state: state.kind,
    ...(state.kind === "normal" ? {} : { reason: state.reason.message }),
    queueSize: app.database.queue?.size ?? 0,
    ...(monitorUrl === undefined ? {} : { monitorUrl }),
  };
}

/** The program's own timers do not, and while it waits for its disk it may have nothing else. All ends are `endProcess`. */
function stayAlive(): void {
  setInterval(() => undefined, 60_000);
}

function watchSignals(): void {
  const stop = (signal: NodeJS.Signals): void => {
    // A second signal means now.
    if (isStopping) endProcess(EXIT_FAILED);
    isStopping = true;
    logger?.info(`${signal}: stopping`);
    setTimeout(() => void fail(new Error(`stopping took longer than ${STOP_TIMEOUT_MS} ms`)), STOP_TIMEOUT_MS).unref();
    stopAll().then(() => endProcess(0), fail);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

/** What a crash would take with it: the last second of the operation log. */
function watchCrashes(): void {
  process.on("exit", () => app?.operationLog.flushSync());
  process.on("uncaughtException", (error) => void fail(error));
}

async function stopAll(): Promise<void> {
  await app?.stop();
  await sandbox?.stop();
  logger?.info("stopped");
  await logger?.close();
}

async function fail(error: unknown): Promise<void> {
  const needsPerson = isMusterError(
    error,
    "CONFIG_INVALID",
    "DISCORD_LOGIN_FAILED",
    "INSTANCE_LOCKED",
    "SQLITE_TOO_OLD",
  );
  console.error(`Muster cannot run: ${error instanceof Error ? error.message : String(error)}`);
  if (isMusterError(error) && error.hint !== undefined) console.error(error.hint);
  else if (error instanceof Error) console.error(error.stack);
  logger?.error("the program ends", { error });
  await logger?.close();
  endProcess(needsPerson ? EXIT_CONFIGURATION : EXIT_FAILED);
}
