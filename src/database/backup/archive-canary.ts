import { sleep, type Clock } from "../../core/clock.ts";
import { Interval } from "../../core/interval.ts";
import { readArchiveEnd, type ArchivePosition } from "./archive-index.ts";

export interface ArchiveCanaryOptions {
  /** `backups/wal`. */
  readonly archiveFolder: string;
  /** Writes something that changes nothing, and resolves when it is acknowledged. */
  readonly mark: () => Promise<string>;
  /** Whether there is an archive, and a database that takes writes. */
  readonly isAvailable: () => boolean;
  readonly onError: (error: unknown) => void;
  readonly clock: Clock;
}

const INTERVAL_MS = 5 * 60_000;
const LOOK_INTERVAL_MS = 100;
/** The watch over the archive has raised the alarm long before. */
const PATIENCE_MS = 60_000;

/**
 * Measures how far the archive is behind, from one end to the other: a write is acknowledged, and the index on the disk
 * is looked at until it has come that far. Whatever stops in between, silently or not, shows.
 */
export class ArchiveCanary {
  readonly #options: ArchiveCanaryOptions;
  readonly #measuring: Interval;
  readonly #stopping = new AbortController();
  #lagMs: number | undefined;

  constructor(options: ArchiveCanaryOptions) {
    const { clock, onError } = options;
    this.#options = options;
    this.#measuring = new Interval({
      ...{ clock, onError },
      everyMs: () => INTERVAL_MS,
      run: async () => void (await this.measure()),
    });
  }

  /** As measured last, milliseconds; undefined before. Where the archive did not follow at all, how long was waited. */
  get lagMs(): number | undefined {
    return this.#lagMs;
  }

  start(): void {
    this.#measuring.start();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#measuring.stop();
  }

  /** Milliseconds from the acknowledgement until the archive has it, or until that was given up; undefined without an archive. */
  async measure(): Promise<number | undefined> {
    const { clock, mark, isAvailable, archiveFolder } = this.#options;
    if (!isAvailable()) return undefined;
    const before = await readArchiveEnd(archiveFolder);
    await mark();
    const acknowledgedAt = clock.monotonic();
    while (!this.#stopping.signal.aborted) {
      const hasFollowed = isBehind(before, await readArchiveEnd(archiveFolder));
      const waitedMs = clock.monotonic() - acknowledgedAt;
      // Until then the former measurement holds: one that fails again is not in order in between.
      if (hasFollowed || waitedMs >= PATIENCE_MS) return (this.#lagMs = waitedMs);
      await sleep(clock, LOOK_INTERVAL_MS);
    }
    return undefined;
  }
}

/** The mark is a commit, so the archive with it ends elsewhere than before. */
function isBehind(before: ArchivePosition | undefined, after: ArchivePosition | undefined): boolean {
  if (!after) return false;
  const isSame =
    before?.generation === after.generation && before.segment === after.segment && before.offset === after.offset;
  return !isSame;
}
