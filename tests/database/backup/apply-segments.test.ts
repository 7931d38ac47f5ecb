import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import {
  applySegment,
  findSegmentEnd,
  type SegmentOutcome,
  type SegmentSpan,
} from "../../../src/database/backup/apply-segments.ts";
import { WAL_HEADER_BYTES } from "../../../src/database/sqlite/wal-format.ts";
import { withFolder } from "../../helpers/database.ts";

const PAGE_BYTES = 65_536;
const FRAME_BYTES = PAGE_BYTES + 24;
const SALTS = "0011223344556677";
/** The page that contains the byte 2^30. */
const LOCK_PAGE = 2 ** 30 / PAGE_BYTES + 1;

interface Frame {
  readonly page: number;
  /** 0 = no commit. */
  readonly pageCount: number;
}

/** A log as SQLite writes it, of pages that are full of their own number's last byte; and its checksum by frame. */
function createLog(frames: readonly Frame[]): { readonly log: Buffer; readonly checksums: readonly string[] } {
  let [first, second] = [0, 0];
  const add = (content: Buffer): void => {
    for (let at = 0; at < content.length; at += 8) {
      first = (first + content.readUInt32LE(at) + second) >>> 0;
      second = (second + content.readUInt32LE(at + 4) + first) >>> 0;
    }
  };
  const seal = (content: Buffer, at: number): void => {
    content.writeUInt32BE(first, at);
    content.writeUInt32BE(second, at + 4);
  };
  const header = Buffer.alloc(WAL_HEADER_BYTES);
  for (const [index, word] of [0x377f0682, 3_007_000, PAGE_BYTES, 0].entries()) header.writeUInt32BE(word, 4 * index);
  header.write(SALTS, 16, "hex");
  add(header.subarray(0, 24));
  seal(header, 24);
  const checksums: string[] = [];
  const parts = frames.map(({ page, pageCount }) => {
    const frame = Buffer.alloc(FRAME_BYTES, page % 256);
    frame.writeUInt32BE(page, 0);
    frame.writeUInt32BE(pageCount, 4);
    frame.write(SALTS, 8, "hex");
    add(frame.subarray(0, 8));
    add(frame.subarray(24));
    seal(frame, 16);
    checksums.push(frame.toString("hex", 16, 24));
    return frame;
  });
  return { log: Buffer.concat([header, ...parts]), checksums };
}

async function* inParts(content: Buffer, partBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += partBytes) yield content.subarray(at, at + partBytes);
}

/** Applies a log of these frames to an empty file; `pages` has the first byte of each page that is there. */
async function apply(
  frames: readonly Frame[],
  {
    pageCount,
    partBytes = 100_000,
    frameLimit = frames.length,
    span: changes = {},
  }: { pageCount: number; partBytes?: number; frameLimit?: number; span?: Partial<SegmentSpan> },
): Promise<{ outcome: SegmentOutcome; sizeBytes: number; pages: number[] }> {
  return withFolder(async (folder) => {
    const handle = openSync(join(folder, "target"), "w+");
    try {
      const { log, checksums } = createLog(frames);
      const to = { offset: WAL_HEADER_BYTES + frameLimit * FRAME_BYTES, checksum: checksums[frameLimit - 1]! };
      const span = { salts: SALTS, pageBytes: PAGE_BYTES, from: 0, to, ...changes };
      const outcome = await applySegment(inParts(log, partBytes), span, { handle, pageCount });
      const { size } = fstatSync(handle);
      const byte = Buffer.alloc(1);
      const pages: number[] = [];
      for (let at = 0; at < Math.min(size, 10 * PAGE_BYTES); at += PAGE_BYTES) {
        readSync(handle, byte, 0, 1, at);
        pages.push(byte[0]!);
      }
      return { outcome, sizeBytes: size, pages };
    } finally {
      closeSync(handle);
    }
  });
}

describe("applySegment", () => {
  it.each([23, 1_000, FRAME_BYTES, 10_000_000])(
    "puts every page in its place, read in parts of %d bytes",
    async (partBytes) => {
      const frames = [1, 2, 3, 2, 5, 4].map((page, index) => ({ page, pageCount: index === 5 ? 5 : 0 }));
      const { outcome, pages } = await apply(frames, { pageCount: 5, partBytes });
      expect([outcome, pages]).toEqual([{ kind: "applied", frameCount: 6 }, [1, 2, 3, 4, 5]]);
    },
  );

  it("stops at the commit that is asked for", async () => {
    const frames = [1, 2, 3].map((page) => ({ page, pageCount: page }));
    expect(await apply(frames, { pageCount: 2, frameLimit: 2 })).toMatchObject({ pages: [1, 2] });
  });

  it("applies only what is behind the place that is asked for", async () => {
    const frames = [1, 2].map((page) => ({ page, pageCount: page }));
    const span = { from: WAL_HEADER_BYTES + FRAME_BYTES };
    const { outcome, pages } = await apply(frames, { pageCount: 2, span });
    expect([outcome, pages]).toEqual([{ kind: "applied", frameCount: 1 }, [0, 2]]);
  });

  it("takes another segment than the one that is meant for damage, all of it", async () => {
    for (const span of [{ salts: "7766554433221100" }, { pageBytes: 4096 }]) {
      const { outcome } = await apply([{ page: 1, pageCount: 1 }], { pageCount: 1, span });
      expect(outcome).toMatchObject({ kind: "damaged", soundBytes: 0 });
    }
    const to = { offset: WAL_HEADER_BYTES + FRAME_BYTES, checksum: "0000000000000000" };
    const { outcome } = await apply([{ page: 1, pageCount: 1 }], { pageCount: 1, span: { salts: undefined, to } });
    expect(outcome).toMatchObject({ kind: "damaged", soundBytes: 0 });
  });

  it("never writes the page of the locks, nor pages behind the end of the database", async () => {
    const frames = [1, LOCK_PAGE, 9].map((page) => ({ page, pageCount: page === 9 ? LOCK_PAGE + 1 : 0 }));
    const whole = await apply(frames, { pageCount: LOCK_PAGE + 1 });
    expect([whole.outcome.kind, whole.sizeBytes]).toEqual(["applied", 9 * PAGE_BYTES]);
    expect(await apply(frames, { pageCount: 8 })).toMatchObject({ sizeBytes: PAGE_BYTES });
  });

  it("takes a page number that cannot be for damage, and counts what comes before it", async () => {
    for (const page of [0, 0xff_ff_ff_ff]) {
      const { outcome } = await apply(
        [
          { page: 1, pageCount: 1 },
          { page, pageCount: 2 },
        ],
        { pageCount: 0xff_ff_ff_ff },
      );
      expect(outcome).toMatchObject({ kind: "damaged", soundBytes: WAL_HEADER_BYTES + FRAME_BYTES });
    }
  });

  it("finds the last whole commit, not what follows it", async () => {
    const { log } = createLog([1, 2, 0, 4].map((pageCount) => ({ page: 1, pageCount })));
    const end = await findSegmentEnd(inParts(log.subarray(0, -1), 5_000));
    expect(end).toMatchObject({ offset: WAL_HEADER_BYTES + 2 * FRAME_BYTES, pageCount: 2 });
  });
});
