import { statSync } from "node:fs";
import { join } from "node:path";
import { Checkpointer, type CheckpointerOptions, type WalState } from "../../../src/database/sqlite/checkpointer.ts";
import {
  openReaderConnection,
  openWriterConnection,
  type ConnectionOptions,
  type SqliteConnection,
} from "../../../src/database/sqlite/connection.ts";
import { withFolder } from "../../helpers/database.ts";

const FRAME_BYTES = 4_096 + 24;
const LIMIT_FRAMES = 64;

interface Rig {
  readonly writer: SqliteConnection;
  readonly checkpointer: Checkpointer;
  /** Commits one transaction that makes at least so many frames. */
  readonly write: (frameCount: number) => void;
  /** Begins to read; returns what ends it. */
  readonly read: () => () => void;
  readonly walFileBytes: () => number;
}

async function withRig(options: Partial<CheckpointerOptions>, body: (rig: Rig) => void): Promise<void> {
  await withFolder((folder) => {
    const path = join(folder, "test.db");
    const connection: ConnectionOptions = {
      ...{ path, synchronous: "full", isForeignKeysEnabled: true, cacheSizeBytes: 1024 ** 2 },
    };
    const writer = openWriterConnection(connection);
    writer.database.exec("CREATE TABLE blob (content BLOB NOT NULL) STRICT");
    writer.database.pragma("wal_checkpoint(TRUNCATE)");
    const reader = openReaderConnection(connection);
    const checkpointer = new Checkpointer({
      ...{ connection: writer, walLimitBytes: LIMIT_FRAMES * FRAME_BYTES, ...options },
    });
    const write = (frameCount: number): void =>
      void writer.statements.prepare("INSERT INTO blob (content) VALUES (zeroblob(?))").run(frameCount * 4_096);
    const read = (): (() => void) => {
      reader.database.exec("BEGIN");
      reader.statements.prepare("SELECT count(*) FROM blob").get();
      return () => void reader.database.exec("COMMIT");
    };
    try {
      body({ writer, checkpointer, write, read, walFileBytes: () => statSync(`${path}-wal`).size });
    } finally {
      reader.database.close();
      writer.database.close();
    }
  });
}

describe("a checkpoint", () => {
  it("is due by the bytes in the WAL, not by the number of writes", async () => {
    await withRig({}, ({ checkpointer, write }) => {
      for (let count = 0; count < 10; count++) write(1);
      expect(checkpointer.isDue).toBe(false);
      write(LIMIT_FRAMES);
      expect(checkpointer.isDue).toBe(true);
    });
  });

  it("is wanted as long as the WAL has something that the database file has not", async () => {
    await withRig({}, ({ checkpointer, write }) => {
      expect(checkpointer.isWanted).toBe(false);
      write(1);
      expect(checkpointer.isWanted).toBe(true);
      const { walFrameCount, checkpointedFrameCount } = checkpointer.checkpoint();
      expect(walFrameCount).toBeGreaterThan(0);
      expect(checkpointedFrameCount).toBe(walFrameCount);
      expect(checkpointer.isWanted).toBe(false);
    });
  });

  it("lets the WAL be written anew in the same space, and is due again when it is full again", async () => {
    await withRig({}, ({ checkpointer, write, walFileBytes }) => {
      write(LIMIT_FRAMES);
      checkpointer.checkpoint();
      const bytes = walFileBytes();
      write(LIMIT_FRAMES / 2);
      expect(checkpointer.isDue).toBe(false);
      write(LIMIT_FRAMES / 4);
      expect(checkpointer.isDue).toBe(false);
      expect(walFileBytes()).toBe(bytes);
      write(LIMIT_FRAMES / 4);
      expect(checkpointer.isDue).toBe(true);
    });
  });

  it("is due again soon, and not with every write, while a reader keeps the WAL from being written anew", async () => {
    await withRig({}, ({ checkpointer, write, read }) => {
      write(1);
      const endReading = read();
      write(LIMIT_FRAMES);
      const { walFrameCount, checkpointedFrameCount } = checkpointer.checkpoint();
      expect(checkpointedFrameCount).toBeLessThan(walFrameCount);
      write(1);
      expect(checkpointer.isDue).toBe(false);
      write(LIMIT_FRAMES / 8);
      expect(checkpointer.isDue).toBe(true);
      endReading();
      checkpointer.checkpoint();
      write(1);
      expect(checkpointer.measure().walFrameCount).toBeLessThan(LIMIT_FRAMES / 8);
    });
  });

  it("comes after what was registered to happen before it, which sees every frame still in the WAL", async () => {
    const seen: number[] = [];
    let measure = (): number => 0;
    await withRig({ beforeCheckpoint: () => void seen.push(measure()) }, ({ checkpointer, write }) => {
      measure = () => checkpointer.measure().walFrameCount - checkpointer.measure().checkpointedFrameCount;
      write(10);
      checkpointer.checkpoint();
      write(20);
      checkpointer.makeRoom();
      expect(seen).toHaveLength(2);
      expect(seen[0]).toBeGreaterThanOrEqual(10);
      expect(seen[1]).toBeGreaterThanOrEqual(20);
    });
  });

  it("tells how it left the WAL", async () => {
    const states: WalState[] = [];
    await withRig({ afterCheckpoint: (state) => void states.push(state) }, ({ checkpointer, write, read }) => {
      write(10);
      const endReading = read();
      write(1);
      const hindered = checkpointer.checkpoint();
      endReading();
      checkpointer.makeRoom();
      expect(states).toEqual([hindered, { walFrameCount: 0, checkpointedFrameCount: 0 }]);
    });
  });

  it("is not made when what comes before it fails, and not tried again with the next write", async () => {
    const beforeCheckpoint = (): never => {
      throw new Error("the archive is full");
    };
    await withRig({ beforeCheckpoint }, ({ checkpointer, write }) => {
      write(LIMIT_FRAMES);
      expect(() => checkpointer.checkpoint()).toThrow("the archive is full");
      expect(() => checkpointer.makeRoom()).toThrow("the archive is full");
      expect(checkpointer.measure().checkpointedFrameCount).toBe(0);
      expect(checkpointer.isWanted).toBe(true);
      write(1);
      expect(checkpointer.isDue).toBe(false);
      write(LIMIT_FRAMES / 8);
      expect(checkpointer.isDue).toBe(true);
    });
  });

  it("is never due in memory", async () => {
    const connection = openWriterConnection({
      ...{ path: ":memory:", synchronous: "full", isForeignKeysEnabled: true, cacheSizeBytes: 1024 ** 2 },
    });
    const checkpointer = new Checkpointer({ connection, walLimitBytes: FRAME_BYTES });
    connection.database.exec("CREATE TABLE entry (id INTEGER PRIMARY KEY) STRICT");
    expect(checkpointer.isDue).toBe(false);
    expect(checkpointer.isWanted).toBe(false);
    expect(checkpointer.checkpoint()).toEqual({ walFrameCount: 0, checkpointedFrameCount: 0 });
    expect(checkpointer.makeRoom()).toBe(false);
    connection.database.close();
  });
});

describe("making room on a full disk", () => {
  it("gives the WAL's whole space back", async () => {
    await withRig({}, ({ checkpointer, write, walFileBytes }) => {
      write(LIMIT_FRAMES);
      expect(checkpointer.makeRoom()).toBe(true);
      expect(walFileBytes()).toBe(0);
    });
  });

  it("says so when there was nothing to give", async () => {
    await withRig({}, ({ checkpointer, write }) => {
      write(1);
      checkpointer.makeRoom();
      expect(checkpointer.makeRoom()).toBe(false);
    });
  });

  it("does not wait for a reader, and moves what that one lets it", async () => {
    await withRig({}, ({ writer, checkpointer, write, read }) => {
      write(10);
      const endReading = read();
      write(1);
      const busyTimeoutMs = writer.database.pragma("busy_timeout", { simple: true });
      writer.database.pragma("busy_timeout = 20000");
      const startedAt = performance.now();
      expect(checkpointer.makeRoom()).toBe(true);
      expect(checkpointer.makeRoom()).toBe(false);
      expect(performance.now() - startedAt).toBeLessThan(10_000);
      expect(writer.database.pragma("busy_timeout", { simple: true })).toBe(20_000);
      expect(busyTimeoutMs).toBeGreaterThan(0);
      endReading();
      expect(checkpointer.makeRoom()).toBe(true);
    });
  });
});

it("a WAL that a long reader let grow is cut to twice its limit when it is written anew", async () => {
  await withRig({}, ({ checkpointer, write, read, walFileBytes }) => {
    const endReading = read();
    write(LIMIT_FRAMES * 10);
    endReading();
    checkpointer.checkpoint();
    expect(walFileBytes()).toBeGreaterThan(LIMIT_FRAMES * 10 * FRAME_BYTES);
    write(1);
    expect(walFileBytes()).toBeLessThanOrEqual(LIMIT_FRAMES * 2 * FRAME_BYTES + 32);
  });
});
