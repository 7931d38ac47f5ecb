import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { BOT_AWAY_STATES } from "../bot-host.ts";
import { seconds, type BegunAction, type ChaosAction, type ChaosContext } from "./chaos-action.ts";
import { findDebugger } from "./run-saboteur.ts";
import type { SaboteurJob, WriterJob } from "./saboteur-job.ts";

/** What can be done to the database: all of it by a process of its own, that knows no more than where the file is. */

const HOLD_MS_PER_SECOND = 1_000;
/** A file smaller than this has nothing in it but what the log will replace. */
const WORTHWHILE_BYTES = 64 * 1024;
const PERMISSION_BITS = 0o777;

function pathOf({ host }: ChaosContext): string {
  return host!.databasePath!;
}

function findFileObstacle({ host }: ChaosContext): string | undefined {
  if (!host) return "The sandbox does not know this bot's database.";
  if (host.databasePath === undefined) return "The database is in memory (TEST_MODE): there is no file.";
  if (!existsSync(host.databasePath)) return "There is no database file at the moment.";
  return undefined;
}

/** For what leaves nothing behind. */
function findBackupObstacle(context: ChaosContext): string | undefined {
  if (context.host?.hasBackup() === false) {
    return "The bot has no backup of this database file yet: it makes one ten seconds after its start, and a few seconds after a file came back.";
  }
  return findFileObstacle(context);
}

function findPageObstacle(context: ChaosContext): string | undefined {
  const obstacle = findBackupObstacle(context);
  if (obstacle !== undefined || statSync(pathOf(context)).size >= WORTHWHILE_BYTES) return obstacle;
  return "All data is still in the database's log: take the bot down once, and it will be in the file.";
}

function findThreadObstacle(context: ChaosContext): string | undefined {
  if (BOT_AWAY_STATES.includes(context.botState() ?? "")) return "The bot is not running at the moment.";
  return findFileObstacle(context);
}

function findPermissionObstacle(context: ChaosContext): string | undefined {
  if (process.platform === "win32") return "Windows has no such permissions.";
  if (process.getuid?.() === 0) return "The bot runs as root, whom no permission stops.";
  return findFileObstacle(context);
}

async function send(context: ChaosContext, job: SaboteurJob): Promise<BegunAction> {
  const { text } = await context.runSaboteur(job);
  return { text };
}

async function treatWriter(context: ChaosContext, job: WriterJob): Promise<string> {
  const { text } = await context.runSaboteur({ ...job, ...(await findDebugger()) });
  return text;
}

async function takePermissions(context: ChaosContext): Promise<BegunAction> {
  const path = pathOf(context);
  const paths = [path, `${path}-wal`, `${path}-shm`, dirname(path)].filter((each) => existsSync(each));
  const before = Object.fromEntries(paths.map((each) => [each, statSync(each).mode & PERMISSION_BITS]));
  // The folder stays: without it the queue could not be written either, and that is another trouble.
  const files = paths.filter((each) => each !== dirname(path));
  await context.runSaboteur({ kind: "set-mode", modes: Object.fromEntries(files.map((each) => [each, 0])) });
  return {
    text: "nobody may read or write the database file",
    async end() {
      await context.runSaboteur({ kind: "set-mode", modes: before });
      return "the permissions are back";
    },
  };
}

export const databaseActions: readonly ChaosAction[] = [
  {
    id: "hold-write-lock",
    title: "Hold the write lock",
    description: "Another program begins a transaction on the bot's database and does not end it.",
    expectation:
      "Reading goes on. Answers wait in the queue, commands say within three seconds whether something was done, and soon after the lock is gone everything is in the database.",
    parameters: [seconds(15)],
    findObstacle: findFileObstacle,
    async begin(context) {
      const { text, end } = await context.runSaboteur({ kind: "hold-lock", path: pathOf(context) });
      return {
        text,
        async end() {
          await end();
          return "the write lock is free again";
        },
      };
    },
  },
  {
    id: "kill-writer",
    title: "Kill the writer thread",
    description: "A debugger attaches to the bot and ends the thread that writes to the database.",
    expectation: "Another thread is started within a second. What it was about to write is written once, not twice.",
    parameters: [],
    findObstacle: findThreadObstacle,
    begin: async (context) => ({ text: await treatWriter(context, { kind: "kill-writer" }) }),
  },
  {
    id: "hang-writer",
    title: "Hang the writer thread",
    description: "A debugger attaches to the bot and makes the thread that writes wait for nothing.",
    expectation:
      "Answers still come. After about ten seconds of silence the bot gives the thread up and starts another; what waited is written then.",
    parameters: [seconds(20)],
    findObstacle: findThreadObstacle,
    async begin(context, { seconds: duration }) {
      const durationMs = duration! * HOLD_MS_PER_SECOND;
      // It wakes up by itself; there is nothing to take back, and nothing that could wake it sooner.
      return { text: await treatWriter(context, { kind: "hang-writer", durationMs }), end: () => undefined };
    },
  },
  {
    id: "delete-database",
    title: "Delete the database file",
    description: "Another program removes the database file, its log and its index.",
    expectation:
      "The bot notices within a second, gets everything out of the file that it still has open, and puts it back in its place.",
    parameters: [],
    findObstacle: findFileObstacle,
    begin: (context) => send(context, { kind: "delete", path: pathOf(context) }),
  },
  {
    id: "empty-database",
    title: "Empty the database file",
    description: "Another program cuts the database file to nothing.",
    expectation:
      "The bot puts the empty file aside and makes the database anew from its backups and the archive, up to the last write.",
    parameters: [],
    findObstacle: findBackupObstacle,
    begin: (context) => send(context, { kind: "empty", path: pathOf(context) }),
  },
  {
    id: "replace-database",
    title: "Replace the database file",
    description: "Another program puts a database of its own where the bot's was.",
    expectation:
      "The bot notices that it is not its file, puts it into quarantine and brings back its own, with everything in it.",
    parameters: [],
    findObstacle: findFileObstacle,
    begin: (context) => send(context, { kind: "replace", path: pathOf(context) }),
  },
  {
    id: "flip-bits",
    title: "Flip bits",
    description:
      "Another program changes one bit at the beginning of some pages of data in the database file, as a dying disk does.",
    expectation:
      "A damaged page is found when it is read, by the next check, or when the bot starts. The bot then makes the database anew from its backups and the archive.",
    parameters: [{ name: "pages", kind: "integer", unit: "pages", min: 1, max: 1_000, default: 20 }],
    findObstacle: findPageObstacle,
    begin: (context, { pages }) => send(context, { kind: "flip-bits", path: pathOf(context), pageCount: pages! }),
  },
  {
    id: "take-permissions",
    title: "Take away permissions",
    description: "Another program forbids everybody to read or write the database file.",
    expectation:
      "What is open stays open, so the bot goes on. With the writer thread killed meanwhile, writes wait in the queue until the permissions are back.",
    parameters: [seconds(15)],
    findObstacle: findPermissionObstacle,
    begin: takePermissions,
  },
  {
    id: "fill-disk",
    title: "Fill the disk",
    description:
      "A debugger attaches to the bot and forbids its database to grow. SQLite itself then says that the disk is full; the real disk stays as it is.",
    expectation:
      "The bot goes on reading. A write that needs room turns it read-only; it tries again each second, and small writes that fit still go through. Nothing that it has acknowledged is lost.",
    parameters: [seconds(20)],
    findObstacle: findThreadObstacle,
    async begin(context) {
      const text = await treatWriter(context, { kind: "limit-size", isLimited: true });
      return {
        text,
        async end() {
          // A bot that was stopped meanwhile has forgotten the limit.
          if (findThreadObstacle(context) !== undefined) return "there is room again";
          return treatWriter(context, { kind: "limit-size", isLimited: false });
        },
      };
    },
  },
];
