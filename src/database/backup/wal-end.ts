import { open, type FileHandle } from "node:fs/promises";
import { parseWalHeader, WAL_HEADER_BYTES, WalScanner, type WalHeader } from "../sqlite/wal-format.ts";
import type { WalPosition } from "./snapshot-manifest.ts";

const READ_BYTES = 1024 ** 2;

/**
 * Where the last commit in a `-wal` file ends; undefined when there is none. Reading beside a bot that writes is fine
 * (fact 3: only the database file and its -shm must not be opened in its process, and this one may be another).
 */
export async function readWalEnd(walPath: string): Promise<WalPosition | undefined> {
  const file = await open(walPath, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (!file) return undefined;
  try {
    for (;;) {
      const header = await readHeader(file);
      if (!header) return undefined;
      const offset = await findLastCommit(file, header);
      // The file may have begun anew meanwhile: then the search ended where the new frames began.
      const headerAfter = await readHeader(file);
      if (headerAfter?.salts === header.salts)
        return offset === undefined ? undefined : { salts: header.salts, offset };
    }
  } finally {
    await file.close();
  }
}

async function readHeader(file: FileHandle): Promise<WalHeader | undefined> {
  const content = Buffer.alloc(WAL_HEADER_BYTES);
  const { bytesRead } = await file.read(content, 0, content.length, 0);
  return parseWalHeader(content.subarray(0, bytesRead));
}

async function findLastCommit(file: FileHandle, header: WalHeader): Promise<number | undefined> {
  const scanner = new WalScanner(header);
  const content = Buffer.alloc(Math.max(READ_BYTES, scanner.frameBytes));
  let lastCommit: number | undefined;
  for (;;) {
    const { offset } = scanner;
    const { bytesRead } = await file.read(content, 0, content.length, offset);
    lastCommit = scanner.scan(content.subarray(0, bytesRead)).at(-1)?.offset ?? lastCommit;
    if (scanner.offset === offset) return lastCommit;
  }
}
