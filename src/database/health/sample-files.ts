import { createReadStream } from "node:fs";
import { appendFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createFolder, FILE_MODE } from "../../core/durable-file.ts";
import { listExpiredDays } from "../day-files.ts";
import type { HealthSample } from "./health-types.ts";

/**
 * Samples on the disk, one file a day (UTC), one line each. A power cut may cost the last ones: they are not worth waiting
 * for the disk. Files are read piece by piece, so that a month of them keeps nobody waiting.
 */

const DAY_MS = 86_400_000;
/** The years that are written with four digits end here. */
const LAST_MOMENT = Date.UTC(9999, 11, 31);
const FILE_NAME = /^(\d{4}-\d{2}-\d{2})\.ndjson$/;

export class SampleFiles {
  readonly #folder: string;
  #path: string | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async append(sample: HealthSample): Promise<void> {
    const path = join(this.#folder, `${dayOf(sample.at)}.ndjson`);
    const line = `${JSON.stringify(sample)}\n`;
    // An earlier run may have ended in the middle of a line.
    const isContinued = path === this.#path;
    if (!isContinued) await createFolder(this.#folder);
    await appendFile(path, isContinued ? line : `\n${line}`, { mode: FILE_MODE });
    this.#path = path;
  }

  /** Calls back on each sample between two moments, both included, the oldest first. What is not readable is left out. */
  async read(from: number, to: number, onSample: (sample: HealthSample) => void): Promise<void> {
    const [firstDay, lastDay] = [dayOf(from), dayOf(to)];
    for (const day of await this.#listDays()) {
      if (day < firstDay || day > lastDay) continue;
      for await (const line of readLines(join(this.#folder, `${day}.ndjson`))) {
        const sample = parseSample(line);
        if (sample && sample.at >= from && sample.at <= to) onSample(sample);
      }
    }
  }

  /** Removes days that are over for longer than this, but not the newest `keepDays` that there are. */
  async prune(now: number, keepDays: number): Promise<void> {
    for (const day of listExpiredDays(await this.#listDays(), dayOf(now - keepDays * DAY_MS), keepDays)) {
      await rm(join(this.#folder, `${day}.ndjson`), { force: true });
    }
  }

  async #listDays(): Promise<string[]> {
    try {
      const names = await readdir(this.#folder);
      return names.flatMap((name) => FILE_NAME.exec(name)?.[1] ?? []).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }
}

/** Other things get their turn between any two pieces of a file. */
async function* readLines(path: string): AsyncGenerator<string> {
  let rest = "";
  try {
    for await (const chunk of createReadStream(path, { encoding: "utf8" }) as AsyncIterable<string>) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      yield* lines;
    }
  } catch (error) {
    // Pruned meanwhile.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  yield rest;
}

function parseSample(line: string): HealthSample | undefined {
  if (line === "") return undefined;
  try {
    const sample = JSON.parse(line) as Partial<HealthSample> | null;
    return typeof sample?.at === "number" && typeof sample.queryCount === "number"
      ? (sample as HealthSample)
      : undefined;
  } catch {
    return undefined;
  }
}

function dayOf(at: number): string {
  // A range may begin or end beyond what a date can say.
  const bounded = Math.min(Math.max(at, 0), LAST_MOMENT);
  return new Date(bounded).toISOString().slice(0, 10);
}
