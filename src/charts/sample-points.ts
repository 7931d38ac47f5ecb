import type { HealthSample } from "../database/health/health-types.ts";
import type { Point } from "./chart-option.ts";

/** A pause this many times as long as usual between two samples means that the program was not running. */
const GAP_FACTOR = 6;

/** Times of answers. Samples without any call are left out: nothing was measured then, not zero. */
export function responsePoints(
  samples: readonly HealthSample[],
  figure: "averageResponseMs" | "p50Ms" | "p95Ms" | "p99Ms",
): Point[] {
  const gapMs = longestStepMs(samples);
  return withGaps(samples, gapMs, (sample) => (sample.queryCount > 0 ? sample[figure] : undefined));
}

/** One figure of each sample; undefined is left out. The line breaks where the program was not running. */
export function samplePoints(
  samples: readonly HealthSample[],
  figure: (sample: HealthSample) => number | undefined,
): Point[] {
  return withGaps(samples, longestStepMs(samples), figure);
}

function withGaps(
  samples: readonly HealthSample[],
  gapMs: number,
  figure: (sample: HealthSample) => number | undefined,
): Point[] {
  const points: Point[] = [];
  let previousAt: number | undefined;
  for (const sample of samples) {
    if (previousAt !== undefined && sample.at - previousAt > gapMs) points.push([previousAt + 1, null]);
    previousAt = sample.at;
    const value = figure(sample);
    if (value !== undefined) points.push([sample.at, value]);
  }
  return points;
}

function longestStepMs(samples: readonly HealthSample[]): number {
  const steps = samples.slice(1).map((sample, index) => sample.at - samples[index]!.at);
  const usual = steps.sort((left, right) => left - right)[Math.floor(steps.length / 2)];
  return usual === undefined ? Infinity : usual * GAP_FACTOR;
}

/** A stretch of time in which the database was not well. */
export interface DowntimeBand {
  readonly from: number;
  readonly to: number;
  readonly state: "read-only" | "offline";
}

/** Stretches of samples that were read-only or offline; each lasts until the first sample that says otherwise. */
export function downtimeBands(samples: readonly HealthSample[]): DowntimeBand[] {
  const bands: DowntimeBand[] = [];
  for (const [index, { at, connectionStatus }] of samples.entries()) {
    if (connectionStatus === "normal") continue;
    const last = bands.at(-1);
    const to = samples[index + 1]?.at ?? at;
    if (last?.to === at && last.state === connectionStatus) bands[bands.length - 1] = { ...last, to };
    else bands.push({ from: at, to, state: connectionStatus });
  }
  return bands;
}

export interface BackupMark {
  readonly at: number;
  readonly succeeded: boolean;
}

/** When backups were made within the samples' time, and when one failed. */
export function backupMarks(samples: readonly HealthSample[]): BackupMark[] {
  const start = samples[0]?.at ?? 0;
  const marks: BackupMark[] = [];
  for (const [index, { at, lastBackupAt, backupStatus }] of samples.entries()) {
    const before = samples[index - 1];
    if (lastBackupAt !== undefined && lastBackupAt >= start && lastBackupAt !== before?.lastBackupAt) {
      marks.push({ at: lastBackupAt, succeeded: true });
    }
    if (before && backupStatus === "FAILED" && before.backupStatus !== "FAILED") marks.push({ at, succeeded: false });
  }
  return marks;
}
