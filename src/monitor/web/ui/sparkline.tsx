import type { ReactNode } from "react";

export interface SparkPoint {
  readonly at: number;
  readonly value: number;
}

interface SparklineProps {
  readonly points: readonly SparkPoint[];
  readonly from: number;
  readonly to: number;
  /** The top of the picture at least, so that noise around zero does not look like a mountain. */
  readonly atLeast: number;
}

const WIDTH = 100;
const HEIGHT = 32;

/** A small line without axes, beside the figure that it belongs to. */
export function Sparkline({ points, from, to, atLeast }: SparklineProps): ReactNode {
  if (points.length < 2) return <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" />;
  const top = Math.max(atLeast, ...points.map(({ value }) => value)) * 1.1;
  const x = (at: number): string => (((at - from) / (to - from)) * WIDTH).toFixed(2);
  const y = (value: number): string => (HEIGHT - 1.5 - (value / top) * (HEIGHT - 3)).toFixed(2);
  const line = points.map(({ at, value }) => `${x(at)},${y(value)}`).join(" ");
  const first = x(points[0]?.at ?? from);
  const last = x(points.at(-1)?.at ?? to);
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <polygon points={`${first},${HEIGHT} ${line} ${last},${HEIGHT}`} />
      <polyline points={line} />
    </svg>
  );
}
