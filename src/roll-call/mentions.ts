import { MusterError } from "../core/errors.ts";
import { truncate } from "./truncate.ts";

/** Discord's limits: characters of a message, and users that `allowed_mentions` may list. */
const MAX_CONTENT_LENGTH = 2000;
const MAX_MENTIONS = 100;

export interface MentionMessage {
  readonly content: string;
  /** Those mentioned in it, for `allowed_mentions.users`. */
  readonly userIds: readonly string[];
}

export interface SplitMentionsInput {
  /** Ids that come twice are mentioned once. */
  readonly userIds: readonly string[];
  /** Heads the first message. It may contain a link; mentions in it are broken. */
  readonly firstLine: string;
  /** Heads every other message; none by default. */
  readonly continuationLine?: string | undefined;
  readonly maxLength?: number;
  readonly maxMentions?: number;
}

/**
 * Spreads mentions over as few messages as their order allows: every user once, in order, each message within both
 * limits, and none without users. A line that leaves no room for a mention is shortened.
 */
export function splitMentions(input: SplitMentionsInput): MentionMessage[] {
  const { maxLength = MAX_CONTENT_LENGTH, maxMentions = MAX_MENTIONS } = input;
  const userIds = [...new Set(input.userIds)];
  const longestMention = Math.max(...userIds.map((id) => formatMention(id).length), 0);
  if (longestMention > maxLength || maxMentions < 1) {
    throw new MusterError(
      "INPUT_INVALID",
      `splitting mentions: none fits in ${maxLength} characters, ${maxMentions} each`,
    );
  }
  const createHead = (line: string): string => {
    const head = truncate(breakMentions(line), Math.max(maxLength - longestMention - 1, 0));
    return head === "" ? "" : `${head}\n`;
  };
  const continuationHead = createHead(input.continuationLine ?? "");

  const messages: MentionMessage[] = [];
  let head = createHead(input.firstLine);
  let content = head;
  let mentionedIds: string[] = [];
  for (const id of userIds) {
    const mention = formatMention(id);
    const isFull =
      mentionedIds.length === maxMentions ||
      (mentionedIds.length > 0 && content.length + 1 + mention.length > maxLength);
    if (isFull) {
      messages.push({ content, userIds: mentionedIds });
      head = continuationHead;
      content = head;
      mentionedIds = [];
    }
    content += mentionedIds.length === 0 ? mention : ` ${mention}`;
    mentionedIds.push(id);
  }
  if (mentionedIds.length > 0) messages.push({ content, userIds: mentionedIds });
  return messages;
}

function formatMention(userId: string): string {
  return `<@${userId}>`;
}

/** A user named in a title would be pinged by it when they are among the mentioned; everyone never is. Idempotent. */
export function breakMentions(text: string): string {
  return text.replace(/<(?=@)|@(?=everyone|here)/gi, "$&\u200B");
}
