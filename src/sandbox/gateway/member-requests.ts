import {
  GatewayDispatchEvents,
  GatewayIntentBits,
  GatewayOpcodes,
  type GatewayGuildMembersChunkDispatchData,
  type GatewayRateLimitedDispatchData,
} from "discord-api-types/v10";
import { renderMember, renderPresence } from "../world/render.ts";
import type { GuildState, MemberState } from "../world/state.ts";
import type { World } from "../world/world.ts";
import type { GatewaySession } from "./session.ts";

const CHUNK_MEMBERS = 1_000;
const MAX_QUERY_LIMIT = 100;

/** What a bot may send for op 8; both ways of asking are optional in what really arrives. */
interface MemberRequest {
  readonly guild_id?: string;
  readonly query?: string;
  readonly limit?: number;
  readonly presences?: boolean;
  readonly user_ids?: string | readonly string[];
  readonly nonce?: string;
}

/** Answers op 8 with chunks of a thousand; a full list asked for too soon is answered with RATE_LIMITED. */
export function answerMemberRequest(world: World, session: GatewaySession, request: MemberRequest): void {
  const guild = world.state.guilds.get(request.guild_id ?? "");
  if (!guild?.members.has(world.botUserId)) return;
  const isFullList = request.user_ids === undefined && (request.query ?? "") === "" && (request.limit ?? 0) === 0;
  if (isFullList) {
    // Without the intent Discord does not answer either, and the client waits in vain.
    if ((session.intents & GatewayIntentBits.GuildMembers) === 0) return;
    const waitMs = session.takeGuildListTurn(guild.id, world.clock.now(), world.limits.memberRequestIntervalMs);
    if (waitMs > 0) {
      const refusal: GatewayRateLimitedDispatchData = {
        opcode: GatewayOpcodes.RequestGuildMembers,
        retry_after: waitMs / 1_000,
        meta: { guild_id: guild.id, ...(request.nonce === undefined ? {} : { nonce: request.nonce }) },
      };
      session.dispatch(GatewayDispatchEvents.RateLimited, refusal);
      return;
    }
  }
  const { found, notFound } = selectMembers(world, guild, request);
  sendChunks(world, session, { guild, request, found, notFound });
}

function selectMembers(
  world: World,
  guild: GuildState,
  request: MemberRequest,
): { found: MemberState[]; notFound: string[] } {
  if (request.user_ids !== undefined) {
    const ids = typeof request.user_ids === "string" ? [request.user_ids] : request.user_ids.slice(0, MAX_QUERY_LIMIT);
    return {
      found: ids.flatMap((id) => guild.members.get(id) ?? []),
      notFound: ids.filter((id) => !guild.members.has(id)),
    };
  }
  const query = (request.query ?? "").toLowerCase();
  const limit = request.limit ?? 0;
  if (query === "" && limit === 0) return { found: [...guild.members.values()], notFound: [] };
  const found = findMembersByName(world, guild, query);
  return { found: found.slice(0, Math.min(limit || MAX_QUERY_LIMIT, MAX_QUERY_LIMIT)), notFound: [] };
}

/** Members whose user name or nickname begins with `query` (lower case). */
export function findMembersByName(world: World, guild: GuildState, query: string): MemberState[] {
  return [...guild.members.values()].filter((member) => {
    const user = world.requireUser(member.userId);
    return [user.username, user.globalName, member.nick].some((name) => name?.toLowerCase().startsWith(query));
  });
}

function sendChunks(
  world: World,
  session: GatewaySession,
  answer: {
    readonly guild: GuildState;
    readonly request: MemberRequest;
    readonly found: readonly MemberState[];
    readonly notFound: string[];
  },
): void {
  const { guild, request, found, notFound } = answer;
  const count = Math.max(Math.ceil(found.length / CHUNK_MEMBERS), 1);
  const wantsPresences = request.presences === true && (session.intents & GatewayIntentBits.GuildPresences) !== 0;
  for (let index = 0; index < count; index++) {
    const part = found.slice(index * CHUNK_MEMBERS, (index + 1) * CHUNK_MEMBERS);
    const chunk: GatewayGuildMembersChunkDispatchData = {
      guild_id: guild.id,
      members: part.map((member) => renderMember(world, member)),
      chunk_index: index,
      chunk_count: count,
      ...(notFound.length > 0 && index === 0 ? { not_found: notFound } : {}),
      ...(wantsPresences ? { presences: part.map((member) => renderPresence(guild.id, member)) } : {}),
      ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
    };
    session.dispatch(GatewayDispatchEvents.GuildMembersChunk, chunk);
  }
}
