import { Counter, Gauge, Registry } from "prom-client";
import type { HealthReport } from "../../database/health/health-types.ts";
import type { HealthSource } from "../health-source.ts";
import type { CallFigures } from "./call-figures.ts";
import { renderCallHistogram } from "./call-histogram.ts";
import { METRICS, type MetricDefinition } from "./definitions.ts";

const PREFIX = "muster_";

export interface MetricsOptions {
  readonly health: Pick<HealthSource, "report">;
  readonly calls: CallFigures;
  readonly getStreamCount: () => number;
}

type ReportMetric = (report: HealthReport) => void;

/** `/metrics`, in Prometheus' text format: everything is worked out when it is asked for, from one report. */
export class Metrics {
  readonly contentType: string;
  readonly #options: MetricsOptions;
  readonly #registry = new Registry();
  readonly #ofReport: readonly ReportMetric[];
  readonly #calls: Counter;
  readonly #callSeconds: Counter;
  readonly #streams: Gauge;

  constructor(options: MetricsOptions) {
    const registers = [this.#registry];
    const labelNames = ["operation", "outcome"];
    this.#options = options;
    this.contentType = this.#registry.contentType;
    this.#ofReport = METRICS.map((definition) => createReportMetric(definition, this.#registry));
    this.#calls = new Counter({
      name: `${PREFIX}database_calls_total`,
      help: "Calls to the database by operation and by what came of them",
      ...{ labelNames, registers },
    });
    this.#callSeconds = new Counter({
      name: `${PREFIX}database_call_seconds_total`,
      help: "Time that these calls took in all",
      ...{ labelNames, registers },
    });
    this.#streams = new Gauge({
      name: `${PREFIX}monitor_streams`,
      help: "Open streams of the monitor, one for each dashboard",
      registers,
    });
  }

  /** The whole text. */
  async render(): Promise<string> {
    const { health, calls, getStreamCount } = this.#options;
    const report = health.report();
    for (const update of this.#ofReport) update(report);
    this.#streams.set(getStreamCount());
    this.#calls.reset();
    this.#callSeconds.reset();
    for (const { name: operation, outcome, count, sumSeconds } of calls.operations()) {
      this.#calls.inc({ operation, outcome }, count);
      this.#callSeconds.inc({ operation, outcome }, sumSeconds);
    }
    return `${await this.#registry.metrics()}\n${renderCallHistogram(calls)}`;
  }
}

/** Replaces all lines of the metric by those of the report. */
function createReportMetric(definition: MetricDefinition, registry: Registry): ReportMetric {
  const { kind, help, read, labelNames: names } = definition;
  const configuration = { name: PREFIX + definition.name, help, labelNames: [...names], registers: [registry] };
  const metric = kind === "gauge" ? new Gauge(configuration) : new Counter(configuration);
  return (report) => {
    metric.reset();
    const value = read(report);
    if (value === undefined) metric.remove();
    else if (typeof value === "number") metric.inc(value);
    else for (const each of value) metric.inc(each.labels, each.value);
  };
}
