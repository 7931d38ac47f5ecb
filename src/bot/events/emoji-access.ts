import type { Guild, GuildEmoji } from "discord.js";
import { readEmojiKey } from "../../roll-call/emoji.ts";

/** Whether the bot can react with a custom emoji, and whether that takes the permission to use another server's. */
export type EmojiAccess = "unusable" | "own" | "external";

/** For a key of the event's set; a unicode emoji is everyone's own. */
export async function findEmojiAccess(guild: Guild, key: string): Promise<EmojiAccess> {
  const emoji = readEmojiKey(key);
  if (emoji.kind === "unicode") return "own";
  const known = guild.client.emojis.cache.get(emoji.id) ?? (await findNewEmoji(guild, emoji.id));
  if (!known || !isUsable(known)) return "unusable";
  return known.guild.id === guild.id ? "own" : "external";
}

/** Discord does not tell the bot of emoji that were added since it connected. */
async function findNewEmoji(guild: Guild, emojiId: string): Promise<GuildEmoji | undefined> {
  return (await guild.emojis.fetch()).get(emojiId);
}

/** An emoji may be reserved for roles, or out of use since the server lost boosts. */
function isUsable(emoji: GuildEmoji): boolean {
  if (emoji.available === false) return false;
  const held = emoji.guild.members.me?.roles.cache;
  return emoji.roles.cache.size === 0 || emoji.roles.cache.some((role) => held?.has(role.id) ?? false);
}
