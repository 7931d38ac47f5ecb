import { MusterError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import type { ScrubPagesResult } from "../../../src/database/backup/scrub-pages.ts";
import { isProvedDamage, PageScrubber, type ScrubOutcome } from "../../../src/database/integrity/page-scrubber.ts";
import type { MaintenanceJob } from "../../../src/database/maintenance/maintenance-job.ts";
import { RecoveryLog } from "../../../src/resilience/recovery-log.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const UNREADABLE = new MusterError("BACKUP_DAMAGED", "prove the pages: segment 1 is damaged");
const clock = new ManualClock();

/** Numbers of damaged pages that one look after another finds, or what keeps it from looking. */
type Found = readonly number[] | Error;

async function scrub(looks: readonly Found[], repair: () => unknown): Promise<ScrubOutcome> {
  const remaining = [...looks];
  const run = async ({ kind }: MaintenanceJob): Promise<unknown> => {
    if (kind === "repair-pages") return repair();
    const found = remaining.shift() ?? [];
    if (found instanceof Error) throw found;
    const facts = { pageCount: 1_000, unprovenCount: 0, isLogDamaged: false, durationMs: 1 };
    return { ...facts, damagedPages: found } satisfies ScrubPagesResult;
  };
  const scrubber = new PageScrubber({
    ...{ databasePath: "/nowhere/test.db", backupFolder: "/nowhere/backups", clock, logger: silentLogger },
    settings: () => ({ isArchiving: true, key: undefined }),
    run: run as never,
    engine: { withFilesReleased: (_, work) => work(), flushArchive: async () => undefined },
    recovery: new RecoveryLog({ clock, logger: silentLogger }),
    onRepaired: () => undefined,
  });
  return scrubber.scrub();
}

const fail = (): never => {
  throw new MusterError("BACKUP_DAMAGED", "repair pages: the archive does not have what page 7 has to be");
};

function requireError(outcome: ScrubOutcome): MusterError {
  if (outcome.kind !== "damaged") throw new Error(`it is ${outcome.kind}`);
  return outcome.error;
}

describe("damage that the archive proves", () => {
  it("is mended in place when it is a few pages, and is proved when it is more", async () => {
    expect(await scrub([[7], [7]], () => ({ repairedPages: [7] }))).toEqual({ kind: "repaired", pages: [7] });
    const many = Array.from({ length: 65 }, (_, index) => index + 1);
    expect(isProvedDamage(requireError(await scrub([many], fail)))).toBe(true);
  });

  it("is looked at once more when it could not be mended, and what is there then counts", async () => {
    expect(await scrub([[7], [7], []], fail)).toMatchObject({ kind: "sound" });
    const error = requireError(await scrub([[7], [7], [7]], fail));
    expect(error.message).toContain("page 7");
    expect(isProvedDamage(error)).toBe(true);
    expect(isProvedDamage(requireError(await scrub([[7], [7], UNREADABLE], fail)))).toBe(false);
  });
});
