import { closeSync, fsyncSync, mkdirSync, openSync, readSync, writeFileSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { FILE_MODE, FOLDER_MODE, syncFolder } from "../../core/durable-file.ts";
import { MusterError } from "../../core/errors.ts";
import { checkIntegrity, isSound } from "../maintenance/integrity-check.ts";
import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import { fingerprintOf, readArchiveTail } from "../sqlite/archive-take-up.ts";
import { ARCHIVE_FOLDER, encodeArchiveLine, indexPath } from "./archive-index.ts";
import { BackupKey } from "./encryption.ts";
import {
  readPageProof,
  readSnapshotPages,
  scan,
  type PageProof,
  type PageProofSource,
  type ProofOrigin,
} from "./page-proof.ts";
import { proofOf } from "./page-table.ts";
import { judge } from "./scrub-pages.ts";

/**
 * The job that puts the right content into damaged pages, from archive and snapshot, while nobody has the database open.
 * What stood there is kept. Interrupted, it leaves some pages mended and the others as they were.
 */
export interface RepairPagesJob {
  readonly kind: "repair-pages";
  readonly databasePath: string;
  readonly backupFolder: string;
  /** The passphrase, for encrypted files. */
  readonly key?: string;
  readonly pages: readonly number[];
  /** Where the damaged pages are kept. */
  readonly quarantineFolder: string;
}

export interface RepairPagesResult {
  /** Those that still differed; the others were overwritten meanwhile by what belongs there. */
  readonly repairedPages: readonly number[];
}

/**
 * Throws BACKUP_NOT_FOUND, BACKUP_DAMAGED and BACKUP_KEY_WRONG when the content cannot be had: then nothing was changed;
 * and DATABASE_CORRUPT when the database is not sound afterwards.
 */
export async function repairPages(job: RepairPagesJob, report: ReportProgress): Promise<RepairPagesResult> {
  const { databasePath, quarantineFolder } = job;
  const source = { backupFolder: job.backupFolder, key: job.key === undefined ? undefined : new BackupKey(job.key) };
  report({ step: "prove", share: 0 });
  const proof = await readPageProof(source);
  const { pageBytes } = proof.table;
  const wanted = new Map<number, Buffer>();
  const before = fingerprintOf(databasePath);
  const handle = openSync(databasePath, "r+");
  try {
    for (const number of job.pages) {
      const page = Buffer.alloc(pageBytes);
      readSync(handle, page, 0, pageBytes, (number - 1) * pageBytes);
      if (newestOf(proof, number) !== proofOf(number, page) && number <= proof.pageCount) wanted.set(number, page);
    }
    if (wanted.size === 0) return { repairedPages: [] };
    report({ step: "collect", share: 0.3 });
    const contents = await collect(source, proof.origin, wanted);
    for (const number of wanted.keys()) {
      const content = contents.get(number);
      if (!content || proofOf(number, content) !== newestOf(proof, number)) {
        throw new MusterError(
          "BACKUP_DAMAGED",
          `repair pages: the archive does not have what page ${number} has to be`,
        );
      }
    }
    keep(quarantineFolder, wanted);
    await syncFolder(quarantineFolder);
    for (const [number, content] of contents) writeSync(handle, content, 0, pageBytes, (number - 1) * pageBytes);
    fsyncSync(handle);
    requireWritten(handle, proof, [...wanted.keys()]);
  } finally {
    closeSync(handle);
  }
  report({ step: "check", share: 0.8 });
  const { lines } = checkIntegrity({ kind: "integrity-check", path: databasePath, depth: "quick" }, () => undefined);
  if (!isSound(lines)) throw new MusterError("DATABASE_CORRUPT", `repair pages: ${lines[0] ?? "it is damaged"}`);
  const archiveFolder = join(job.backupFolder, ARCHIVE_FOLDER);
  if (before !== undefined) await carryOn(archiveFolder, before, fingerprintOf(databasePath)!);
  return { repairedPages: [...wanted.keys()] };
}

function newestOf({ table, versions }: PageProof, number: number): number | undefined {
  return versions.get(number)?.at(-1) ?? table.get(number);
}

/** The archive knows a closed database by its file's facts: it is the same one, so the archive goes on. */
async function carryOn(archiveFolder: string, before: string, fingerprint: string): Promise<void> {
  const tail = readArchiveTail(archiveFolder);
  if (!tail || tail.fingerprint !== before) return;
  const line = encodeArchiveLine({ kind: "settled", segment: tail.segment, fingerprint, at: tail.at });
  const index = await open(indexPath(join(archiveFolder, tail.generation)), "a");
  try {
    await index.appendFile(line);
    await index.sync();
  } finally {
    await index.close();
  }
}

/** The newest content of each page. */
async function collect(
  source: PageProofSource,
  { snapshot, run }: ProofOrigin,
  wanted: ReadonlyMap<number, Buffer>,
): Promise<Map<number, Buffer>> {
  const contents = new Map<number, Buffer>();
  for (const segment of run.segments) {
    await scan(source, run, segment, snapshot.pageSize, ({ pageNumber, page }) => {
      if (wanted.has(pageNumber)) contents.set(pageNumber, Buffer.from(page));
    });
  }
  if (contents.size === wanted.size) return contents;
  let number = 0;
  for await (const page of readSnapshotPages(source, snapshot)) {
    number++;
    if (wanted.has(number) && !contents.has(number)) contents.set(number, Buffer.from(page));
  }
  return contents;
}

function keep(quarantineFolder: string, pages: ReadonlyMap<number, Buffer>): void {
  mkdirSync(quarantineFolder, { recursive: true, mode: FOLDER_MODE });
  for (const [number, page] of pages)
    writeFileSync(join(quarantineFolder, `${number}.page`), page, { mode: FILE_MODE });
}

/** What was written is what is read; from the disk's cache, but then so would everybody else. */
function requireWritten(handle: number, proof: PageProof, numbers: readonly number[]): void {
  for (const number of numbers) {
    const page = Buffer.alloc(proof.table.pageBytes);
    readSync(handle, page, 0, page.length, (number - 1) * page.length);
    if (judge(proof, number, page) === "sound") continue;
    throw new MusterError("DATABASE_CORRUPT", `repair pages: page ${number} is not what was written to it`, {
      hint: "Look at the disk.",
    });
  }
}
