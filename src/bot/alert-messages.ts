import type { Client } from "discord.js";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { truncate } from "../roll-call/truncate.ts";
import { isTemporary } from "./discord-errors.ts";
import { formatMoment } from "./format-time.ts";
import type { Texts } from "./texts/texts.ts";

export interface AlertMessagesOptions {
  readonly isConnected: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly texts: Texts;
}

interface Line {
  readonly text: string;
  /** Of what it tells, epoch milliseconds. */
  readonly at: number;
}

interface ChannelQueue {
  readonly channelId: string;
  lines: Line[];
  omittedCount: number;
  /** Monotonic; no message before then. */
  readyAtMs: number;
  isFailing: boolean;
}

/** What comes within this time becomes one message. */
const COLLECT_MS = 500;
/** Between two messages to one channel: Discord allows five in five seconds, and people should be able to read them. */
const MESSAGE_INTERVAL_MS = 3_000;
/** While Discord is away it is looked this often whether it is back. */
const AWAY_INTERVAL_MS = 2_000;
/** After what may pass by itself: an overloaded Discord is not asked again at once. */
const RETRY_INTERVAL_MS = 30_000;
const MAX_LINES = 60;
const MAX_CHANNELS = 2_000;
const MAX_CONTENT_LENGTH = 2_000;
/** With a moment before it and a note of what was left out, it still fits into a message. */
const MAX_LINE_LENGTH = 1_800;
/** Lines that are sent later than this say when it was. */
const LATE_MS = 60_000;

/**
 * Sends alerts to channels so that no storm of them can get the bot into trouble: one request at a time, one message per
 * channel every few seconds with all that came meanwhile, and no more lines than it has room for. They wait while Discord
 * is away.
 */
export class AlertMessages {
  readonly #options: AlertMessagesOptions;
  readonly #queues = new Map<string, ChannelQueue>();
  #client: Client | undefined;
  #cancelTimer: (() => void) | undefined;
  #sending: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: AlertMessagesOptions) {
    this.#options = options;
  }

  follow(client: Client): void {
    this.#client = client;
  }

  send(channelId: string, text: string, at = this.#options.clock.now()): void {
    if (this.#isStopped) return;
    const queue = this.#open(channelId);
    queue.lines.push({ text, at });
    if (queue.lines.length > MAX_LINES) {
      queue.lines.shift();
      queue.omittedCount++;
    }
    this.#scheduleNext();
  }

  /** What is not sent yet is given up; it is in the log. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTimer?.();
    await this.#sending;
  }

  #open(channelId: string): ChannelQueue {
    let queue = this.#queues.get(channelId);
    if (!queue) {
      this.#forgetIdle();
      queue = { channelId, lines: [], omittedCount: 0, readyAtMs: -Infinity, isFailing: false };
      this.#queues.set(channelId, queue);
    }
    const { clock } = this.#options;
    if (queue.lines.length === 0) queue.readyAtMs = Math.max(queue.readyAtMs, clock.monotonic() + COLLECT_MS);
    return queue;
  }

  #forgetIdle(): void {
    if (this.#queues.size < MAX_CHANNELS) return;
    for (const [channelId, { lines }] of this.#queues) if (lines.length === 0) this.#queues.delete(channelId);
    const [oldest] = this.#queues.keys();
    if (this.#queues.size >= MAX_CHANNELS && oldest !== undefined) this.#queues.delete(oldest);
  }

  #scheduleNext(): void {
    this.#cancelTimer?.();
    if (this.#isStopped || this.#sending) return;
    const waiting = [...this.#queues.values()].filter(({ lines }) => lines.length > 0);
    if (waiting.length === 0) return;
    const { clock, isConnected } = this.#options;
    const dueMs = Math.max(Math.min(...waiting.map(({ readyAtMs }) => readyAtMs)) - clock.monotonic(), 0);
    const delayMs = isConnected() ? dueMs : Math.max(dueMs, AWAY_INTERVAL_MS);
    this.#cancelTimer = clock.schedule(delayMs, () => {
      if (!isConnected()) {
        this.#scheduleNext();
        return;
      }
      this.#sending = this.#sendDue().finally(() => {
        this.#sending = undefined;
        this.#scheduleNext();
      });
    });
  }

  async #sendDue(): Promise<void> {
    const nowMs = this.#options.clock.monotonic();
    for (const queue of this.#queues.values()) {
      if (this.#isStopped) return;
      if (queue.lines.length > 0 && queue.readyAtMs <= nowMs) await this.#sendOne(queue);
    }
  }

  async #sendOne(queue: ChannelQueue): Promise<void> {
    const { clock, logger } = this.#options;
    const { content, count } = this.#compose(queue);
    const omittedCount = queue.omittedCount;
    const taken = queue.lines.splice(0, count);
    queue.omittedCount = 0;
    try {
      await this.#post(queue.channelId, content);
      queue.readyAtMs = clock.monotonic() + MESSAGE_INTERVAL_MS;
      queue.isFailing = false;
    } catch (error) {
      const mayPass = isTemporary(error);
      queue.readyAtMs = clock.monotonic() + (mayPass ? RETRY_INTERVAL_MS : MESSAGE_INTERVAL_MS);
      if (mayPass) {
        queue.lines.unshift(...taken);
        queue.omittedCount += omittedCount + Math.max(queue.lines.length - MAX_LINES, 0);
        queue.lines = queue.lines.slice(-MAX_LINES);
      }
      // Once, until one is delivered again.
      const { channelId } = queue;
      if (!queue.isFailing) logger.warn("alerts do not reach a channel", { channelId, count, mayPass, error });
      queue.isFailing = true;
    }
  }

  async #post(channelId: string, content: string): Promise<void> {
    const channel = await this.#client?.channels.fetch(channelId);
    if (!channel?.isSendable()) throw new Error("the channel takes no messages");
    await channel.send({ content, allowedMentions: { parse: [] } });
  }

  #compose({ lines, omittedCount }: ChannelQueue): { readonly content: string; readonly count: number } {
    const { texts, clock } = this.#options;
    const shown = omittedCount > 0 ? [texts.general.omittedAlerts(omittedCount)] : [];
    let [length, count] = [shown.join("").length, 0];
    for (const { text, at } of lines) {
      const stamp = clock.now() - at > LATE_MS ? `${formatMoment(at, "short")} ` : "";
      const line = stamp + truncate(text, MAX_LINE_LENGTH);
      if (count > 0 && length + 1 + line.length > MAX_CONTENT_LENGTH) break;
      shown.push(line);
      length += 1 + line.length;
      count++;
    }
    return { content: shown.join("\n"), count };
  }
}
