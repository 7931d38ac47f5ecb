import { systemClock } from "../../core/clock.ts";
import { Interval } from "../../core/interval.ts";
import { createPendingError } from "../schema/migration-pending.ts";
import { createRepairNote } from "../schema/schema-repair.ts";
import { SchemaValidator } from "../schema/schema-validator.ts";
import { ArchiveKeeper, type ArchiveSettings } from "./archive-keeper.ts";
import { Checkpointer } from "./checkpointer.ts";
import { IN_MEMORY_PATH, openWriterConnection } from "./connection.ts";
import { classifySqliteError } from "./error-classification.ts";
import { GroupCommitter } from "./group-commit.ts";
import { LedgerPruner } from "./ledger-pruner.ts";
import { OperationRunner } from "./operation-runner.ts";
import { Optimizer } from "./optimizer.ts";
import { forgetPlacement, quarantineFolderAt, takeUpReplacement } from "./replacement.ts";
import { rescueFromConnection } from "./rescue.ts";
import { serveThread } from "./thread-host.ts";
import { toWireError } from "./thread-protocol.ts";
import { TransactionManager } from "./transaction-manager.ts";
import { WalArchive } from "./wal-archive.ts";

const HOUSEKEEPING_INTERVAL_MS = 5_000;
/** How often it is said that a long copy to the archive goes on. */
const PROGRESS_INTERVAL_MS = 100;
/** Each checkpoint begins another life of the log, and with it another segment of the archive: not for every few writes. */
const IDLE_CHECKPOINT_INTERVAL_MS = 10 * 60_000;

/**
 * The writer thread: the only read-write connection, its schema, its group commits and its checkpoints. Reads come
 * here too, when the database is in memory (no other thread can see it) or no reader is alive.
 */
await serveThread(({ options, operations, migrations, reply, notify }) => {
  const validator = new SchemaValidator(migrations, systemClock, {
    backup(change) {
      if (options.mayMigrate === false) throw createPendingError(change);
    },
  });
  const { path } = options.connection;
  const reportTrouble = (activity: string, error: unknown): void =>
    notify({ notice: "trouble", error: toWireError(classifySqliteError(error, activity)) });
  let saidAt = -Infinity;
  const sayWorking = (): void => {
    if (systemClock.monotonic() - saidAt < PROGRESS_INTERVAL_MS) return;
    saidAt = systemClock.monotonic();
    notify({ notice: "working" });
  };
  const createArchive = (settings: ArchiveSettings | undefined): ArchiveKeeper | undefined => {
    if (settings === undefined || path === IN_MEMORY_PATH) return undefined;
    const archive = new WalArchive({
      ...{ databasePath: path, folder: settings.folder },
      ...{ now: () => systemClock.now(), onProgress: sayWorking },
    });
    return new ArchiveKeeper(archive, {
      intervalMs: settings.intervalMs,
      onTrouble: (error) => reportTrouble("archive the log", error),
      // From here on it can lose what was archived, like any other.
      onGeneration: () => forgetPlacement(path),
    });
  };
  let archive = createArchive(options.archive);
  // Before anything else: what the log on the disk has, and the archive not yet, may be about to be moved aside.
  archive?.open();
  if (path !== IN_MEMORY_PATH && takeUpReplacement(path, quarantineFolderAt(path, systemClock.now()))) {
    archive?.noteReplacement();
  }
  const connection = openWriterConnection(options.connection, (database) => validator.inspect(database));
  try {
    const { repaired } = validator.applyMigrations(connection.database);
    validator.requireValidSchema(connection.database);
    if (repaired.length > 0) reportTrouble("prepare the schema", createRepairNote(repaired));
  } catch (error) {
    connection.database.close();
    throw classifySqliteError(error, "prepare the schema");
  }

  /** A checkpoint that fails (a full disk) loses nothing: the WAL keeps what was committed, and the next one tries again. */
  const attempt = (activity: string, run: () => void): void => {
    try {
      run();
    } catch (error) {
      reportTrouble(activity, error);
    }
  };

  const startArchive = (): void =>
    archive?.start(() => connection.database.pragma("data_version", { simple: true }) as number);
  startArchive();
  let checkpointedAt = systemClock.monotonic();
  const checkpointer = new Checkpointer({
    connection,
    beforeCheckpoint: (state) => archive?.beforeCheckpoint(state),
    afterCheckpoint(state) {
      checkpointedAt = systemClock.monotonic();
      archive?.afterCheckpoint(state);
    },
  });
  /** Frames in the log after the last commit: another number now means that something was written. */
  let frameCount = checkpointer.measure().walFrameCount;
  const noteCommit = (): void => {
    if (!archive) return;
    const { walFrameCount } = checkpointer.measure();
    const isCertain = walFrameCount !== frameCount;
    frameCount = walFrameCount;
    archive.noteCommit({ at: systemClock.now(), frameCount, isCertain });
  };
  const committer = new GroupCommitter({
    transactions: new TransactionManager(connection, systemClock),
    runner: new OperationRunner(operations, (statements) => notify({ notice: "statements", ...statements })),
    clock: systemClock,
    reply,
    beforeReply: noteCommit,
    onCommitted: () =>
      attempt("checkpoint", () => {
        if (checkpointer.isDue) checkpointer.checkpoint();
      }),
    onFull() {
      try {
        return checkpointer.makeRoom();
      } catch (error) {
        // That the disk is full is what the write itself is refused with.
        if (classifySqliteError(error, "make room").code !== "DATABASE_FULL") reportTrouble("make room", error);
        return false;
      }
    },
  });
  const optimizer = new Optimizer(connection.database, systemClock);
  const optimize = (): void =>
    attempt("optimize the database", () => {
      optimizer.optimize();
      noteCommit();
    });
  const ledger = new LedgerPruner(connection, systemClock);
  const housekeeping = new Interval({
    clock: systemClock,
    everyMs: () => HOUSEKEEPING_INTERVAL_MS,
    run() {
      if (!committer.isIdle) return;
      // First what gives space back, and each on its own: on a full disk the deletion may find none.
      attempt("checkpoint", () => {
        const isOld = systemClock.monotonic() - checkpointedAt >= IDLE_CHECKPOINT_INTERVAL_MS;
        if (isOld && checkpointer.isWanted) checkpointer.checkpoint();
      });
      attempt("prune applied operations", () => {
        if (ledger.prune() > 0) noteCommit();
      });
      if (optimizer.isDue) optimize();
    },
    onError: (error) => reportTrouble("housekeeping", error),
  });
  housekeeping.start();
  let rescueTryCount = 0;

  return {
    engineVersion: connection.sqliteVersion,
    fileIdentity: connection.fileIdentity,
    handle: (requests) => committer.enqueue(requests),
    async close() {
      await housekeeping.stop();
      await committer.settle();
      if (optimizer.isWorthwhile) optimize();
      attempt("last checkpoint", () => checkpointer.checkpoint());
      connection.database.close();
      archive?.close();
    },
    archiveStatus: () => archive?.status,
    flushArchive: () => archive?.flush(),
    setArchive(settings) {
      if (archive && settings?.folder === options.archive?.folder && settings) {
        archive.setInterval(settings.intervalMs);
        return;
      }
      archive?.flush();
      archive?.close();
      archive = createArchive(settings);
      archive?.open();
      startArchive();
    },
    async rescue() {
      await housekeeping.stop();
      await committer.settle();
      return rescueFromConnection(connection, path, quarantineFolderAt(path, systemClock.now()), ++rescueTryCount);
    },
  };
});
