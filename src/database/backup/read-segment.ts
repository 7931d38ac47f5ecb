import { join } from "node:path";
import { isMusterError } from "../../core/errors.ts";
import { listSegmentFiles, type ArchivedSegment } from "./archive-catalogue.ts";
import type { BackupKey } from "./encryption.ts";
import { readStoredFile } from "./stored-file.ts";

/**
 * The content of a segment in parts, as `readStoredFile` gives it. Another process may have sealed it since the folder was
 * listed: then the file that was known is gone, and another one holds the same.
 */
export async function* readSegment(
  generationFolder: string,
  { number, files }: Pick<ArchivedSegment, "number" | "files">,
  key: BackupKey | undefined,
): AsyncGenerator<Buffer> {
  const gone = new Set<string>();
  for (let file = files[0]; file;) {
    const { name, isCompressed, isEncrypted } = file;
    try {
      const form = { compression: isCompressed ? "zstd" : "none", isEncrypted, key } as const;
      yield* readStoredFile(join(generationFolder, name), form);
      return;
    } catch (error) {
      // It is opened before anything of it is given on.
      if (!isGone(error)) throw error;
      gone.add(name);
      const present = (await listSegmentFiles(generationFolder)).get(number) ?? [];
      file = present.find((other) => !gone.has(other.name));
      if (!file) throw error;
    }
  }
}

function isGone(error: unknown): boolean {
  return (
    isMusterError(error, "BACKUP_DAMAGED") && (error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT"
  );
}
