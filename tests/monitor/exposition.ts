/**
 * A strict reader of Prometheus' text format
 * (https://prometheus.io/docs/instrumenting/exposition_formats/): throws at whatever a scrape or a linter would object to.
 */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly series: Map<string, number>;
}

const SERIES =
  /^([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (NaN|[+-]Inf|-?[\d.]+(?:e[+-]?\d+)?)$/;
const BASE_UNITS = /_(?:seconds|bytes|seconds_total|bytes_total)$/;
/** Units that are not the base of their kind, and abbreviations. */
const WRONG_UNITS = /_(?:ms|milliseconds|minutes|hours|kb|mb|kilobytes|megabytes|percent)(?:_|$)/;

export function parseExposition(text: string): ReadonlyMap<string, Metric> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const metrics = new Map<string, Metric>();
  let current: Metric | undefined;
  let help: RegExpExecArray | null = null;
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const helpHere = /^# HELP ([a-z_:][a-z0-9_:]*) (\S.*)$/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    if (helpHere) help = helpHere;
    else if (type) {
      if (!help || help[1] !== type[1]) throw new Error(`no HELP before ${line}`);
      if (metrics.has(type[1]!)) throw new Error(`a second ${line}`);
      current = { name: type[1]!, help: help[2]!, type: type[2]!, series: new Map() };
      metrics.set(current.name, current);
    } else addSeries(current, line);
  }
  for (const metric of metrics.values()) checkName(metric);
  return metrics;
}

function addSeries(metric: Metric | undefined, line: string): void {
  const match = SERIES.exec(line);
  if (!match) throw new Error(`not a line of the format: ${line}`);
  const [, name, labels = "", value] = match;
  const suffixes = metric?.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
  if (!suffixes.some((suffix) => name === `${metric?.name}${suffix}`)) throw new Error(`not below its TYPE: ${line}`);
  const key = `${name}{${labels.split(",").filter(Boolean).sort().join(",")}}`;
  if (metric!.series.has(key)) throw new Error(`twice: ${line}`);
  metric!.series.set(key, Number(value));
}

function checkName({ name, type }: Metric): void {
  if (!name.startsWith("muster_")) throw new Error(`${name} has not our prefix`);
  if (name.endsWith("_total") !== (type === "counter")) throw new Error(`${name} is a ${type}`);
  if (WRONG_UNITS.test(name)) throw new Error(`${name} has another unit than the base unit`);
  if (/(?:duration|delay|age|lag|ping|timestamp|memory|heap_|size_|free)/.test(name) && !BASE_UNITS.test(name)) {
    throw new Error(`${name} does not end in its unit`);
  }
}

/** Value of one series; undefined when it is not there. */
export function valueOf(metrics: ReadonlyMap<string, Metric>, name: string, key = `${name}{}`): number | undefined {
  return metrics.get(name)?.series.get(key);
}
