import { open } from "node:fs/promises";
import type { Clock } from "../core/clock.ts";
import { toError } from "../core/errors.ts";
import { LineSplitter, type FoundLine } from "./spool-line.ts";
import { Turns } from "./spool-turns.ts";

/** Takes about 4 ms to check and parse. */
const CHUNK_BYTES = 128 * 1024;

/**
 * Visits the lines of a file of any size in their order, a chunk at a time and without holding up the event loop.
 * Returns the file's size. Rejects when it cannot be read (any further).
 */
export async function readLines(path: string, clock: Clock, visit: (line: FoundLine) => void): Promise<number> {
  const handle = await open(path, "r");
  try {
    const splitter = new LineSplitter();
    const turns = new Turns(clock);
    let sizeBytes = 0;
    for (;;) {
      // A new one each time: the rest of a line is kept as a part of it.
      const { bytesRead, buffer } = await handle
        .read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES)
        .catch((error: unknown) => {
          throw new Error(`read ${path}: ${toError(error).message}`, { cause: error });
        });
      turns.restart();
      sizeBytes += bytesRead;
      const chunk = buffer.subarray(0, bytesRead);
      for (const line of bytesRead === 0 ? splitter.end() : splitter.push(chunk)) {
        visit(line);
        if (turns.isOver) await turns.next();
      }
      if (bytesRead === 0) return sizeBytes;
    }
  } finally {
    await handle.close();
  }
}
