import { ArchiveWatch } from "../../../src/database/backup/archive-watch.ts";
import type { ArchiveStatus } from "../../../src/database/sqlite/wal-archive.ts";

const status = (members: Partial<ArchiveStatus>): ArchiveStatus => ({
  ...{ generation: "g1", segment: 1, offset: 32, at: 0, archivedUntil: undefined, pendingSince: undefined },
  ...{ pendingMs: 0, gap: undefined, lastError: undefined, ...members },
});

describe("the watch over the archive", () => {
  it("tells of a gap once, and of none when a generation was only taken up", () => {
    const watch = new ArchiveWatch();
    expect(watch.look(status({}), 1_000)).toEqual([]);
    const broken = status({ generation: "g2", gap: "another program has used the database" });
    expect(watch.look(broken, 1_000)).toEqual([
      { kind: "archive-gap", generation: "g2", reason: "another program has used the database" },
    ]);
    expect(watch.look(broken, 1_000)).toEqual([]);
  });

  it("tells once when the archive does not follow, and when it does again", () => {
    const watch = new ArchiveWatch();
    const waiting = (pendingMs: number): ArchiveStatus =>
      status({ pendingSince: 5, pendingMs, lastError: "no space left on device" });
    expect(watch.look(waiting(16_000), 1_000)).toEqual([]);
    expect(watch.look(waiting(16_001), 1_000)).toEqual([
      { kind: "archive-behind", lagMs: 16_001, error: "no space left on device" },
    ]);
    expect(watch.look(waiting(16_002), 1_000)).toEqual([]);
    // The thread was started anew, and counts anew.
    expect(watch.look(waiting(10), 1_000)).toEqual([]);
    expect(watch.look(status({ lastError: "no space left on device" }), 1_000)).toEqual([]);
    expect(watch.look(status({}), 1_000)).toEqual([{ kind: "archive-recovered" }]);
  });

  it("has nothing to say without an archive", () => {
    expect(new ArchiveWatch().look(undefined, 1_000)).toEqual([]);
  });
});
