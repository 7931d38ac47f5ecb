import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generationName, parseTail } from "../../../src/database/backup/archive-index.ts";
import { ArchiveFiles } from "../../../src/database/sqlite/archive-files.ts";
import { readArchiveTail } from "../../../src/database/sqlite/archive-take-up.ts";
import { withFolder } from "../../helpers/database.ts";

describe("the files of the archive", () => {
  it("loses the lines of pruned segments when it has grown, and goes on behind the others", async () => {
    await withFolder((folder) => {
      let files = new ArchiveFiles(folder);
      const begin = (segment: number): void =>
        files.beginSegment("20261120T140509123Z-1", {
          ...{ kind: "segment", segment, salts: "0".repeat(16), checkpointSequence: segment },
          ...{ pageBytes: 4096, at: segment },
        });
      for (let segment = 1; segment <= 20; segment++) begin(segment);
      // One without a commit does not count.
      files.appendLines([{ kind: "settled", segment: 20, fingerprint: "x", at: 20 }]);
      const generation = join(folder, "20261120T140509123Z-1");
      for (let segment = 1; segment <= 15; segment++)
        rmSync(join(generation, `${String(segment).padStart(8, "0")}.wal`));
      files.close();
      files = new ArchiveFiles(folder, 1_000);
      files.takeUp(readArchiveTail(folder)!);
      begin(21);
      begin(22);
      files.sync();
      files.close();
      const lines = parseTail(readFileSync(join(generation, "index.ndjson")));
      expect(lines.map(({ segment }) => segment)).toEqual([16, 17, 18, 19, 20, 20, 21, 22]);
    });
  });

  it("writes over what a failed write left behind", async () => {
    await withFolder((folder) => {
      const log = join(folder, "log");
      writeFileSync(log, Buffer.alloc(100, 7));
      mkdirSync(join(folder, "wal"));
      const files = new ArchiveFiles(join(folder, "wal"));
      const line = { salts: "0".repeat(16), checkpointSequence: 1, pageBytes: 4096, at: 1 };
      files.beginSegment("20261120T140509123Z-1", { kind: "segment", segment: 1, ...line });
      files.close();
      const index = join(folder, "wal", "20261120T140509123Z-1", "index.ndjson");
      const sound = readFileSync(index);
      writeFileSync(index, Buffer.concat([sound, Buffer.from('{"crc32":"torn')]));
      const tail = { generation: "20261120T140509123Z-1", segment: 1, offset: 32, indexBytes: sound.length };
      files.takeUp({ ...tail, header: undefined, checksum: "", at: 1, fingerprint: undefined });
      files.appendLines([{ kind: "settled", segment: 1, fingerprint: "x", at: 2 }]);
      files.close();
      expect(parseTail(readFileSync(index)).map(({ kind }) => kind)).toEqual(["segment", "settled"]);
    });
  });
});

describe("the name of a generation", () => {
  it("sorts behind the one before it, also when the clock was set back", () => {
    const at = Date.UTC(2026, 10, 20, 14, 5, 9, 123);
    const first = generationName(at, "a", undefined);
    expect(first).toBe("20261120T140509123Z-a");
    expect(generationName(at + 1_000, "b", first)).toBe("20261120T140510123Z-b");
    expect(generationName(at - 3_600_000, "c", first)).toBe("20261120T140509124Z-c");
    expect(generationName(at, "0", first)).toBe("20261120T140509124Z-0");
  });
});
