import type { HealthSample } from "../database/health/health-types.ts";
import { SampleReducer } from "../database/health/sample-reducer.ts";

/** At most `maxCount` samples that tell the same; the order is kept. */
export function thinSamples(samples: readonly HealthSample[], maxCount: number): readonly HealthSample[] {
  if (samples.length <= maxCount) return samples;
  const reducer = new SampleReducer(samples[0]!.at, samples.at(-1)!.at, maxCount);
  for (const sample of samples) reducer.add(sample);
  return reducer.points;
}
