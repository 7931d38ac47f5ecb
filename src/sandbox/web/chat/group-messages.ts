import type { APIMessage } from "discord-api-types/v10";

/** Messages of one author that follow each other closely stand under one name. */
const GROUP_WINDOW_MS = 7 * 60_000;
/** Replies and answers to commands, by Discord's numbers: they say above the name what they answer. */
const ANSWERING_TYPES: readonly number[] = [19, 20];

export interface ShownMessage {
  readonly message: APIMessage;
  /** With picture and name. */
  readonly startsGroup: boolean;
  readonly startsDay: boolean;
}

export function groupMessages(messages: readonly APIMessage[]): ShownMessage[] {
  return messages.map((message, index) => {
    const before = messages[index - 1];
    const atMs = Date.parse(message.timestamp);
    const beforeMs = before ? Date.parse(before.timestamp) : 0;
    const startsDay = !before || new Date(atMs).toDateString() !== new Date(beforeMs).toDateString();
    const startsGroup =
      startsDay ||
      before.author.id !== message.author.id ||
      atMs - beforeMs > GROUP_WINDOW_MS ||
      ANSWERING_TYPES.includes(message.type) ||
      isEphemeral(message) !== isEphemeral(before);
    return { message, startsGroup, startsDay };
  });
}

export function isEphemeral(message: APIMessage): boolean {
  return ((message.flags ?? 0) & 64) !== 0;
}

export function isLoading(message: APIMessage): boolean {
  return ((message.flags ?? 0) & 128) !== 0;
}
