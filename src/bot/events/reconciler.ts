import {
  ReactionType,
  Routes,
  type APIMessage,
  type APIReaction,
  type Client,
  type RESTGetAPIChannelMessageReactionUsersResult,
} from "discord.js";
import type { Clock } from "../../core/clock.ts";
import { emojiIdentity, emojiKey, matchEventEmoji, toReactionIdentifier } from "../../roll-call/emoji.ts";
import type { EventRecord } from "../../store/events.ts";
import type { Store } from "../../store/store.ts";

/** Discord's limit for a page of the people behind a reaction. */
const PAGE_SIZE = 100;

interface ObservedReaction {
  readonly userId: string;
  readonly username: string;
  readonly emoji: string;
}

export interface ReconcileOutcome {
  readonly added: number;
  readonly removed: number;
}

interface WaitingCall {
  /** The newest record of it that was handed in. */
  event: EventRecord;
  readonly outcome: Promise<ReconcileOutcome>;
}

/**
 * Makes the stored answers of an event equal to the reactions that its message has. Reading them takes many requests,
 * during which people go on reacting: what the gateway tells meanwhile is newer than what was read, so additions are
 * left alone (the store compares times) and withdrawals are taken out of what was read.
 */
export class Reconciler {
  readonly #client: Client;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #running = new Map<string, Promise<ReconcileOutcome>>();
  readonly #waiting = new Map<string, WaitingCall>();
  readonly #withdrawnMeanwhile = new Map<string, Set<string>>();

  constructor(client: Client, store: Store, clock: Clock) {
    this.#client = client;
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * What is read is never older than the call: while one is under way, calls for the same event share the next one.
   * Throws Discord's error when the message cannot be read.
   */
  reconcile(event: EventRecord): Promise<ReconcileOutcome> {
    const waiting = this.#waiting.get(event.id);
    if (waiting) {
      waiting.event = event;
      return waiting.outcome;
    }
    const running = this.#running.get(event.id);
    if (!running) return this.#start(event);
    const start = (): Promise<ReconcileOutcome> => {
      this.#waiting.delete(event.id);
      return this.#start(next.event);
    };
    const next: WaitingCall = { event, outcome: running.then(start, start) };
    this.#waiting.set(event.id, next);
    return next.outcome;
  }

  /** The gateway says that a reaction was withdrawn; without `emoji` all of them, without `userId` everybody's. */
  noteWithdrawal(eventId: string, userId: string | undefined, emoji: string | undefined): void {
    this.#withdrawnMeanwhile.get(eventId)?.add(withdrawalKey(userId, emoji));
  }

  #start(event: EventRecord): Promise<ReconcileOutcome> {
    const run = this.#reconcile(event).finally(() => {
      this.#running.delete(event.id);
      this.#withdrawnMeanwhile.delete(event.id);
    });
    this.#running.set(event.id, run);
    return run;
  }

  async #reconcile(event: EventRecord): Promise<ReconcileOutcome> {
    const withdrawn = new Set<string>();
    this.#withdrawnMeanwhile.set(event.id, withdrawn);
    const readAt = this.#clock.now();
    const observed = await this.#readReactions(event);
    const isWithdrawn = ({ userId, emoji }: ObservedReaction): boolean =>
      [withdrawalKey(userId, emoji), withdrawalKey(undefined, emoji), withdrawalKey(undefined, undefined)].some((key) =>
        withdrawn.has(key),
      );
    return this.#store.reactions.reconcile({
      guildId: event.guildId,
      eventId: event.id,
      readAt,
      reactions: observed.filter((reaction) => !isWithdrawn(reaction)),
    });
  }

  async #readReactions(event: EventRecord): Promise<ObservedReaction[]> {
    const { channelId, messageId } = event;
    const message = (await this.#client.rest.get(Routes.channelMessage(channelId, messageId))) as APIMessage;
    const observed: ObservedReaction[] = [];
    for (const reaction of message.reactions ?? []) {
      for (const type of listKinds(reaction)) {
        observed.push(...(await this.#readUsers(event, reaction, type)));
      }
    }
    return observed;
  }

  async #readUsers(event: EventRecord, reaction: APIReaction, type: ReactionType): Promise<ObservedReaction[]> {
    const key = emojiKey(reaction.emoji);
    const emoji = matchEventEmoji(key, event.reactions);
    const route = Routes.channelMessageReaction(event.channelId, event.messageId, toReactionIdentifier(key));
    const observed: ObservedReaction[] = [];
    for (let after = "0"; ;) {
      const query = new URLSearchParams({ type: String(type), limit: String(PAGE_SIZE), after });
      const users = (await this.#client.rest.get(route, { query })) as RESTGetAPIChannelMessageReactionUsersResult;
      for (const user of users) if (!user.bot) observed.push({ userId: user.id, username: user.username, emoji });
      if (users.length < PAGE_SIZE) return observed;
      after = users.at(-1)!.id;
    }
  }
}

/** Normal and burst reactions are listed apart. */
function listKinds({ count_details: counts }: APIReaction): ReactionType[] {
  return [...(counts.normal > 0 ? [ReactionType.Normal] : []), ...(counts.burst > 0 ? [ReactionType.Super] : [])];
}

function withdrawalKey(userId: string | undefined, emoji: string | undefined): string {
  return `${userId ?? "*"} ${emoji === undefined ? "*" : emojiIdentity(emoji)}`;
}
