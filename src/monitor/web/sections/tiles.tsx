import type { ReactNode } from "react";
import type { HealthReport, HealthSample } from "../../../database/health/health-types.ts";
import { RECENT_MS, useLive } from "../live/live-state.ts";
import { useNow } from "../live/ticker.ts";
import { formatAgo, formatBytes, formatCount, formatMs, formatPerSecond, formatShare } from "../text/format.ts";
import type { Tone } from "../text/headline.ts";
import { Sparkline, type SparkPoint } from "../ui/sparkline.tsx";

/** A line that has just begun starts at the left of its picture, but is not stretched over all of it. */
const SHORTEST_LINE_MS = 60_000;

interface Tile {
  readonly label: string;
  readonly value: (health: HealthReport, now: number) => string;
  readonly note: (health: HealthReport, now: number) => string;
  readonly tone?: (health: HealthReport) => Tone;
  /** For the line: from the live reports, and from samples for the time before the page was opened. */
  readonly live?: (health: HealthReport) => number | undefined;
  readonly sampled?: (sample: HealthSample) => number | undefined;
  /** What the line's picture reaches up to at least. */
  readonly atLeast?: number;
}

const TILES: readonly Tile[] = [
  {
    label: "Response time",
    value: ({ database: { lastMinute } }) => formatMs(lastMinute.count === 0 ? undefined : lastMinute.p95Ms),
    note: ({ database: { lastMinute } }) =>
      lastMinute.count === 0 ? "nothing was asked of late" : `95 % are faster, median ${formatMs(lastMinute.p50Ms)}`,
    tone: ({ database }) => byLimits(database.lastMinute.p95Ms, 2_000, 5_000),
    live: ({ database }) => database.lastMinute.p95Ms,
    sampled: ({ p95Ms }) => p95Ms,
    atLeast: 5,
  },
  {
    label: "Error rate",
    value: ({ database }) => formatShare(database.lastMinute.errorRate),
    note: ({ database }) => `${formatCount(database.lastMinute.errorCount)} in the last minute`,
    tone: ({ database }) => byLimits(database.lastMinute.errorRate, 0.05, 0.15),
    live: ({ database }) => database.lastMinute.errorRate,
    sampled: ({ errorRate }) => errorRate,
    atLeast: 0.05,
  },
  {
    label: "Database calls",
    value: ({ database }) => formatPerSecond(database.lastMinute.perSecond),
    note: ({ database }) => `${formatCount(database.queryCount)} since the start`,
    live: ({ database }) => database.lastMinute.perSecond,
    sampled: ({ perSecond }) => perSecond,
    atLeast: 1,
  },
  {
    label: "Waiting writes",
    value: ({ database }) => formatCount(database.queue.size),
    note: ({ database: { queue } }, now) =>
      queue.oldestAt === undefined ? "nothing waits" : `the oldest came ${formatAgo(queue.oldestAt, now)}`,
    tone: ({ database: { queue } }) => (queue.deadLetterCount > 0 ? "critical" : queue.size > 0 ? "warning" : "good"),
    live: ({ database }) => database.queue.size,
    sampled: ({ queueSize }) => queueSize,
    atLeast: 5,
  },
  {
    label: "Archive lag",
    value: ({ backups: { archive } }) => (archive.isEnabled ? formatMs(archive.lagMs) : "off"),
    note: ({ backups: { archive } }) =>
      archive.isEnabled ? "would be lost with the disk" : "only snapshots can be restored",
    tone: ({ backups: { archive } }) => (archive.status === "behind" ? "warning" : "good"),
    live: ({ backups }) => backups.archive.lagMs,
    sampled: ({ archiveLagMs }) => archiveLagMs,
    atLeast: 1_500,
  },
  {
    label: "Last backup",
    value: ({ backups }, now) => (backups.lastBackupAt === undefined ? "none" : formatAgo(backups.lastBackupAt, now)),
    note: ({ backups }, now) => backupNote(backups, now),
    tone: ({ backups }) => (backups.backupStatus === "FAILED" ? "critical" : "good"),
  },
  {
    label: "Discord",
    value: ({ gateway }) => (gateway.isConnected ? formatPing(gateway.pingMs) : "away"),
    note: ({ gateway }) =>
      `ping · ${formatCount(gateway.reconnectCount)} reconnects, ${formatCount(gateway.rateLimitCount)} rate limits`,
    tone: ({ gateway }) => (gateway.isConnected ? "good" : "critical"),
    live: ({ gateway }) => gateway.pingMs,
    atLeast: 50,
  },
  {
    label: "Event loop",
    value: ({ system }) => formatMs(system.eventLoopDelay.p99Ms),
    note: ({ system }) => `99 % wait less, at most ${formatMs(system.eventLoopDelay.maxMs)}`,
    tone: ({ system }) => byLimits(system.eventLoopDelay.p99Ms, 100, 1_000),
    live: ({ system }) => system.eventLoopDelay.p99Ms,
    sampled: ({ eventLoopP99Ms }) => eventLoopP99Ms,
    atLeast: 30,
  },
];

function formatPing(pingMs: number | undefined): string {
  return pingMs === undefined ? "connected" : formatMs(pingMs);
}

function backupNote({ backupStatus, lastBackupBytes, nextBackupAt }: HealthReport["backups"], now: number): string {
  if (backupStatus === "IN_PROGRESS") return "one is being made now";
  if (backupStatus === "FAILED") return "the latest attempt failed";
  const size = lastBackupBytes === undefined ? "" : `${formatBytes(lastBackupBytes)}, `;
  if (nextBackupAt !== undefined && nextBackupAt <= now) return `${size}the next is due`;
  return nextBackupAt === undefined ? `${size}none is planned` : `${size}the next ${formatAgo(nextBackupAt, now)}`;
}

function byLimits(value: number, warning: number, critical: number): Tone {
  return value >= critical ? "critical" : value >= warning ? "warning" : "good";
}

/** The figures that matter, each with its last minutes as a line. */
export function Tiles(): ReactNode {
  const health = useLive((live) => live.health);
  const history = useLive((live) => live.history);
  const samples = useLive((live) => live.samples);
  const now = useNow();
  return (
    <ul className="tiles" aria-label="Key figures" aria-busy={!health}>
      {TILES.map((tile) => (
        <li key={tile.label} className={`tile tone-${(health && tile.tone?.(health)) ?? "good"}`}>
          <p className="tile-label">{tile.label}</p>
          <p className="tile-value">{health ? tile.value(health, now) : <span className="skeleton-word" />}</p>
          <p className="tile-note">{health ? tile.note(health, now) : " "}</p>
          {tile.live && <TileLine tile={tile} history={history} samples={samples} />}
        </li>
      ))}
    </ul>
  );
}

interface TileLineProps {
  readonly tile: Tile;
  readonly history: readonly HealthReport[];
  readonly samples: readonly HealthSample[];
}

function TileLine({ tile, history, samples }: TileLineProps): ReactNode {
  const points = pointsOf(tile, history, samples);
  const to = history.at(-1)?.at ?? 0;
  const from = Math.min(points[0]?.at ?? to, to - SHORTEST_LINE_MS);
  return <Sparkline points={points} from={from} to={to} atLeast={tile.atLeast ?? 1} />;
}

function pointsOf(tile: Tile, history: readonly HealthReport[], samples: readonly HealthSample[]): SparkPoint[] {
  const liveFrom = history[0]?.at ?? Infinity;
  const earliest = (history.at(-1)?.at ?? 0) - RECENT_MS;
  const before = samples.filter(({ at }) => at < liveFrom && at >= earliest);
  return [
    ...before.map((sample) => ({ at: sample.at, value: tile.sampled?.(sample) })),
    ...history.map((report) => ({ at: report.at, value: tile.live?.(report) })),
  ].filter((point): point is SparkPoint => point.value !== undefined);
}
