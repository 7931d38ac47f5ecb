import { AllowedMentionsTypes, PermissionFlagsBits, type APIAllowedMentions } from "discord-api-types/v10";
import { hasPermissions } from "../permissions.ts";
import type { ChannelState } from "./state.ts";
import type { WorldContext } from "./world-context.ts";

export interface Mentions {
  readonly mentionedUserIds: string[];
  readonly mentionedRoleIds: string[];
  readonly mentionsEveryone: boolean;
}

export interface MentionSource {
  readonly channel: ChannelState;
  readonly authorId: string;
  readonly content: string;
  /** Absent: everything in the text mentions, as Discord does for bots that say nothing. */
  readonly allowed?: APIAllowedMentions | undefined;
  readonly repliedUserId?: string | undefined;
}

function collectIds(content: string, pattern: RegExp): string[] {
  return [...new Set([...content.matchAll(pattern)].map((match) => match[1]!))];
}

/** Whom a message's text notifies, after `allowed_mentions` and the author's permissions. */
export function parseMentions(world: WorldContext, source: MentionSource): Mentions {
  const { allowed, channel, content } = source;
  const parsesAll = (type: AllowedMentionsTypes): boolean => !allowed || (allowed.parse ?? []).includes(type);
  const canMentionEveryone = hasPermissions(
    world.permissionsOf(source.authorId, channel.id),
    PermissionFlagsBits.MentionEveryone,
  );
  const guild = channel.guildId === undefined ? undefined : world.state.guilds.get(channel.guildId);

  const users = collectIds(content, /<@!?(\d+)>/g).filter(
    (id) => world.state.users.has(id) && (parsesAll(AllowedMentionsTypes.User) || allowed?.users?.includes(id)),
  );
  const repliedUserId = source.repliedUserId;
  const pingsReplied = allowed ? allowed.replied_user === true : true;
  if (repliedUserId !== undefined && pingsReplied && !users.includes(repliedUserId)) users.push(repliedUserId);

  const roles = collectIds(content, /<@&(\d+)>/g).filter((id) => {
    const role = guild?.roles.get(id);
    if (!role || !(role.mentionable || canMentionEveryone)) return false;
    return parsesAll(AllowedMentionsTypes.Role) || allowed?.roles?.includes(id);
  });

  return {
    mentionedUserIds: users,
    mentionedRoleIds: roles,
    mentionsEveryone:
      guild !== undefined &&
      canMentionEveryone &&
      parsesAll(AllowedMentionsTypes.Everyone) &&
      /@(everyone|here)\b/.test(content),
  };
}
