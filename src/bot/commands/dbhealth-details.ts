import { formatSizeBytes } from "../../core/units.ts";
import type { HealthReport } from "../../database/health/health-types.ts";
import { formatDuration, formatMoment } from "../format-time.ts";
import type { Texts } from "../texts/texts.ts";

export interface HealthField {
  readonly name: string;
  readonly value: string;
}

/** The figures behind the words, for whoever looks for a reason. */
export function listHealthDetails({ database, backups, system, gateway }: HealthReport, texts: Texts): HealthField[] {
  const words = texts.admin.health.details;
  const { lastFiveMinutes: times, files, queue, cache } = database;
  const { archive } = backups;
  const fields: (HealthField | false)[] = [
    {
      name: words.answerTimes,
      value:
        times.count === 0
          ? words.notAsked
          : words.percentiles({
              count: times.count,
              ...{ p50: formatQueryTime(times.p50Ms), p95: formatQueryTime(times.p95Ms) },
              ...{ p99: formatQueryTime(times.p99Ms), max: formatQueryTime(times.maxMs) },
            }),
    },
    {
      name: words.queue,
      value: words.waiting(
        queue.size,
        queue.oldestAt === undefined ? undefined : formatMoment(queue.oldestAt, "relative"),
        queue.deadLetterCount,
      ),
    },
    files !== undefined && {
      name: words.files,
      value: words.sizes(
        formatSizeBytes(files.databaseBytes),
        formatSizeBytes(files.walBytes),
        formatSizeBytes(files.diskFreeBytes),
      ),
    },
    archive.lagMs !== undefined && { name: words.archive, value: words.lag(formatDuration(archive.lagMs)) },
    { name: words.breaker, value: words.breakerStates[database.breaker] },
    { name: words.cache, value: words.hits(cache.size, (100 * cache.hitRate).toFixed(0)) },
    {
      name: words.eventLoop,
      value: words.delays(formatDuration(system.eventLoopDelay.p99Ms), formatDuration(system.eventLoopDelay.maxMs)),
    },
    { name: words.memory, value: formatSizeBytes(system.memory.residentBytes) },
    {
      name: words.gateway,
      value: gateway.pingMs === undefined ? words.unknownPing : words.ping(formatDuration(gateway.pingMs)),
    },
  ];
  return fields.filter((field) => field !== false);
}

/** Queries take fractions of a millisecond, which `formatDuration` rounds away. */
export function formatQueryTime(ms: number): string {
  return ms < 10 ? `${ms.toFixed(2)} ms` : formatDuration(ms);
}
