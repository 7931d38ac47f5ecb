import { stat } from "node:fs/promises";

/**
 * Watches that the file at the path is the one that is open: deleting or replacing it makes no call fail. Only `stat` is
 * used, because closing any handle on the file in this process would drop SQLite's locks.
 */

/** Device and inode: what makes a file that file. */
export type FileIdentity = string;

export type FileFinding = "deleted" | "replaced" | "emptied";

interface FileFacts {
  readonly dev: bigint;
  readonly ino: bigint;
}

export function toFileIdentity({ dev, ino }: FileFacts): FileIdentity {
  return `${dev}:${ino}`;
}

/** What happened to the file since it was opened as `opened`; undefined = it is still that one, with content. */
export async function inspectFile(path: string, opened: FileIdentity): Promise<FileFinding | undefined> {
  try {
    const facts = await stat(path, { bigint: true });
    if (toFileIdentity(facts) !== opened) return "replaced";
    return facts.size === 0n ? "emptied" : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Anything else, such as a missing permission on the folder, says nothing about the file.
    return code === "ENOENT" || code === "ENOTDIR" ? "deleted" : undefined;
  }
}
