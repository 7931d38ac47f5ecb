import { readdirSync, readFileSync, type Dirent } from "node:fs";
import { join, relative } from "node:path";

/** Paths of files that only one of two folders has, or that differ; what SQLite shares in memory does not count. */
export function compareFolders(left: string, right: string): string[] {
  const files = new Set([...listFiles(left), ...listFiles(right)]);
  return [...files].filter((file) => !readIfExists(join(left, file))?.equals(readIfExists(join(right, file)) ?? NEVER));
}

/** No file has this content. */
const NEVER = Buffer.from("neither folder has a file with this content");

function listFiles(folder: string): string[] {
  const toPath = (entry: Dirent): string => relative(folder, join(entry.parentPath, entry.name));
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith("-shm"))
    .map(toPath);
}

function readIfExists(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
