import {
  GatewayCloseCodes,
  GatewayDispatchEvents,
  GatewayIntentBits,
  GatewayOpcodes,
  type ApplicationFlags,
  type GatewayIdentifyData,
  type GatewayReadyDispatchData,
  type GatewayReceivePayload,
  type GatewayResumeData,
  type GatewaySendPayload,
} from "discord-api-types/v10";
import type { RawData, WebSocket } from "ws";
import type { Logger } from "../../core/logger.ts";
import type { Faults } from "../faults.ts";
import { renderGuildCreate, renderUser } from "../world/render.ts";
import type { GuildState, MemberState } from "../world/state.ts";
import type { World } from "../world/world.ts";
import { answerMemberRequest } from "./member-requests.ts";
import type { FrameSink, GatewaySession, SessionStore } from "./session.ts";
import { isGuildOfShard, PRIVILEGED_INTENTS } from "./visibility.ts";

/** Above this many members even bots with the presences intent are told of none but themselves. */
const NO_MEMBERS_ABOVE = 75_000;
const NO_FLAGS = 0 as ApplicationFlags;
const DEFAULT_LARGE_THRESHOLD = 50;
/** A connection that misses this many heartbeats is closed, as a frozen client's would be. */
const MISSED_HEARTBEATS = 2;

export interface GatewayConnectionOptions {
  readonly webSocket: WebSocket;
  readonly world: World;
  readonly faults: Faults;
  readonly sessions: SessionStore;
  readonly logger: Logger;
  readonly onClosed: () => void;
}

/** One WebSocket, from hello to close. */
export class GatewayConnection implements FrameSink {
  readonly #options: GatewayConnectionOptions;
  #session: GatewaySession | undefined;
  #cancelZombieTimer: (() => void) | undefined;

  constructor(options: GatewayConnectionOptions) {
    this.#options = options;
  }

  start(): void {
    const { webSocket, world, logger } = this.#options;
    webSocket.on("message", (data) => this.#receive(data));
    webSocket.on("close", (code) => this.#closed(code));
    webSocket.on("error", (error) => logger.debug("a gateway connection failed", { error }));
    this.send({
      op: GatewayOpcodes.Hello,
      s: null,
      t: null,
      d: { heartbeat_interval: world.limits.heartbeatIntervalMs },
    } as unknown as GatewayReceivePayload);
    this.#expectHeartbeat();
  }

  send(frame: string | Partial<GatewayReceivePayload>): void {
    const { webSocket } = this.#options;
    if (webSocket.readyState === webSocket.OPEN) {
      webSocket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
    }
  }

  close(code: number, reason: string): void {
    this.#release();
    this.#options.webSocket.close(code, reason);
  }

  terminate(): void {
    this.#release();
    this.#options.webSocket.terminate();
  }

  /** Op 9: tells the client that its session is over, or that it should resume. */
  invalidate(isResumable: boolean): void {
    const session = this.#release();
    if (session && !isResumable) this.#options.sessions.endSession(session);
    this.send({ op: GatewayOpcodes.InvalidSession, d: isResumable });
  }

  #receive(data: RawData): void {
    let payload: GatewaySendPayload;
    try {
      payload = JSON.parse((data as Buffer).toString("utf8")) as GatewaySendPayload;
    } catch {
      return this.close(GatewayCloseCodes.DecodeError, "Error while decoding payload.");
    }
    switch (payload.op) {
      case GatewayOpcodes.Heartbeat:
        this.#expectHeartbeat();
        if (this.#options.faults.acksHeartbeats) this.send({ op: GatewayOpcodes.HeartbeatAck });
        return;
      case GatewayOpcodes.Identify:
        return this.#identify(payload.d);
      case GatewayOpcodes.Resume:
        return this.#resume(payload.d);
      case GatewayOpcodes.RequestGuildMembers:
        if (!this.#session) return this.close(GatewayCloseCodes.NotAuthenticated, "Not authenticated.");
        return answerMemberRequest(this.#options.world, this.#session, payload.d);
      case GatewayOpcodes.PresenceUpdate:
      case GatewayOpcodes.VoiceStateUpdate:
        if (!this.#session) this.close(GatewayCloseCodes.NotAuthenticated, "Not authenticated.");
        return;
      default:
        this.#options.logger.warn("the gateway received an opcode that it does not know", { op: payload.op });
        this.close(GatewayCloseCodes.UnknownOpcode, "Unknown opcode.");
    }
  }

  #identify(data: GatewayIdentifyData): void {
    const { world, sessions } = this.#options;
    if (this.#session) return this.close(GatewayCloseCodes.AlreadyAuthenticated, "Already authenticated.");
    if (!this.#isTokenRight(data.token)) return this.#refuseToken();
    for (const [name, bit] of PRIVILEGED_INTENTS) {
      if ((data.intents & bit) !== 0 && !world.state.application.privilegedIntents[name]) {
        return this.close(GatewayCloseCodes.DisallowedIntents, "Disallowed intent(s).");
      }
    }
    const [shardId, shardCount] = data.shard ?? [0, 1];
    if (shardCount < 1 || shardId < 0 || shardId >= shardCount) {
      return this.close(GatewayCloseCodes.InvalidShard, "Invalid shard.");
    }
    const session = sessions.createSession({
      intents: data.intents,
      shardId,
      shardCount,
      largeThreshold: data.large_threshold ?? DEFAULT_LARGE_THRESHOLD,
    });
    this.#session = session;
    session.attach(this);
    this.#greet(session);
  }

  /** READY names the guilds, then each is described in full. */
  #greet(session: GatewaySession): void {
    const { world, sessions, logger } = this.#options;
    const { application } = world.state;
    const guilds = [...world.state.guilds.values()].filter(
      (guild) => guild.members.has(world.botUserId) && isGuildOfShard(guild.id, session),
    );
    const ready: GatewayReadyDispatchData = {
      v: 10,
      user: renderUser(world.requireUser(world.botUserId)),
      guilds: guilds.map((guild) => ({ id: guild.id, unavailable: true })),
      session_id: session.id,
      resume_gateway_url: sessions.url,
      shard: [session.shardId, session.shardCount],
      application: { id: application.id, flags: NO_FLAGS, flags_new: "0" },
    };
    session.dispatch(GatewayDispatchEvents.Ready, ready);
    if ((session.intents & GatewayIntentBits.Guilds) !== 0) {
      for (const guild of guilds) this.#describeGuild(session, guild);
    }
    logger.debug("a bot identified", { guildCount: guilds.length, intents: session.intents });
  }

  #describeGuild(session: GatewaySession, guild: GuildState): void {
    const { world } = this.#options;
    const isLarge = guild.members.size > session.largeThreshold;
    const hasPresences = (session.intents & GatewayIntentBits.GuildPresences) !== 0;
    const members = selectFirstMembers(world, guild, { isLarge, isFull: hasPresences && hasMembers(session) });
    session.dispatch(
      GatewayDispatchEvents.GuildCreate,
      renderGuildCreate(world, guild, { members, isLarge, hasPresences }),
    );
  }

  #resume(data: GatewayResumeData): void {
    if (this.#session) return this.close(GatewayCloseCodes.AlreadyAuthenticated, "Already authenticated.");
    if (!this.#isTokenRight(data.token)) return this.#refuseToken();
    const session = this.#options.sessions.findSession(data.session_id);
    if (!session) return this.send({ op: GatewayOpcodes.InvalidSession, d: false });
    session.attach(this);
    if (!session.replayAfter(data.seq)) {
      this.#options.sessions.endSession(session);
      return this.send({ op: GatewayOpcodes.InvalidSession, d: false });
    }
    this.#session = session;
    session.dispatch(GatewayDispatchEvents.Resumed, { _trace: [] });
    this.#options.logger.debug("a bot resumed", { sequence: data.seq });
  }

  #isTokenRight(token: string): boolean {
    return token.replace(/^Bot /, "") === this.#options.world.state.application.botToken;
  }

  #refuseToken(): void {
    this.#options.logger.warn("a bot came with a wrong token");
    this.close(GatewayCloseCodes.AuthenticationFailed, "Authentication failed.");
  }

  #expectHeartbeat(): void {
    const { world } = this.#options;
    this.#cancelZombieTimer?.();
    this.#cancelZombieTimer = world.clock.schedule(world.limits.heartbeatIntervalMs * MISSED_HEARTBEATS, () =>
      this.close(GatewayCloseCodes.SessionTimedOut, "Session timed out."),
    );
  }

  /** The session lives on without this connection. Returns it, if it was still this connection's. */
  #release(): GatewaySession | undefined {
    const session = this.#session;
    this.#session = undefined;
    return session?.detach(this, this.#options.world.clock.now()) === true ? session : undefined;
  }

  #closed(code: number): void {
    this.#cancelZombieTimer?.();
    const session = this.#release();
    // A client that says goodbye does not come back to the session.
    if (session && (code === 1000 || code === 1001)) this.#options.sessions.endSession(session);
    this.#options.onClosed();
  }
}

function hasMembers(session: GatewaySession): boolean {
  return (session.intents & GatewayIntentBits.GuildMembers) !== 0;
}

/**
 * Discord tells a bot of others only when it has the presences intent: all of a small guild, and in a large one those
 * who are online, have a role or a nickname. Every other bot starts with itself and asks for the rest (op 8).
 */
function selectFirstMembers(
  world: World,
  guild: GuildState,
  options: { readonly isLarge: boolean; readonly isFull: boolean },
): MemberState[] {
  const members = [...guild.members.values()];
  if (!options.isFull || guild.members.size > NO_MEMBERS_ABOVE) {
    return members.filter((member) => member.userId === world.botUserId);
  }
  if (!options.isLarge) return members;
  return members.filter((member) => member.presence !== "offline" || member.roleIds.size > 0 || member.nick !== null);
}
