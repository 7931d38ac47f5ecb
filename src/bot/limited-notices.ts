import { ActivityType, type Client } from "discord.js";
import type { Clock } from "../core/clock.ts";
import type { DegradationState, GracefulDegradation } from "../resilience/graceful-degradation.ts";
import type { TrackedEvents } from "./events/tracked-events.ts";
import { formatDuration } from "./format-time.ts";
import type { GuildAlerts } from "./guild-alerts.ts";
import type { Texts } from "./texts/texts.ts";

/** What is over sooner is not worth a message. */
const NOTICE_DELAY_MS = 5_000;

export interface LimitedNoticesOptions {
  readonly client: Client;
  readonly degradation: GracefulDegradation;
  readonly tracked: TrackedEvents;
  readonly alerts: GuildAlerts;
  readonly clock: Clock;
  readonly texts: Texts;
}

/**
 * Says once that functionality is limited, and once that it is back: to everybody by the bot's own status, and to the
 * people of each server that has events in the channel that its flag `alert-channel` names.
 */
export class LimitedNotices {
  readonly #options: LimitedNoticesOptions;
  /** Since when it is limited (monotonic), and whether people have been told. */
  #limited: { readonly sinceMs: number; isTold: boolean; cancelTimer: () => void } | undefined;
  readonly #unsubscribe: () => void;

  constructor(options: LimitedNoticesOptions) {
    this.#options = options;
    this.#unsubscribe = options.degradation.onChange((state) => this.#follow(state));
    this.#follow(options.degradation.state);
  }

  stop(): void {
    this.#unsubscribe();
    this.#limited?.cancelTimer();
  }

  #follow(state: DegradationState): void {
    const { clock, texts } = this.#options;
    if (state.kind === "normal") {
      this.#end();
      return;
    }
    // From read-only to offline and back is still one limitation: nobody is told twice.
    if (this.#limited) return;
    const cancelTimer = clock.schedule(NOTICE_DELAY_MS, () => {
      const { state: current } = this.#options.degradation;
      if (!this.#limited || current.kind === "normal") return;
      this.#limited.isTold = true;
      this.#setStatus(texts.failures.limitedStatus);
      this.#alert(texts.failures.limitedNotice(current.kind));
    });
    this.#limited = { sinceMs: clock.monotonic(), isTold: false, cancelTimer };
  }

  #end(): void {
    const { clock, texts } = this.#options;
    const limited = this.#limited;
    if (!limited) return;
    this.#limited = undefined;
    limited.cancelTimer();
    if (!limited.isTold) return;
    this.#setStatus(undefined);
    this.#alert(texts.failures.restoredNotice(formatDuration(clock.monotonic() - limited.sinceMs)));
  }

  #setStatus(text: string | undefined): void {
    const { client } = this.#options;
    if (!client.isReady()) return;
    if (text === undefined) client.user.setPresence({ status: "online", activities: [] });
    else
      client.user.setPresence({
        status: "idle",
        activities: [{ name: "limited", type: ActivityType.Custom, state: text }],
      });
  }

  #alert(content: string): void {
    const { client, tracked, alerts } = this.#options;
    for (const guildId of client.guilds.cache.keys()) {
      if (tracked.listByGuild(guildId).length > 0) alerts.send(guildId, content);
    }
  }
}
