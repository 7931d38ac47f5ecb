import type { Clock } from "../../core/clock.ts";
import type { Part } from "../../core/lifecycle.ts";
import type { Logger } from "../../core/logger.ts";
import type { HealthProblem } from "../../database/health/health-types.ts";
import type { SystemEvent } from "../../store/system-event.ts";
import type { AlertRow } from "../api-types.ts";
import { AlertCenter } from "./alert-center.ts";
import { AlertMemory } from "./alert-memory.ts";
import { findingsOf, outlivesRestart, signalsOf } from "./alert-rules.ts";
import type { AlertNotice, AlertSink } from "./alert.ts";
import { createChannelSink, type SendToChannel } from "./channel-sink.ts";
import { createLogSink } from "./log-sink.ts";
import { WebhookSink } from "./webhook-sink.ts";

export interface AlertsOptions {
  /** `ALERT_WEBHOOK_URL`. */
  readonly webhookUrl: () => string | undefined;
  /** Puts a line into the operator's channel, or lets it wait until that can be reached. */
  readonly sendToChannel: SendToChannel;
  /** Where what people were told of is kept over a restart; undefined = nowhere. */
  readonly memoryPath: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** From what happens and what is measured to the people who have to know of it. */
export class Alerts implements Part {
  readonly name = "alerts";
  readonly #center: AlertCenter;
  readonly #memory: AlertMemory | undefined;
  readonly #sinks: readonly AlertSink[];

  constructor({ webhookUrl, sendToChannel, memoryPath, clock, logger }: AlertsOptions) {
    this.#sinks = [
      createLogSink(logger),
      new WebhookSink({ url: webhookUrl, clock, logger }),
      createChannelSink(sendToChannel),
    ];
    this.#center = new AlertCenter({ clock, onNotice: (notice) => this.#tell(notice) });
    if (memoryPath !== undefined) this.#memory = new AlertMemory(memoryPath, logger);
  }

  async start(): Promise<void> {
    if (this.#memory) this.#center.restore(await this.#memory.load(), outlivesRestart);
  }

  async stop(): Promise<void> {
    this.#center.stop();
    for (const sink of this.#sinks) await sink.stop?.();
    await this.#memory?.settle();
  }

  take(event: SystemEvent): void {
    for (const signal of signalsOf(event)) this.#center.signal(signal);
  }

  /** All problems that a sample of the health monitor shows. */
  sample(problems: readonly HealthProblem[]): void {
    this.#center.sample(findingsOf(problems));
  }

  /** Those that last, critical ones first, then those that are over. */
  list(): readonly AlertRow[] {
    return this.#center.alerts();
  }

  #tell(notice: AlertNotice): void {
    for (const sink of this.#sinks) sink.send(notice);
    this.#memory?.save(() => this.#center.store());
  }
}
