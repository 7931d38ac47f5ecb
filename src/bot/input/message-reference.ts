/** A message as people point to it: a link names guild and channel, "channelId-messageId" the channel, an id neither. */
export interface MessageReference {
  readonly guildId?: string;
  readonly channelId?: string;
  readonly messageId: string;
}

const MAX_SNOWFLAKE = 2n ** 63n - 1n;
const LINK = /^https:\/\/(?:(?:ptb|canary)\.)?(?:discord|discordapp)\.com\/channels\/(\d+)\/(\d+)\/(\d+)$/;
const CHANNEL_AND_MESSAGE = /^(\d+)-(\d+)$/;

/** Whether it is an id of Discord's: 17 to 20 digits without leading zero, below 2^63. */
export function isSnowflake(text: string): boolean {
  return /^[1-9]\d{16,19}$/.test(text) && BigInt(text) <= MAX_SNOWFLAKE;
}

/** Reads a message link (also in `<>`), "channelId-messageId" or a bare message id; undefined for anything else. */
export function parseMessageReference(text: string): MessageReference | undefined {
  const reference = readParts(text.trim());
  return reference && Object.values(reference).every(isSnowflake) ? reference : undefined;
}

function readParts(text: string): MessageReference | undefined {
  const link = LINK.exec(text.startsWith("<") && text.endsWith(">") ? text.slice(1, -1) : text);
  if (link) return { guildId: link[1]!, channelId: link[2]!, messageId: link[3]! };
  const pair = CHANNEL_AND_MESSAGE.exec(text);
  if (pair) return { channelId: pair[1]!, messageId: pair[2]! };
  return /^\d+$/.test(text) ? { messageId: text } : undefined;
}
