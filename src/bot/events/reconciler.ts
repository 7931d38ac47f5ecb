import {
  ReactionType,
  Routes,
  type APIMessage,
  type APIReaction,
  type Client,
  type RESTGetAPIChannelMessageReactionUsersResult,
} from "discord.js";
import { emojiIdentity, emojiKey, matchEventEmoji, toReactionIdentifier } from "../../roll-call/emoji.ts";
import type { EventRecord } from "../../store/events.ts";
import type { Store } from "../../store/store.ts";

/** Discord's limit for a page of the people behind a reaction. */
const PAGE_SIZE = 100;
/** In a rush something comes during each of them. */
const MAX_WRITES = 5;

export interface ObservedReaction {
  readonly userId: string;
  readonly username: string | null;
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
 * during which people go on reacting: what the gateway tells meanwhile is newer than what was read, and is put into it.
 */
export class Reconciler {
  readonly #client: Client;
  readonly #store: Store;
  readonly #running = new Map<string, Promise<ReconcileOutcome>>();
  readonly #waiting = new Map<string, WaitingCall>();
  readonly #meanwhile = new Map<string, ChangesMeanwhile>();

  constructor(client: Client, store: Store) {
    this.#client = client;
    this.#store = store;
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

  /** The gateway says that somebody reacted. */
  noteAddition(eventId: string, reaction: ObservedReaction): void {
    this.#meanwhile.get(eventId)?.add(reaction);
  }

  /** The gateway says that a reaction was withdrawn; without `emoji` all of them, without `userId` everybody's. */
  noteWithdrawal(eventId: string, userId: string | undefined, emoji: string | undefined): void {
    this.#meanwhile.get(eventId)?.withdraw(userId, emoji);
  }

  #start(event: EventRecord): Promise<ReconcileOutcome> {
    const run = this.#reconcile(event).finally(() => {
      this.#running.delete(event.id);
      this.#meanwhile.delete(event.id);
    });
    this.#running.set(event.id, run);
    return run;
  }

  async #reconcile(event: EventRecord): Promise<ReconcileOutcome> {
    const meanwhile = new ChangesMeanwhile();
    this.#meanwhile.set(event.id, meanwhile);
    const observed = await this.#readReactions(event);
    const outcome = { added: 0, removed: 0 };
    for (let tries = 0, changeCount = -1; tries < MAX_WRITES && changeCount !== meanwhile.count; tries++) {
      changeCount = meanwhile.count;
      const reactions = meanwhile.applyTo(observed);
      // When it is tried again, what came between the tries was stored already, and is not in it.
      const { added, removed } = await this.#store.reactions.reconcile({
        ...{ guildId: event.guildId, eventId: event.id, reactions },
      });
      outcome.added += added;
      outcome.removed += removed;
    }
    return outcome;
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

/** What the gateway tells of one event while its reactions are read. */
class ChangesMeanwhile {
  readonly #added = new Map<string, ObservedReaction>();
  readonly #withdrawn = new Set<string>();
  /** Of all that was told. */
  count = 0;

  add(reaction: ObservedReaction): void {
    this.count++;
    this.#added.set(changeKey(reaction.userId, reaction.emoji), reaction);
  }

  withdraw(userId: string | undefined, emoji: string | undefined): void {
    this.count++;
    const key = changeKey(userId, emoji);
    this.#withdrawn.add(key);
    for (const [addedKey, reaction] of this.#added) {
      if (withdrawalsOf(reaction).includes(key)) this.#added.delete(addedKey);
    }
  }

  /** Each reaction once. */
  applyTo(observed: readonly ObservedReaction[]): ObservedReaction[] {
    const isLeft = (reaction: ObservedReaction): boolean =>
      !this.#added.has(changeKey(reaction.userId, reaction.emoji)) &&
      !withdrawalsOf(reaction).some((key) => this.#withdrawn.has(key));
    return [...observed.filter(isLeft), ...this.#added.values()];
  }
}

/** What takes a reaction away: its own withdrawal, that of everybody's with its emoji, that of all. */
function withdrawalsOf({ userId, emoji }: ObservedReaction): string[] {
  return [changeKey(userId, emoji), changeKey(undefined, emoji), changeKey(undefined, undefined)];
}

/** Normal and burst reactions are listed apart. */
function listKinds({ count_details: counts }: APIReaction): ReactionType[] {
  return [...(counts.normal > 0 ? [ReactionType.Normal] : []), ...(counts.burst > 0 ? [ReactionType.Super] : [])];
}

function changeKey(userId: string | undefined, emoji: string | undefined): string {
  return `${userId ?? "*"} ${emoji === undefined ? "*" : emojiIdentity(emoji)}`;
}
