import { formatDailyWindow, nextOpening, type DailyWindow } from "../../config/daily-window.ts";
import type { Clock } from "../../core/clock.ts";
import { isMusterError, MusterError, toError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { EngineState } from "../engine.ts";
import { createWaitingError, getPending, type PendingMigrations } from "./migration-pending.ts";

/**
 * What stands between an update of the program and the tables of a database that has rows. The engine does not migrate by
 * itself: it stays offline with MIGRATION_PENDING, and the bot runs without the database. The gate waits for the
 * maintenance window, has a verified backup made, and only then lets the engine migrate and start. Without a backup
 * nothing is migrated; it is tried again later, because a full disk or a missing mount may pass.
 */

/** Long enough for a person to do something about a backup that fails, which has been tried several times by then. */
const BACKUP_RETRY_MS = 5 * 60_000;

/** Of the backup manager, what is needed here. Rejects unless there is a verified backup. */
export interface MigrationBackups {
  create(request: { readonly reason: "before-migration"; readonly comment: string }): Promise<{ readonly id: string }>;
}

/** Of the engine, what is needed here. */
export interface MigratingEngine {
  status(): { readonly state: EngineState };
  onStateChange(listener: (state: EngineState) => void): () => void;
  allowMigrations(): void;
  explainWaiting(reason: MusterError): void;
}

/** What has happened: for the audit log, alerts and people. */
export type MigrationEvent =
  /** Outside the maintenance window; `until` is epoch milliseconds. */
  | { readonly kind: "waiting"; readonly pending: PendingMigrations; readonly until: number }
  | { readonly kind: "backup-failed"; readonly pending: PendingMigrations; readonly error: MusterError }
  | { readonly kind: "migrated"; readonly pending: PendingMigrations; readonly backupId: string }
  /** Undone: the database is as it was. Without `pending` when no backup was asked for: a first start. */
  | { readonly kind: "failed"; readonly pending: PendingMigrations | undefined; readonly error: MusterError };

export interface MigrationGateOptions {
  readonly engine: MigratingEngine;
  readonly backups: MigrationBackups;
  /** `DB_MIGRATION_WINDOW`; undefined = any time. Looked at again when `reconsider` is called. */
  readonly window: () => DailyWindow | undefined;
  readonly onEvent: (event: MigrationEvent) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

type GateState =
  | { readonly kind: "idle" }
  | { readonly kind: "waiting"; readonly pending: PendingMigrations; readonly cancel: () => void }
  | { readonly kind: "backing-up" }
  | { readonly kind: "migrating"; readonly pending: PendingMigrations; readonly backupId: string }
  /** Told of once: the engine goes on trying by itself. */
  | { readonly kind: "failed" };

export class MigrationGate {
  readonly #options: MigrationGateOptions;
  #state: GateState = { kind: "idle" };
  #isStopped = true;
  #unsubscribe: (() => void) | undefined;

  constructor(options: MigrationGateOptions) {
    this.#options = options;
  }

  /** Before the engine starts, or after. */
  start(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    const { engine } = this.#options;
    this.#unsubscribe = engine.onStateChange((state) => this.#follow(state));
    this.#follow(engine.status().state);
  }

  /** A backup that is being made is stopped by whoever makes it; afterwards nothing is allowed any more. */
  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe?.();
    if (this.#state.kind === "waiting") this.#state.cancel();
    this.#state = { kind: "idle" };
  }

  /** For a changed maintenance window, and for a person who has made room for the backup: does not wait any longer. */
  reconsider(): void {
    if (this.#state.kind === "waiting") this.#goOn(this.#state.pending);
  }

  #follow(state: EngineState): void {
    if (this.#isStopped) return;
    if (state.kind === "ready") this.#finish();
    if (state.kind !== "offline") return;
    const pending = getPending(state.cause);
    if (pending) {
      if (this.#state.kind === "idle" || this.#state.kind === "failed") this.#consider(pending);
    } else if (isMusterError(state.cause, "MIGRATION_FAILED")) this.#fail(state.cause);
  }

  #finish(): void {
    if (this.#state.kind === "migrating") {
      const { pending, backupId } = this.#state;
      this.#options.logger.info("database migrated", { ...pending, backupId });
      this.#tell({ kind: "migrated", pending, backupId });
    } else if (this.#state.kind === "waiting") this.#state.cancel();
    // One that is being made for a migration that another program has done meanwhile allows what nobody needs any more.
    if (this.#state.kind !== "backing-up") this.#state = { kind: "idle" };
  }

  #fail(error: MusterError): void {
    if (this.#state.kind === "failed") return;
    const pending = this.#state.kind === "migrating" ? this.#state.pending : undefined;
    this.#state = { kind: "failed" };
    this.#tell({ kind: "failed", pending, error });
  }

  #consider(pending: PendingMigrations): void {
    const { window, clock, engine, logger } = this.#options;
    const openWindow = window();
    const now = clock.now();
    const until = openWindow === undefined ? now : nextOpening(openWindow, now);
    if (openWindow === undefined || until <= now) {
      void this.#backUp(pending);
      return;
    }
    this.#waitUntil(until, pending);
    const [name, time] = [formatDailyWindow(openWindow), new Date(until).toISOString()];
    logger.warn("a migration waits for the maintenance window", { ...pending, window: name, until: time });
    engine.explainWaiting(createWaitingError(pending, `it waits for the maintenance window ${name}, until ${time}`));
    this.#tell({ kind: "waiting", pending, until });
  }

  async #backUp(pending: PendingMigrations): Promise<void> {
    const { backups, engine, clock, logger } = this.#options;
    this.#state = { kind: "backing-up" };
    engine.explainWaiting(createWaitingError(pending, "a backup is being made first"));
    try {
      const comment = `version ${pending.from}, before ${pending.to}`;
      const { id: backupId } = await backups.create({ reason: "before-migration", comment });
      if (this.#isStopped) return;
      this.#state = { kind: "migrating", pending, backupId };
      engine.allowMigrations();
    } catch (thrown) {
      if (this.#isStopped) return;
      const error = toMusterError(thrown);
      const until = clock.now() + BACKUP_RETRY_MS;
      this.#waitUntil(until, pending);
      logger.error("a migration waits, because the backup before it failed", { ...pending, error });
      engine.explainWaiting(createWaitingError(pending, `the backup before it failed: ${error.message}`, error));
      this.#tell({ kind: "backup-failed", pending, error });
    }
  }

  #waitUntil(at: number, pending: PendingMigrations): void {
    const { clock } = this.#options;
    const cancel = clock.schedule(at - clock.now(), () => this.#goOn(pending));
    this.#state = { kind: "waiting", pending, cancel };
  }

  #goOn(pending: PendingMigrations): void {
    if (this.#state.kind === "waiting") this.#state.cancel();
    this.#state = { kind: "idle" };
    this.#consider(pending);
  }

  #tell(event: MigrationEvent): void {
    try {
      this.#options.onEvent(event);
    } catch (error) {
      this.#options.logger.error("telling of a migration failed", { event: event.kind, error });
    }
  }
}

function toMusterError(thrown: unknown): MusterError {
  if (isMusterError(thrown)) return thrown;
  return new MusterError("BACKUP_FAILED", `make a backup: ${toError(thrown).message}`, { cause: thrown });
}
