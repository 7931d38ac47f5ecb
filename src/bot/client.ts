import {
  ApplicationFlags,
  Client,
  DiscordAPIError,
  GatewayIntentBits,
  Options,
  Partials,
  REST,
  Routes,
  SimpleShardingStrategy,
  type APIApplication,
} from "discord.js";
import { MusterError, toError } from "../core/errors.ts";
import { forgetLimitsWhenClockGoesBack } from "./rate-limits.ts";

export interface DiscordAccess {
  readonly token: string;
  /** REST base, for instance `https://discord.com/api`; the gateway's address comes from it. */
  readonly apiUrl: string;
}

/** `rest.api` is joined with a path: a slash at its end would be one too many. */
function restOptions({ apiUrl }: DiscordAccess): { api: string } {
  return { api: apiUrl.replace(/\/+$/, "") };
}

/**
 * Whether Discord grants this application the list of members (the privileged GuildMembers intent). Asked before
 * connecting, because identifying with an intent that is not granted ends the connection, and IDENTIFYs are counted.
 * Throws DISCORD_LOGIN_FAILED for a refused token; what failed for another reason, as it came.
 */
export async function hasMemberListIntent(access: DiscordAccess): Promise<boolean> {
  const rest = new REST(restOptions(access)).setToken(access.token);
  try {
    const application = (await rest.get(Routes.currentApplication())) as APIApplication;
    const granted = ApplicationFlags.GatewayGuildMembers | ApplicationFlags.GatewayGuildMembersLimited;
    return ((application.flags ?? 0) & granted) !== 0;
  } catch (error) {
    throw explainLoginFailure(error);
  }
}

/** A refused token or intent becomes DISCORD_LOGIN_FAILED with what to do; anything else stays as it is. */
export function explainLoginFailure(error: unknown): Error {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const isTokenRefused = (error instanceof DiscordAPIError && error.status === 401) || code === "TokenInvalid";
  if (isTokenRefused) {
    return new MusterError("DISCORD_LOGIN_FAILED", "log in to Discord: the token was refused", {
      hint: "Copy the bot's token from the developer portal into DISCORD_TOKEN; an old one stops working when it is reset.",
    });
  }
  if (code === "DisallowedIntents" || code === "InvalidIntents") {
    return new MusterError("DISCORD_LOGIN_FAILED", "log in to Discord: the bot's intents were refused", {
      cause: error,
      hint: "Enable the Server Members intent in the developer portal, under Bot.",
    });
  }
  return toError(error);
}

/**
 * The client: reactions need no cached message, channel or user (without the User partial, removals by members who are
 * not cached are lost), nothing is mentioned unless a message says so, and only what Muster reads is kept in memory.
 */
export function createClient(access: DiscordAccess, hasMemberList: boolean, stopping: AbortSignal): Client {
  const client: Client = new Client({
    intents: [
      GatewayIntentBits.Guilds,
      GatewayIntentBits.GuildMessages,
      GatewayIntentBits.GuildMessageReactions,
      ...(hasMemberList ? [GatewayIntentBits.GuildMembers] : []),
    ],
    partials: [Partials.Message, Partials.Channel, Partials.Reaction, Partials.User, Partials.GuildMember],
    allowedMentions: { parse: [] },
    rest: restOptions(access),
    ws: { buildStrategy: (manager) => new PatientSharding(manager, client, stopping) },
    makeCache: Options.cacheWithLimits({
      ...Options.DefaultMakeCacheSettings,
      MessageManager: 0,
      ReactionManager: 0,
      ReactionUserManager: 0,
      PresenceManager: 0,
      VoiceStateManager: 0,
      GuildBanManager: 0,
      GuildInviteManager: 0,
      GuildScheduledEventManager: 0,
      GuildStickerManager: 0,
      StageInstanceManager: 0,
      AutoModerationRuleManager: 0,
    }),
  });
  forgetLimitsWhenClockGoesBack(client.rest);
  return client;
}

/** After these errors of a first connection a shard does not try again; each comes with a close code that says so. */
const FINAL_ERRORS: readonly string[] = [
  "Authentication failed",
  "Invalid shard",
  "Sharding is required",
  "Used an invalid API version",
  "Used invalid intents",
  "Used disallowed intents",
];

/**
 * When the first connection fails, discord.js gives the client up; but after most errors the shard goes on by itself, is
 * connected a moment later, and whatever client comes next hears everything beside it. So its trying counts.
 */
class PatientSharding extends SimpleShardingStrategy {
  readonly #client: Client;
  readonly #stopping: AbortSignal;

  constructor(manager: ConstructorParameters<typeof SimpleShardingStrategy>[0], client: Client, stopping: AbortSignal) {
    super(manager);
    this.#client = client;
    this.#stopping = stopping;
  }

  /** Discord has said where its gateway is, and meanwhile the program may be stopping: then nothing is connected any more. */
  override async spawn(shardIds: number[]): Promise<void> {
    this.#stopping.throwIfAborted();
    await super.spawn(shardIds);
  }

  override async connect(): Promise<void> {
    const ready = new Promise((resolve) => this.#client.once("shardReady", resolve));
    try {
      await super.connect();
    } catch (error) {
      if (FINAL_ERRORS.includes(toError(error).message)) throw error;
      await ready;
    }
  }
}
