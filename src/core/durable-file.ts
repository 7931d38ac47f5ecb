import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { open, mkdir, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { createReference } from "./ids.ts";

/** Files and folders of the bot are its own: no one else on the machine reads them. */
export const FILE_MODE = 0o600;
export const FOLDER_MODE = 0o700;

/** Makes a folder's entries (a created, renamed or removed file) survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** With those above it that are missing. They survive a power cut: a file is only found in a folder that is. */
export async function createFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: FOLDER_MODE });
  for (const parent of parentsOfNew(path, first)) await syncFolder(parent);
}

/** As `createFolder`. */
export function createFolderSync(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: FOLDER_MODE });
  for (const parent of parentsOfNew(path, first)) syncFolderSync(parent);
}

function syncFolderSync(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** The folders in which one was made, the lowest first; `first` is the highest that was made, undefined when none was. */
function parentsOfNew(path: string, first: string | undefined): string[] {
  if (first === undefined) return [];
  const highest = dirname(resolve(first));
  const parents: string[] = [];
  for (let parent = dirname(resolve(path)); parent.length > highest.length; parent = dirname(parent))
    parents.push(parent);
  return [...parents, highest];
}

/** Replaces a file's content so that a crash at any instant leaves the old content or the new, never a part. */
export async function writeFileDurably(path: string, content: string | Uint8Array): Promise<void> {
  // A name of its own for each call: two that write the same file at once would otherwise mix their contents.
  const temporary = `${path}.tmp-${createReference()}`;
  try {
    await writeNewFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

async function writeNewFile(path: string, content: string | Uint8Array): Promise<void> {
  const handle = await open(path, "wx", FILE_MODE);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
