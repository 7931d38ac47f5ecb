import { ArchiveWatch, archiveLagMs } from "../../../src/database/backup/archive-watch.ts";
import type { ArchiveStatus } from "../../../src/database/sqlite/wal-archive.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const status = (members: Partial<ArchiveStatus>): ArchiveStatus => ({
  ...{ generation: "g1", segment: 1, offset: 32, at: 0, archivedUntil: undefined, pendingSince: undefined },
  ...{ gap: undefined, lastError: undefined, ...members },
});

describe("the watch over the archive", () => {
  it("tells of a gap once, and of none when a generation was only taken up", () => {
    const watch = new ArchiveWatch(new ManualClock());
    expect(watch.look(status({}), 1_000)).toEqual([]);
    const broken = status({ generation: "g2", gap: "another program has used the database" });
    expect(watch.look(broken, 1_000)).toEqual([
      { kind: "archive-gap", generation: "g2", reason: "another program has used the database" },
    ]);
    expect(watch.look(broken, 1_000)).toEqual([]);
  });

  it("tells once when the archive does not follow, and when it does again", () => {
    const clock = new ManualClock();
    const watch = new ArchiveWatch(clock);
    const waiting = status({ pendingSince: clock.now(), lastError: "no space left on device" });
    clock.advance(16_000);
    expect(watch.look(waiting, 1_000)).toEqual([]);
    clock.advance(1);
    expect(archiveLagMs(waiting, clock.now())).toBe(16_001);
    expect(watch.look(waiting, 1_000)).toEqual([
      { kind: "archive-behind", lagMs: 16_001, error: "no space left on device" },
    ]);
    expect(watch.look(waiting, 1_000)).toEqual([]);
    expect(watch.look(status({}), 1_000)).toEqual([{ kind: "archive-recovered" }]);
  });

  it("has nothing to say without an archive", () => {
    expect(new ArchiveWatch(new ManualClock()).look(undefined, 1_000)).toEqual([]);
  });
});
