import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createFolder, FILE_MODE } from "./durable-file.ts";
import { createReference } from "./ids.ts";

/** Creates the folder (0700) unless it exists, and rejects when a file cannot be written in it, for whatever reason. */
export async function requireWritableFolder(path: string): Promise<void> {
  await createFolder(path);
  const probe = join(path, `.probe-${createReference()}`);
  try {
    // With content: on a full disk an empty file can still be made.
    await writeFile(probe, "written to see whether this folder can be written\n", { flag: "wx", mode: FILE_MODE });
  } finally {
    await rm(probe, { force: true });
  }
}
