import { hash } from "node:crypto";
import {
  DiscordAPIError,
  RESTJSONErrorCodes,
  SnowflakeUtil,
  type Client,
  type Message,
  type SendableChannels,
} from "discord.js";
import { sleep, type Clock } from "../../core/clock.ts";
import { MusterError } from "../../core/errors.ts";
import { idTime } from "../../core/ids.ts";
import type { Logger } from "../../core/logger.ts";
import { backoffDelayMs } from "../../resilience/backoff.ts";
import { breakMentions, splitMentions } from "../../roll-call/mentions.ts";
import { isOpeningTooFast, isTemporary, refusalOfPerson } from "../discord-errors.ts";

/** discord.js itself tries a request three times; these are tries of that, for an outage of a minute. */
const SEND_RETRY = { maxAttempts: 4, baseDelay: 1_000, maxDelay: 30_000, backoffMultiplier: 4 } as const;
/** Discord's limit for a nonce. */
const NONCE_LENGTH = 25;
/** How far our clock may be ahead of Discord's when messages are looked for by their time; reminders lie further apart. */
const CLOCK_TOLERANCE_MS = 5_000;
/** Of a busy channel's messages since the reminder was claimed: most are sent right after it. */
const PAGE_SIZE = 100;
const MAX_PAGES = 10;

export interface ReminderMessage {
  /** Heads the first message in the channel, and is all of a direct message. */
  readonly firstLine: string;
  readonly continuationLine: string;
  /** To the event's message; part of the first line. */
  readonly link: string;
}

export interface Delivery {
  readonly reminderId: string;
  readonly channelId: string;
  /** How many messages of this reminder were sent before a restart, as far as they were noted. */
  readonly sentMessageCount: number;
  /** Set when it was under way before: its next message may have been sent, and the program ended before it was noted. */
  readonly resumed: { readonly othersMessageIds: readonly string[] } | undefined;
  readonly message: ReminderMessage;
}

/** Told after each message, so that a restart goes on from there. */
export type OnDelivered = (userIds: readonly string[], messageId: string | undefined) => Promise<void>;

/**
 * Sends reminders so that everyone is reached once. Each message carries a nonce made of the reminder's id and its
 * number, which Discord enforces: a message that is sent again within minutes is the one that is there already. Nonces
 * are forgotten then, so a reminder that a program left behind when it died is looked for before it is gone on with.
 */
export class ReminderSender {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #random: () => number;
  readonly #stopping = new AbortController();

  constructor(client: Client, clock: Clock, logger: Logger, random: () => number = Math.random) {
    this.#client = client;
    this.#clock = clock;
    this.#logger = logger;
    this.#random = random;
  }

  /** No further message is sent: what is under way throws SHUTTING_DOWN, and is gone on with after the next start. */
  stop(): void {
    this.#stopping.abort(new MusterError("SHUTTING_DOWN", "send a reminder: the program is stopping"));
  }

  /** Mentions all of `userIds` in the channel, in as few messages as fit. Throws what Discord refused for good. */
  async mention(delivery: Delivery, userIds: readonly string[], onDelivered: OnDelivered): Promise<void> {
    if (userIds.length === 0) return;
    const channel = await this.#requireChannel(delivery.channelId);
    let remaining = [...userIds];
    const note = async (reachedIds: readonly string[], messageId: string): Promise<void> => {
      await onDelivered(reachedIds, messageId);
      remaining = remaining.filter((id) => !reachedIds.includes(id));
    };
    const sentBefore = await this.#findSent(channel, delivery);
    for (const message of sentBefore) await note(listMentioned(message), message.id);
    for (let number = Math.max(delivery.sentMessageCount, sentBefore.length); remaining.length > 0; number++) {
      const isFirst = number === 0;
      const firstLine = isFirst ? delivery.message.firstLine : delivery.message.continuationLine;
      const [part] = splitMentions({ userIds: remaining, firstLine });
      const { content, userIds: mentionedIds } = part!;
      const nonce = createNonce(delivery.reminderId, String(number));
      const allowedMentions = { users: [...mentionedIds] };
      const sent = await this.#retry(async (): Promise<Message> =>
        channel.send({ content, allowedMentions, nonce, enforceNonce: true }),
      );
      await note(sent.content === content ? mentionedIds : listMentioned(sent), sent.id);
    }
  }

  /** Writes to each of `userIds` in private. Returns those who were not reached: they are to be mentioned instead. */
  async direct(delivery: Delivery, userIds: readonly string[], onDelivered: OnDelivered): Promise<string[]> {
    const unreached: string[] = [];
    for (const [index, userId] of userIds.entries()) {
      try {
        await this.#directOne(delivery, userId);
      } catch (error) {
        // It goes on for minutes then, and would for each of those who come after.
        if (isOpeningTooFast(error)) return [...unreached, ...userIds.slice(index)];
        const refusal = refusalOfPerson(error);
        if (!refusal) throw error;
        if (refusal === "other") {
          this.#logger.warn("direct message refused", { reminderId: delivery.reminderId, error });
        }
        unreached.push(userId);
        continue;
      }
      await onDelivered([userId], undefined);
    }
    return unreached;
  }

  /** Removes messages of an earlier reminder; one that is gone already, or may not be removed, is no failure. */
  async deleteMessages(channelId: string, messageIds: readonly string[]): Promise<void> {
    if (messageIds.length === 0) return;
    const channel = await this.#requireChannel(channelId);
    for (const messageId of messageIds) {
      try {
        await channel.messages.delete(messageId);
      } catch (error) {
        if (error instanceof DiscordAPIError && error.code === RESTJSONErrorCodes.UnknownMessage) continue;
        this.#logger.warn("earlier reminder not removed", { messageId, error });
      }
    }
  }

  async #directOne(delivery: Delivery, userId: string): Promise<void> {
    if (delivery.resumed) {
      const channel = await this.#retry(() => this.#client.users.createDM(userId));
      if ((await this.#findSent(channel, delivery)).length > 0) return;
    }
    await this.#retry(() =>
      this.#client.users.send(userId, {
        content: delivery.message.firstLine,
        nonce: createNonce(delivery.reminderId, userId),
        enforceNonce: true,
      }),
    );
  }

  /** What Discord has taken of a resumed reminder, noted or not, the oldest first; nothing of a new one. */
  async #findSent(channel: SendableChannels, delivery: Delivery): Promise<Message[]> {
    const { resumed, message, reminderId } = delivery;
    if (!resumed) return [];
    const isSent = (found: Message): boolean =>
      found.author.id === this.#client.user?.id &&
      isPartOf(found, message) &&
      !resumed.othersMessageIds.includes(found.id);
    const sent: Message[] = [];
    const begin = SnowflakeUtil.generate({ timestamp: idTime(reminderId) - CLOCK_TOLERANCE_MS, increment: 0n });
    try {
      for (let after = String(begin), pageCount = 0; pageCount < MAX_PAGES; pageCount++) {
        const search = { after, limit: PAGE_SIZE, cache: false };
        const page = [...(await this.#retry(() => channel.messages.fetch(search))).values()].reverse();
        sent.push(...page.filter(isSent));
        if (page.length < PAGE_SIZE) break;
        after = page.at(-1)!.id;
      }
    } catch (error) {
      if (!(error instanceof DiscordAPIError) || isTemporary(error)) throw error;
      // May be written to and not be read.
      this.#logger.warn("interrupted reminder not looked for", { reminderId, error });
    }
    return sent;
  }

  async #requireChannel(channelId: string): Promise<SendableChannels> {
    const channel = await this.#retry(() => this.#client.channels.fetch(channelId));
    if (!channel?.isSendable()) throw new TypeError("the channel takes no messages");
    return channel;
  }

  async #retry<Result>(send: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      this.#stopping.signal.throwIfAborted();
      try {
        return await send();
      } catch (error) {
        // A client that is being destroyed fails every request: that says nothing about the reminder.
        this.#stopping.signal.throwIfAborted();
        if (attempt === SEND_RETRY.maxAttempts || !isTemporary(error)) throw error;
        this.#logger.warn("reminder not sent yet", { attempt, error });
        await sleep(this.#clock, backoffDelayMs(attempt, SEND_RETRY, this.#random), this.#stopping.signal);
      }
    }
  }
}

function createNonce(reminderId: string, part: string): string {
  return hash("sha256", `${reminderId} ${part}`, "base64url").slice(0, NONCE_LENGTH);
}

/** By the link, since the title may have been changed; whatever else links to the event mentions nobody. */
function isPartOf(sent: Message, { link, continuationLine }: ReminderMessage): boolean {
  const head = sent.content.split("\n", 1)[0]!;
  const isFirst = head.includes(link) && (sent.mentions.users.size > 0 || sent.channel.isDMBased());
  return isFirst || head === breakMentions(continuationLine);
}

/** Discord gave back an earlier message: whoever it mentions has been reached, also those who have answered since. */
function listMentioned(message: Message): string[] {
  return [...message.mentions.users.keys()];
}
