import { CALL_BUCKETS_SECONDS, type CallFigures, type DurationFigures } from "./call-figures.ts";

const NAME = "muster_database_call_duration_seconds";

/**
 * The histogram of calls in Prometheus' text format
 * (https://prometheus.io/docs/instrumenting/exposition_formats/): prom-client can only give out what went through its own.
 */
export function renderCallHistogram(calls: CallFigures): string {
  return [
    `# HELP ${NAME} Time that calls to the database took, by what came of them`,
    `# TYPE ${NAME} histogram`,
    ...calls.durations().flatMap(renderOutcome),
    "",
  ].join("\n");
}

function renderOutcome({ outcome, count, sumSeconds, buckets }: DurationFigures): string[] {
  let cumulative = 0;
  const bounds = CALL_BUCKETS_SECONDS.map((le, index) => {
    cumulative += buckets[index]!;
    return `${NAME}_bucket{outcome="${outcome}",le="${le}"} ${cumulative}`;
  });
  return [
    ...bounds,
    `${NAME}_bucket{outcome="${outcome}",le="+Inf"} ${count}`,
    `${NAME}_sum{outcome="${outcome}"} ${sumSeconds}`,
    `${NAME}_count{outcome="${outcome}"} ${count}`,
  ];
}
