import { PermissionFlagsBits, type Client, type Guild, type GuildMember } from "discord.js";
import { isMusterError, MusterError } from "../../core/errors.ts";
import { listExpected, type AudienceMember } from "../../roll-call/missing.ts";
import type { EventRecord } from "../../store/events.ts";
import type { Store } from "../../store/store.ts";
import type { GuildFlags } from "../flags/guild-flags.ts";
import type { MemberDirectory } from "./member-directory.ts";

/** Members looked at before other work gets its turn: some 2 ms on a small machine. */
const MEMBERS_PER_TURN = 500;
/** Discord sends that many members by id in one request, with no intent needed. */
const MEMBERS_PER_REQUEST = 100;
const SEEN_PAGE_SIZE = 1_000;

export interface AudienceOptions {
  readonly client: Client;
  readonly store: Store;
  readonly flags: GuildFlags;
  readonly directory: MemberDirectory;
  /** Whether Discord grants the member list. */
  readonly hasMemberList: boolean;
}

/** Who is expected to answer an event: Discord's members and permissions, brought to the pure rule. */
export class Audience {
  readonly #options: AudienceOptions;

  constructor(options: AudienceOptions) {
    this.#options = options;
  }

  /** False without the GuildMembers intent: then only members count whom the bot has seen. */
  get isComplete(): boolean {
    return this.#options.hasMemberList;
  }

  /** Ids of those expected, in a stable order. Throws DISCORD_REQUEST_FAILED while the server or its members are not to be had. */
  async listExpected(event: EventRecord): Promise<string[]> {
    const guild = this.#options.client.guilds.cache.get(event.guildId);
    if (!guild?.available) {
      throw new MusterError(
        "DISCORD_REQUEST_FAILED",
        `list the audience of event ${event.id}: the server is not available`,
      );
    }
    const [members, flags] = await Promise.all([this.#listMembers(guild), this.#options.flags.get(guild.id)]);
    const canSee = createVisibilityCheck(guild, event.channelId);
    const audience: AudienceMember[] = [];
    for (const member of members) {
      const roleIds = [...member.roles.cache.keys()];
      audience.push({ id: member.id, isBot: member.user.bot, roleIds, canSeeChannel: canSee(member, roleIds) });
      if (audience.length % MEMBERS_PER_TURN === 0) await new Promise(setImmediate);
    }
    return listExpected({ members: audience, audienceRoleId: event.audienceRoleId, excused: flags.excused });
  }

  async #listMembers(guild: Guild): Promise<Iterable<GuildMember>> {
    try {
      if (this.#options.hasMemberList) return await this.#options.directory.listMembers(guild);
      return await this.#listSeenMembers(guild);
    } catch (cause) {
      if (isMusterError(cause)) throw cause;
      throw new MusterError("DISCORD_REQUEST_FAILED", `list the members of server ${guild.id}: they did not come`, {
        cause,
      });
    }
  }

  /** Those the bot has seen and who are still there. */
  async #listSeenMembers(guild: Guild): Promise<GuildMember[]> {
    const members: GuildMember[] = [];
    for (let afterId = ""; ;) {
      const page = await this.#options.store.users.listSeen({ guildId: guild.id, afterId, limit: SEEN_PAGE_SIZE });
      for (let start = 0; start < page.length; start += MEMBERS_PER_REQUEST) {
        const ids = page.slice(start, start + MEMBERS_PER_REQUEST).map(({ id }) => id);
        members.push(...(await guild.members.fetch({ user: ids })).values());
      }
      if (page.length < SEEN_PAGE_SIZE) return members;
      afterId = page.at(-1)!.id;
    }
  }
}

/** Permissions follow from roles, but for the owner and members with an overwrite of their own: the rest is worked out once for each set of roles. */
function createVisibilityCheck(
  guild: Guild,
  channelId: string,
): (member: GuildMember, roleIds: readonly string[]) => boolean {
  const channel = guild.channels.cache.get(channelId);
  if (!channel) return () => false;
  const base = channel.isThread() ? channel.parent : channel;
  const overwrites = base && "permissionOverwrites" in base ? base.permissionOverwrites.cache : undefined;
  const byRoles = new Map<string, boolean>();
  const ask = (member: GuildMember): boolean => channel.permissionsFor(member).has(PermissionFlagsBits.ViewChannel);
  return (member, roleIds) => {
    if (member.id === guild.ownerId || overwrites?.has(member.id)) return ask(member);
    const key = roleIds.join(" ");
    let canSee = byRoles.get(key);
    if (canSee === undefined) byRoles.set(key, (canSee = ask(member)));
    return canSee;
  };
}
