import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../src/core/clock.ts";
import { ArchiveCanary } from "../../../src/database/backup/archive-canary.ts";
import { withFolder } from "../../helpers/database.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

/** Goes on whenever somebody waits for it. */
class EagerClock extends ManualClock implements Clock {
  override schedule(delayMs: number, callback: () => void): () => void {
    const cancel = super.schedule(delayMs, callback);
    queueMicrotask(() => this.advance(delayMs));
    return cancel;
  }
}

describe("the canary of the archive", () => {
  it("counts one that does not follow as its patience, until it follows again", async () => {
    await withFolder(async (folder) => {
      let generation = 0;
      let isFollowing = true;
      const canary = new ArchiveCanary({
        ...{ archiveFolder: folder, clock: new EagerClock(), isAvailable: () => true, onError: () => undefined },
        async mark() {
          if (isFollowing) await mkdir(join(folder, `2026010${++generation}T000000000Z-00000000`));
          return "marked";
        },
      });
      expect(canary.lagMs).toBeUndefined();
      expect(await canary.measure()).toBe(0);
      isFollowing = false;
      expect(await canary.measure()).toBe(60_000);
      const measuring = canary.measure();
      expect(canary.lagMs).toBe(60_000);
      await measuring;
      isFollowing = true;
      await canary.measure();
      expect(canary.lagMs).toBe(0);
    });
  });
});
