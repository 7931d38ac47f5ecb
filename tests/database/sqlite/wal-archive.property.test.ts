import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import fc from "fast-check";
import {
  listGenerations,
  readArchiveIndex,
  segmentName,
  type ArchivedCommit,
} from "../../../src/database/backup/archive-index.ts";
import { WalArchive } from "../../../src/database/sqlite/wal-archive.ts";
import { readWalFile } from "../../../src/database/sqlite/wal-file.ts";
import { withFolder } from "../../helpers/database.ts";

/** Torture has more of them. */
const RUN_COUNT = Number(process.env.ARCHIVE_RUNS ?? 10);

/** What happens to a database and its archive, in any order. */
type Step =
  | { readonly kind: "commit"; readonly rowCount: number; readonly valueBytes: number }
  | { readonly kind: "flush" }
  | { readonly kind: "checkpoint"; readonly mode: "PASSIVE" | "TRUNCATE" }
  | { readonly kind: "vacuum" }
  | { readonly kind: "reopen" }
  | { readonly kind: "crash" }
  | { readonly kind: "read-on" }
  | { readonly kind: "foreign"; readonly mode: "none" | "PASSIVE" | "TRUNCATE" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      rowCount: fc.integer({ min: 1, max: 20 }),
      valueBytes: fc.constantFrom(10, 900, 9_000),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: "flush" as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("checkpoint" as const),
      mode: fc.constantFrom("PASSIVE" as const, "TRUNCATE" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Step>({ kind: "vacuum" }, { kind: "reopen" }, { kind: "crash" }, { kind: "read-on" }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("foreign" as const),
      mode: fc.constantFrom("none" as const, "PASSIVE" as const, "TRUNCATE" as const),
    }),
  },
);

/** The rows as one text, by which two states are compared. */
function dump(database: Database.Database): string {
  return JSON.stringify(database.prepare("SELECT * FROM row ORDER BY id").all());
}

/** A complete copy of the database, and how far the archive was then: what comes before is not to be had from it. */
interface Base {
  readonly content: Buffer;
  readonly number: number;
  readonly segment: number;
  readonly offset: number;
}

/** A database whose only writer keeps its archive, as the writer thread does. */
class Rig {
  readonly path: string;
  readonly archiveFolder: string;
  /** Every state that was ever committed, by its number. */
  readonly states = new Map<number, string>();
  /** Of commits whose time the archive was told: number by time. */
  readonly times = new Map<number, number>();
  /** A complete copy that each generation can be replayed on, and the number of its state. */
  readonly bases = new Map<string, Base>();
  database: Database.Database;
  archive: WalArchive;
  #now = 1_000_000;
  #number = 0;
  #reader: Database.Database | undefined;
  isForeign = false;

  constructor(folder: string) {
    this.path = join(folder, "test.db");
    this.archiveFolder = join(folder, "wal");
    mkdirSync(this.archiveFolder);
    [this.database, this.archive] = this.#open();
    this.database.exec("CREATE TABLE row (id INTEGER PRIMARY KEY, value TEXT); CREATE TABLE number (value INTEGER)");
    this.database.exec("INSERT INTO number VALUES (0)");
    this.archive.flush();
    this.#keepBase();
  }

  #open(): [Database.Database, WalArchive] {
    const archive = new WalArchive({ databasePath: this.path, folder: this.archiveFolder, now: () => this.#now });
    archive.open();
    const database = new Database(this.path);
    database.pragma("journal_mode = WAL");
    database.pragma("wal_autocheckpoint = 0");
    archive.watch(() => database.pragma("data_version", { simple: true }) as number);
    return [database, archive];
  }

  #write(database: Database.Database, rowCount: number, valueBytes: number): void {
    this.#now += 5;
    this.#number++;
    database.transaction(() => {
      for (let index = 0; index < rowCount; index++) {
        const value = `${this.#number}-${index}-`.padEnd(valueBytes, "x");
        database.prepare("INSERT OR REPLACE INTO row (id, value) VALUES (abs(random()) % 60, ?)").run(value);
      }
      database.prepare("UPDATE number SET value = ?").run(this.#number);
    })();
    this.states.set(this.#number, dump(database));
  }

  #keepBase(): void {
    const { generation, segment, offset } = this.archive.status;
    if (generation === "" || this.bases.has(generation)) return;
    this.bases.set(generation, { content: this.database.serialize(), number: this.#number, segment, offset });
  }

  flush(): void {
    this.archive.flush();
    this.#keepBase();
  }

  #checkpoint(mode: string): void {
    this.flush();
    const [{ log, checkpointed }] = this.database.pragma(`wal_checkpoint(${mode})`) as [
      { log: number; checkpointed: number },
    ];
    if (log === checkpointed) this.archive.settle(log);
  }

  take(step: Step): void {
    switch (step.kind) {
      case "commit":
        this.#write(this.database, step.rowCount, step.valueBytes);
        this.archive.noteCommit({ at: this.#now, frameCount: countFrames(this.database), isCertain: true });
        this.times.set(this.#now, this.#number);
        break;
      case "flush":
        this.flush();
        break;
      case "checkpoint":
        this.#checkpoint(step.mode);
        break;
      case "vacuum":
        this.#number++;
        this.database.exec(`BEGIN; DELETE FROM row WHERE id > 5; UPDATE number SET value = ${this.#number}; COMMIT`);
        this.states.set(this.#number, dump(this.database));
        this.database.exec("VACUUM");
        break;
      case "reopen":
        this.#endReading();
        this.#checkpoint("PASSIVE");
        this.database.close();
        this.archive.close();
        [this.database, this.archive] = this.#open();
        break;
      case "crash": {
        const kept = ["", "-wal"].map((suffix) => [this.path + suffix, readIfPresent(this.path + suffix)] as const);
        this.#endReading();
        this.database.close();
        for (const [path, content] of kept) {
          // Only what closing has changed: when a file was changed last is looked at, too.
          if (content && readIfPresent(path)?.equals(content) !== true) writeFileSync(path, content);
        }
        [this.database, this.archive] = this.#open();
        break;
      }
      case "read-on":
        // Holds the log: it cannot be begun anew while somebody reads in it.
        if (this.#reader) this.#endReading();
        else {
          this.#reader = new Database(this.path, { readonly: true });
          this.#reader.exec("BEGIN");
          this.#reader.prepare("SELECT * FROM number").get();
        }
        break;
      case "foreign": {
        this.isForeign = true;
        const other = new Database(this.path);
        this.#write(other, 3, 500);
        if (step.mode !== "none") other.pragma(`wal_checkpoint(${step.mode})`);
        other.close();
      }
    }
  }

  #endReading(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }

  end(): void {
    this.#endReading();
    this.flush();
    this.database.close();
  }
}

function countFrames(database: Database.Database): number {
  const [{ log }] = database.pragma("wal_checkpoint(NOOP)") as [{ log: number }];
  return log;
}

function readIfPresent(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** Writes the frames of a generation over its base, and shows the database, in memory, as it was after each commit. */
async function replay(rig: Rig, generation: string, base: Base, show: (database: Database.Database) => void) {
  const commits = await readCommits(rig, generation);
  let content = Buffer.from(base.content);
  for (const segment of new Set(commits.map((commit) => commit.segment))) {
    const ends = new Map(commits.filter((one) => one.segment === segment).map((one) => [one.offset, one]));
    let pending: { readonly pageNumber: number; readonly page: Buffer }[] = [];
    let shownCount = 0;
    await readWalFile(join(rig.archiveFolder, generation, segmentName(segment)), ({ pageNumber, page, offset }) => {
      pending.push({ pageNumber, page: Buffer.from(page) });
      const commit = ends.get(offset + 24 + page.length);
      if (!commit) return;
      const next = Buffer.alloc(commit.pageCount * page.length);
      content.copy(next);
      for (const frame of pending) frame.page.copy(next, (frame.pageNumber - 1) * page.length);
      [content, pending] = [next, []];
      shownCount++;
      if (segment < base.segment || (segment === base.segment && commit.offset < base.offset)) return;
      const copy = Buffer.from(content);
      // Only a file can be in WAL mode.
      copy.fill(1, 18, 20);
      const database = new Database(copy);
      show(database);
      database.close();
    });
    expect(shownCount).toBe(ends.size);
  }
}

async function readCommits(rig: Rig, generation: string): Promise<ArchivedCommit[]> {
  const commits: ArchivedCommit[] = [];
  await readArchiveIndex(join(rig.archiveFolder, generation), (line) => line.kind === "commit" && commits.push(line));
  return commits;
}

describe("the archive of the write-ahead log", () => {
  it(
    "gives back every committed state of a generation, whatever happens to the log",
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) =>
          withFolder(async (folder) => {
            const rig = new Rig(folder);
            for (const one of steps) rig.take(one);
            rig.end();
            const seen = new Set<number>();
            for (const generation of await listGenerations(rig.archiveFolder)) {
              const base = rig.bases.get(generation);
              if (!base) continue;
              let previous = base.number;
              await replay(rig, generation, base, (database) => {
                const number = database.prepare("SELECT value FROM number").pluck().get() as number;
                expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
                seen.add(number);
                if (number > base.number) expect(dump(database)).toBe(rig.states.get(number));
                // Nothing is left out within a generation.
                expect(number - previous).toBeLessThanOrEqual(1);
                previous = number;
              });
            }
            // The present state was archived, or it is known that it was not: then the next commit begins a generation.
            const isKnownGap = rig.archive.status.generation === "";
            if (!isKnownGap) expect(seen).toContain(Math.max(0, ...rig.states.keys()));
            if (!rig.isForeign) expect(isKnownGap).toBe(false);
            if (!rig.isForeign) expect([...rig.states.keys()].filter((number) => !seen.has(number))).toEqual([]);
          }),
        ),
        { numRuns: RUN_COUNT },
      );
    },
    60_000 + RUN_COUNT * 4_000,
  );
});
