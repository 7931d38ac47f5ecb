import {
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { repairPages } from "../../../src/database/backup/repair-pages.ts";
import { scrubPages } from "../../../src/database/backup/scrub-pages.ts";
import {
  backupFolderOf,
  copyTemplate,
  createTemplate,
  databasePathOf,
  KEY,
  type Template,
} from "../../helpers/corruptible-database.ts";
import { errorLike, withFolder } from "../../helpers/database.ts";
import { silentProgress } from "../../helpers/silent-progress.ts";

const RUN_COUNT = Number(process.env.SCRUB_RUNS ?? 100);
/** Of the first page: what a copy of the database has of its own, and what the archive cannot tell. */
const OWN_BYTES = [24, 25, 26, 27, 40, 41, 42, 43, 92, 93, 94, 95, 96, 97, 98, 99];

function flip(path: string, at: number, bit: number): void {
  const handle = openSync(path, "r+");
  const byte = Buffer.alloc(1);
  readSync(handle, byte, 0, 1, at);
  byte[0]! ^= 1 << bit;
  writeSync(handle, byte, 0, 1, at);
  closeSync(handle);
}

interface Place {
  readonly databasePath: string;
  readonly backupFolder: string;
}

const placeOf = (folder: string): Place => ({
  databasePath: databasePathOf(folder),
  backupFolder: backupFolderOf(folder),
});

const scrub = (place: Place, key?: string) =>
  scrubPages(
    { kind: "scrub-pages", ...place, isReleased: true, ...(key === undefined ? {} : { key }) },
    silentProgress,
  );
const repair = (place: Place, pages: readonly number[], quarantineFolder: string, key?: string) =>
  repairPages(
    { kind: "repair-pages", ...place, pages, quarantineFolder, ...(key === undefined ? {} : { key }) },
    silentProgress,
  );

describe("the proof of each page", () => {
  it("finds every flipped bit of a page that was archived, and puts the right content back, wherever it is", async () => {
    await withFolder(async (folder) => {
      const templates: Record<"closed" | "encrypted", Template> = {
        closed: await createTemplate(join(folder, "closed"), true),
        encrypted: await createTemplate(join(folder, "encrypted"), true, KEY),
      };
      const keys = { closed: undefined, encrypted: KEY };
      const pageBytes = 1_024;
      const flips = fc.array(fc.record({ place: fc.nat(), bit: fc.nat({ max: 7 }) }), { minLength: 1, maxLength: 3 });
      const check = async (name: keyof typeof templates, hits: readonly { place: number; bit: number }[]) => {
        // One copy for all runs, and the database of the template each time: the backups are only read.
        const copy = join(folder, `${name}-copy`);
        const place = placeOf(copy);
        if (!existsSync(copy)) copyTemplate(templates[name], copy);
        else cpSync(databasePathOf(templates[name].folder), place.databasePath, { preserveTimestamps: true });
        const { size } = statSync(place.databasePath);
        const right = readFileSync(place.databasePath);
        const at = [...new Set(hits.map((hit) => hit.place % size))].filter((byte) => !OWN_BYTES.includes(byte));
        for (const [index, byte] of at.entries()) flip(place.databasePath, byte, hits[index]!.bit);
        const pages = [...new Set(at.map((byte) => Math.floor(byte / pageBytes) + 1))].sort((a, b) => a - b);

        const found = await scrub(place, keys[name]);
        expect(found).toMatchObject({ damagedPages: pages, pageCount: size / pageBytes, unprovenCount: 0 });

        const { repairedPages } = await repair(place, pages, join(copy, "quarantine"), keys[name]);
        expect([...repairedPages].sort((a, b) => a - b)).toEqual(pages);
        const mended = readFileSync(place.databasePath);
        for (const byte of OWN_BYTES) mended[byte] = right[byte]!;
        expect(mended.equals(right)).toBe(true);
        for (const number of pages) expect(statSync(join(copy, "quarantine", `${number}.page`)).size).toBe(pageBytes);
        rmSync(join(copy, "quarantine"), { recursive: true, force: true });
      };
      const name = fc.oneof(
        { weight: 9, arbitrary: fc.constant("closed" as const) },
        { weight: 1, arbitrary: fc.constant("encrypted" as const) },
      );
      await fc.assert(fc.asyncProperty(name, flips, check), { numRuns: RUN_COUNT, endOnFailure: true });
    });
  }, 120_000);

  it("calls a database that was killed sound, whose last changes are in its log alone", async () => {
    await withFolder(async (folder) => {
      const template = await createTemplate(join(folder, "killed"), false);
      copyTemplate(template, join(folder, "copy"));
      const place = placeOf(join(folder, "copy"));
      expect(await scrub(place)).toMatchObject({ damagedPages: [], isLogDamaged: false });

      const log = statSync(`${place.databasePath}-wal`).size;
      flip(`${place.databasePath}-wal`, log - 100, 3);
      expect(await scrub(place)).toMatchObject({ damagedPages: [], isLogDamaged: true });
    });
  });

  it("begins the table anew when it is damaged, and goes on with one that is not", async () => {
    await withFolder(async (folder) => {
      const template = await createTemplate(join(folder, "closed"), true);
      copyTemplate(template, join(folder, "copy"));
      const place = placeOf(join(folder, "copy"));
      await scrub(place);
      const [table] = tablesIn(join(place.backupFolder, "wal"));
      const { ino } = statSync(table!);
      await scrub(place);
      expect(statSync(table!).ino).toBe(ino);

      flip(table!, statSync(table!).size - 3, 1);
      expect(await scrub(place)).toMatchObject({ damagedPages: [] });
      expect(statSync(table!).ino).not.toBe(ino);
    });
  });

  it("says what it cannot tell when a segment is damaged, and changes nothing", async () => {
    await withFolder(async (folder) => {
      const template = await createTemplate(join(folder, "closed"), true);
      copyTemplate(template, join(folder, "copy"));
      const place = placeOf(join(folder, "copy"));
      const before = readFileSync(place.databasePath);
      const wal = join(place.backupFolder, "wal");
      for (const segment of segmentsIn(wal)) flip(segment, statSync(segment).size - 50, 2);
      await expect(scrub(place)).rejects.toThrow(errorLike({ code: "BACKUP_DAMAGED" }));
      await expect(repair(place, [2], join(folder, "quarantine"))).rejects.toThrow(
        errorLike({ code: "BACKUP_DAMAGED" }),
      );
      expect(readFileSync(place.databasePath).equals(before)).toBe(true);
    });
  });
});

function filesIn(archiveFolder: string, pattern: RegExp): string[] {
  return readdirSync(archiveFolder, { recursive: true, encoding: "utf8" })
    .filter((path) => pattern.test(path))
    .map((path) => join(archiveFolder, path));
}

const tablesIn = (archiveFolder: string): string[] => filesIn(archiveFolder, /pages\.crc$/);
const segmentsIn = (archiveFolder: string): string[] => filesIn(archiveFolder, /\.wal(\.zst)?$/);
