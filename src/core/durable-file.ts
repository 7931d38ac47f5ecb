import { open, mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
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

export async function createFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: FOLDER_MODE });
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
