import { dirname, join, resolve } from "node:path";
import {
  createDatabasePart,
  createEngine,
  createLockPart,
  createRecoveryPart,
  createSettingsPart,
  createStatisticsPart,
  createThrottlePart,
  listCleanUps,
  moveLogs,
  queueIn,
  retryConfig,
} from "./app-parts.ts";
import { Bot } from "./bot/bot.ts";
import type { DiscordAccess } from "./bot/client.ts";
import { LiveSettings } from "./config/live-settings.ts";
import type { Settings } from "./config/settings.ts";
import type { Clock } from "./core/clock.ts";
import type { MusterError } from "./core/errors.ts";
import { Lifecycle } from "./core/lifecycle.ts";
import type { Logger, LogSink } from "./core/logger.ts";
import { toArchiveSettings, toBackupSettings, toRecoverySettings } from "./database/backup/backup-settings.ts";
import { Backups } from "./database/backup/backups.ts";
import { Recovery } from "./database/backup/recovery.ts";
import { DatabaseManager, type DatabaseManagerOptions } from "./database/database-manager.ts";
import { ErrorHandler } from "./database/error-handler.ts";
import { HealthMonitor } from "./database/health-monitor.ts";
import { IntegrityMonitor } from "./database/integrity/integrity-monitor.ts";
import { createCronSchedule } from "./database/maintenance/cron-schedule.ts";
import { MaintenanceRunner, type Maintenance } from "./database/maintenance/maintenance-runner.ts";
import { OperationLog } from "./database/operation-log.ts";
import { MigrationGate } from "./database/schema/migration-gate.ts";
import type { ArchiveSettings } from "./database/sqlite/archive-keeper.ts";
import { IN_MEMORY_PATH } from "./database/sqlite/connection.ts";
import type { SqliteEngine } from "./database/sqlite/sqlite-engine.ts";
import { Alerts } from "./monitor/alerts/alerts.ts";
import { CallFigures } from "./monitor/metrics/call-figures.ts";
import { Monitor } from "./monitor/monitor.ts";
import { GracefulDegradation } from "./resilience/graceful-degradation.ts";
import { RecoveryLog } from "./resilience/recovery-log.ts";
import { AuditLog } from "./store/audit-log.ts";
import { operations } from "./store/data-module.ts";
import { createReadStore, createStore, type Store } from "./store/store.ts";
import { SystemAudit } from "./store/system-audit.ts";
import type { SystemEvent } from "./store/system-event.ts";
import { UsageLog } from "./store/usage-log.ts";

export interface AppOptions {
  readonly settings: Settings;
  /** Relative paths in the settings are relative to this folder. */
  readonly folder: string;
  readonly access: DiscordAccess;
  /** The time that people live in. */
  readonly clock: Clock;
  /** The time of files, logs and other processes; differs from `clock` where the sandbox lets time run ahead. Default: `clock`. */
  readonly machineClock?: Clock;
  readonly logger: LogSink;
  /** Something only a person can mend has happened; the process should end and not be restarted. */
  readonly onFatal: (error: MusterError) => void;
  /** Applies changes of `.env` and `config/database.json` while running. Default false: settings stay as given. */
  readonly isWatchingSettings?: boolean;
  /** Who does what is heavy. Default: a process for each job. */
  readonly createMaintenance?: (parts: { readonly clock: Clock; readonly logger: Logger }) => Maintenance;
}

/** The whole program but for process and sandbox: every part, in the order in which it starts. */
export class App {
  readonly settings: LiveSettings;
  readonly bot: Bot;
  readonly database: DatabaseManager;
  readonly engine: SqliteEngine;
  readonly degradation = new GracefulDegradation();
  readonly recovery: RecoveryLog;
  readonly errors: ErrorHandler;
  readonly operationLog: OperationLog;
  readonly store: Store;
  readonly audit: AuditLog;
  readonly usage: UsageLog;
  readonly integrity: IntegrityMonitor;
  readonly health: HealthMonitor;
  readonly alerts: Alerts;
  /** undefined with a database in memory. */
  readonly backups: Backups | undefined;
  /** undefined with a database in memory. */
  readonly databaseRecovery: Recovery | undefined;
  /** undefined with a database in memory. */
  readonly migrations: MigrationGate | undefined;
  /** undefined when it is turned off. */
  readonly monitor: Monitor | undefined;
  readonly #lifecycle: Lifecycle;

  constructor(options: AppOptions) {
    const { settings: initial, folder, access, clock: peoplesClock, logger, onFatal, isWatchingSettings } = options;
    const clock = options.machineClock ?? peoplesClock;
    const settings = new LiveSettings(initial, (error) => logger.error("applying a setting failed", { error }));
    this.settings = settings;
    const isInMemory = initial.TEST_MODE;
    const databasePath = isInMemory ? IN_MEMORY_PATH : resolve(folder, initial.DATABASE_PATH);
    const dataFolder = isInMemory ? undefined : dirname(databasePath);
    const isDebug = (): boolean => settings.current.LOG_LEVEL === "debug";

    this.recovery = new RecoveryLog({ clock, logger });
    this.errors = new ErrorHandler({ clock, logger, isDebug });
    this.operationLog = new OperationLog({ folder: resolve(folder, initial.LOG_DIR), clock, logger, isDebug });
    const backupFolder = resolve(folder, initial.DB_BACKUP_DIR);
    const archive = (): ArchiveSettings | undefined => toArchiveSettings(settings.current, backupFolder);
    this.engine = createEngine({ settings, path: databasePath, archive, recovery: this.recovery, clock, logger });
    const { degradation, errors, operationLog, engine } = this;
    const calls = new CallFigures();
    const log: DatabaseManagerOptions["log"] = {
      record: (operation) => {
        operationLog.record(operation);
        this.health.record(operation);
        calls.record(operation);
      },
    };
    this.database = new DatabaseManager({
      ...{ engine, operations, degradation, errors, log, clock, logger },
      ...(dataFolder === undefined
        ? {}
        : { createQueue: queueIn(join(dataFolder, "spool"), (event) => void tell(event), clock, logger) }),
      retry: () => retryConfig(settings.current),
      operationTimeoutMs: () => settings.current.DB_OPERATION_TIMEOUT,
      breaker: {
        threshold: () => settings.current.DB_BREAKER_THRESHOLD,
        resetMs: () => settings.current.DB_BREAKER_RESET,
      },
      cacheCapacity: () => settings.current.DB_READ_CACHE,
    });
    this.store = createStore(this.database);
    this.audit = new AuditLog({
      store: this.store,
      fallbackPath: join(dataFolder ?? resolve(folder, dirname(initial.DATABASE_PATH)), "audit-fallback.ndjson"),
      retry: () => retryConfig(settings.current),
      ...{ clock: peoplesClock, logger },
    });
    this.usage = new UsageLog({
      ...{ store: this.store, degradation, clock: peoplesClock, logger },
      retentionDays: () => settings.current.METRICS_RETENTION_DAYS,
    });
    const { store, database, audit, usage } = this;
    const systemAudit = new SystemAudit(audit, logger);
    this.alerts = new Alerts({
      webhookUrl: () => settings.current.ALERT_WEBHOOK_URL,
      sendToChannel: (text, at) => this.bot.sendAlert(text, at),
      memoryPath: dataFolder === undefined ? undefined : join(dataFolder, "alerts.json"),
      ...{ clock, logger },
    });
    const tell = (event: SystemEvent): Promise<void> | void => {
      this.alerts.take(event);
      return systemAudit.take(event);
    };
    const { createMaintenance = (parts) => new MaintenanceRunner(parts) } = options;
    const maintenance = createMaintenance({ clock, logger });
    const run: MaintenanceRunner["run"] = (job, runOptions) => maintenance.run(job, runOptions);
    this.integrity = new IntegrityMonitor({
      ...{ path: isInMemory ? undefined : databasePath, database, degradation, clock, logger },
      inspect: run,
      scrub: async (signal) => this.backups?.scrubber.scrub(signal),
      schedule: createCronSchedule(clock, logger),
      expression: initial.DB_INTEGRITY_SCHEDULE,
      onIncident: (incident) => tell({ of: "integrity", incident }),
      onCorrupt: (error) => {
        if (this.databaseRecovery) this.databaseRecovery.report(error, true);
        else logger.error("the database is damaged: restore a backup", { error });
      },
    });
    if (!isInMemory) {
      const shared = { databasePath, engine, run, recovery: this.recovery, clock, logger };
      this.backups = new Backups({
        ...shared,
        folder: backupFolder,
        mark: () => database.mark(),
        settings: () => toBackupSettings(settings.current),
        isAvailable: () => degradation.state.kind === "normal" && engine.status().state.kind === "ready",
        cron: createCronSchedule(clock, logger),
        exclusively: (restore) => this.databaseRecovery!.yieldTo(restore),
        onEvent: (event) => void tell({ of: "backup", event }),
        onDamage: (error) => this.databaseRecovery!.report(error, true),
        onRepaired: (details) => void tell({ of: "integrity", incident: { kind: "pages-repaired", details } }),
      });
      this.databaseRecovery = new Recovery({
        ...{ ...shared, backupFolder, degradation },
        settings: () => toRecoverySettings(settings.current),
        onIncident: (incident) => {
          void tell({ of: "recovery", incident });
          if (incident.kind === "recovered") this.bot.reload();
        },
      });
      this.migrations = new MigrationGate({
        ...{ engine, backups: this.backups.manager, clock, logger },
        window: () => settings.current.DB_MIGRATION_WINDOW,
        onEvent: (event) => void tell({ of: "migration", event }),
      });
    }
    const { backups, migrations, databaseRecovery } = this;
    this.bot = new Bot({
      ...{ access, settings, store, database, usage, audit, degradation, logger, onFatal },
      ...{ clock: peoplesClock, machineClock: clock },
      health: { report: () => this.health.report(), samples: (from, to) => this.health.samples(from, to) },
      backups: backups && {
        ...{ manager: backups.manager, restorer: backups.restorer },
        ...(databaseRecovery ? { recovery: databaseRecovery } : {}),
      },
    });
    this.health = new HealthMonitor({
      ...{ databasePath: isInMemory ? undefined : databasePath, database, engine, degradation, backups, clock, logger },
      integrity: this.integrity,
      gateway: () => this.bot.gatewayReport(),
      settings: () => settings.current,
      size: isInMemory
        ? undefined
        : { cleanUps: listCleanUps(store), run, onWork: (work) => systemAudit.recordSizeWork(work) },
    });
    if (initial.MONITOR_PORT !== 0) {
      this.monitor = new Monitor({
        ...{ host: initial.MONITOR_HOST, port: initial.MONITOR_PORT, token: initial.MONITOR_TOKEN, clock, logger },
        sources: {
          ...{ health: this.health, calls, errors, recovery: this.recovery, alerts: this.alerts },
          queue: database.queue,
          onStateChange: (listener) => degradation.onChange(listener),
          backups: backups && {
            ...{ manager: backups.manager, restorer: backups.restorer },
            ...(databaseRecovery ? { recovery: databaseRecovery } : {}),
          },
          store: createReadStore(database),
        },
        onWork: ({ action, target, isSuccess, details }) =>
          void systemAudit.record(action, target, isSuccess ? "success" : "failure", { ...details, by: "monitor" }),
      });
    }
    this.#lifecycle = new Lifecycle([
      ...(dataFolder === undefined ? [] : [createLockPart(dataFolder, clock, logger)]),
      this.alerts,
      { name: "operation log", start: () => this.operationLog.start(), stop: () => this.operationLog.stop() },
      // Before whatever takes long to start, and after it at the stop: that is when people look.
      ...(this.monitor ? [this.monitor] : []),
      // Stopped after the database, which then is not opened again for the end of a recovery that was interrupted.
      ...(this.databaseRecovery && dataFolder !== undefined
        ? [createRecoveryPart(this.databaseRecovery, dataFolder)]
        : []),
      createDatabasePart(this.database, logger),
      {
        name: "audit log",
        async start() {
          // What waits in it is brought to the table when it can be read.
          await audit.open().catch((error: unknown) => logger.error("audit entries wait", { error }));
          systemAudit.open();
        },
        stop: () => audit.close(),
      },
      createStatisticsPart(this.operationLog, clock, logger),
      this.health,
      usage,
      // Only Discord itself counts how often a bot connects.
      ...(initial.DISCORD_TOKEN === "" || dataFolder === undefined
        ? []
        : [createThrottlePart(dataFolder, clock, logger)]),
      { name: "maintenance", stop: () => maintenance.stop() },
      ...(backups ? [backups] : []),
      ...(migrations ? [{ name: "migrations", start: () => migrations.start(), stop: () => migrations.stop() }] : []),
      { name: "integrity checks", start: () => this.integrity.start(), stop: () => this.integrity.stop() },
      { name: "bot", start: () => this.bot.start(), stop: () => this.bot.stop() },
      ...(isWatchingSettings ? [createSettingsPart(folder, settings, (event) => void tell(event), clock, logger)] : []),
    ]);
    settings.onChange(({ after }) => {
      logger.addSecrets(settings.secrets);
      logger.setLevel(after.LOG_LEVEL);
      this.integrity.setSchedule(after.DB_INTEGRITY_SCHEDULE);
      backups?.schedule.apply();
      migrations?.reconsider();
      this.engine.setArchive(archive());
      this.engine
        .resizeReaders(after.DB_MAX_CONNECTIONS - 1)
        .catch((error: unknown) => logger.error("the pool of readers did not take its new size", { error }));
      moveLogs(resolve(folder, after.LOG_DIR), [logger, this.operationLog], logger);
    });
    this.recovery.onAction(({ action, outcome }) => {
      if (action === "restore" && outcome === "succeeded") this.bot.reload();
    });
    this.recovery.onAction((action) => void tell({ of: "action", action }));
    this.health.onSample((_sample, { problems }) => this.alerts.sample(problems));
    degradation.onChange((state) => {
      void tell({ of: "state", state });
      if (state.kind === "normal") {
        logger.info("the database is available");
        audit.sync().catch((error: unknown) => logger.error("audit entries still wait", { error }));
      } else logger.error(`the database is ${state.kind}`, { reason: state.reason });
    });
  }

  /** Throws INSTANCE_LOCKED or DISCORD_LOGIN_FAILED. A database that cannot be used leaves the bot running without it. */
  start(): Promise<void> {
    return this.#lifecycle.start();
  }

  stop(): Promise<void> {
    return this.#lifecycle.stop();
  }
}
