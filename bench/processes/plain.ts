import Database from "better-sqlite3";
import { serve } from "./rpc.ts";
import { StallWatch } from "./stall-watch.ts";

/** Plain better-sqlite3 on the main thread of a process, used as its documentation shows; and a stranger who locks. */

let database: Database.Database | undefined;
let timer: NodeJS.Timeout | undefined;
let failedCount = 0;
let writtenCount = 0;
const watch = new StallWatch();
const TICK_MS = 5;

const requireDatabase = (): Database.Database => {
  if (!database) throw new Error("the database is not open");
  return database;
};

serve({
  /** Milliseconds until the first row is read. */
  open(path: string): number {
    const startedAt = performance.now();
    database = new Database(path);
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.prepare("SELECT * FROM sqlite_schema LIMIT 1").get();
    return performance.now() - startedAt;
  },
  startLoad(perSecond: number): void {
    requireDatabase().exec("CREATE TABLE IF NOT EXISTS bench (id INTEGER PRIMARY KEY, at INTEGER NOT NULL)");
    const insert = requireDatabase().prepare("INSERT INTO bench (at) VALUES (?)");
    const startedAt = performance.now();
    let asked = 0;
    writtenCount = failedCount = 0;
    timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond);
      // What a stall held up is not made up for all at once.
      for (let made = 0; asked < due && made < 20; made++, asked++) {
        try {
          insert.run(Date.now());
          writtenCount++;
        } catch {
          failedCount++;
          return;
        }
      }
    }, TICK_MS);
  },
  stopLoad(): { readonly failedCount: number; readonly writtenCount: number } {
    clearInterval(timer);
    return { failedCount, writtenCount };
  },
  watchStart: watch.start,
  watchStop: watch.stop,
  /** Milliseconds, with an integrity check of the copy. */
  async backUp(target: string): Promise<number> {
    const startedAt = performance.now();
    await requireDatabase().backup(target);
    const copy = new Database(target);
    copy.pragma("integrity_check");
    copy.close();
    return performance.now() - startedAt;
  },
  check: () => requireDatabase().pragma("integrity_check", { simple: true }),
  /** Holds the write lock, as another program would. */
  async lock(durationMs: number): Promise<void> {
    requireDatabase().exec("BEGIN IMMEDIATE");
    await new Promise((resolve) => setTimeout(resolve, durationMs));
    requireDatabase().exec("ROLLBACK");
  },
  close: () => requireDatabase().close(),
});
