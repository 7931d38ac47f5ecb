import { GatewayDispatchEvents, type GatewayMessageCreateDispatchData } from "discord-api-types/v10";
import { emojiKey } from "../../../src/roll-call/emoji.ts";
import { Sandbox } from "../../../src/sandbox/sandbox.ts";
import { smallServer, type ServerIds } from "../../../src/sandbox/seeds.ts";

/** A message that reminded somebody, as Discord saw it. */
export interface SeenReminder {
  readonly messageId: string;
  /** Of the event's message, to which it links. */
  readonly eventMessageId: string;
  readonly userIds: readonly string[];
}

/** Outside the crew. So many that few of them are asked twice: what is written over later cannot be missed. */
const GUEST_COUNT = 200;

/** Discord in the process of the torture, so that it outlives the bot, and what it has seen of the bot. */
export class DiscordWorld {
  readonly sandbox: Sandbox;
  readonly ids: ServerIds;
  readonly guestIds: readonly string[];
  readonly reminders = new Map<string, SeenReminder>();

  static async open(): Promise<DiscordWorld> {
    const seed = smallServer();
    return new DiscordWorld(await Sandbox.start({ port: 0, seed }), seed.ids);
  }

  private constructor(sandbox: Sandbox, ids: ServerIds) {
    this.sandbox = sandbox;
    this.ids = ids;
    this.guestIds = Array.from({ length: GUEST_COUNT }, (_, index) => {
      const { id } = sandbox.world.addUser({ username: `guest${index + 1}` });
      sandbox.world.addMember(ids.guildId, id);
      return id;
    });
    sandbox.world.events.subscribe(({ type, data }) => {
      if (type === GatewayDispatchEvents.MessageCreate) this.#note(data as GatewayMessageCreateDispatchData);
    });
  }

  /** "user emoji" of everybody but bots; undefined when the message is gone. */
  listReactions(messageId: string): string[] | undefined {
    const message = this.sandbox.world.state.messages.get(messageId);
    return message?.reactions
      .flatMap(({ emoji, normal, burst }) => [...normal, ...burst].map((userId) => ({ userId, key: emojiKey(emoji) })))
      .filter(({ userId }) => userId !== this.sandbox.botUserId)
      .map(({ userId, key }) => `${userId} ${key}`)
      .sort();
  }

  #note({ id, author, mentions, content }: GatewayMessageCreateDispatchData): void {
    if (author.id !== this.sandbox.botUserId || mentions.length === 0) return;
    const eventMessageId = /channels\/\d+\/\d+\/(\d+)/.exec(content)?.[1] ?? "";
    this.reminders.set(id, { messageId: id, eventMessageId, userIds: mentions.map((user) => user.id) });
  }
}
