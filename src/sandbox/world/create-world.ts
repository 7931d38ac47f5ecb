import { randomBytes } from "node:crypto";
import { PermissionFlagsBits } from "discord-api-types/v10";
import type { Clock } from "../../core/clock.ts";
import type { SandboxLimits } from "../limits.ts";
import type { SeedChannel, SeedGuild, WorldSeed } from "../seeds.ts";
import { createSnowflake } from "../snowflake.ts";
import { World } from "./world.ts";

export interface CreateWorldOptions {
  readonly seed: WorldSeed;
  readonly clock: Clock;
  readonly limits: SandboxLimits;
  readonly botToken: string | undefined;
  readonly getPublicUrl: () => string;
}

/** The application's ids never change, so that invitations and stored ids go on working. */
const APPLICATION_CREATED_AT_MS = Date.UTC(2023, 0, 1);

/** Builds a world from its seed. Nothing of it is announced, as nobody is connected yet. */
export function createWorld(options: CreateWorldOptions): World {
  const { seed } = options;
  // A bot's user and its application share one id.
  const id = createSnowflake(APPLICATION_CREATED_AT_MS);
  const name = seed.application?.name ?? "Muster";
  const world = new World({
    clock: options.clock,
    limits: options.limits,
    getPublicUrl: options.getPublicUrl,
    state: {
      application: {
        id,
        name,
        botUserId: id,
        botToken: options.botToken ?? createBotToken(id),
        privilegedIntents: {
          guildMembers: true,
          messageContent: true,
          presences: true,
          ...seed.application?.privilegedIntents,
        },
      },
      users: new Map(),
      guilds: new Map(),
      channels: new Map(),
      messages: new Map(),
      attachments: new Map(),
      directChannels: new Map(),
      dmBlockers: new Set(),
    },
  });
  world.addUser({ id, username: name, isBot: true });
  for (const user of seed.users) world.addUser(user);
  for (const guild of seed.guilds) addSeedGuild(world, guild);
  return world;
}

function addSeedGuild(world: World, guild: SeedGuild): void {
  world.addGuild({
    id: guild.id,
    name: guild.name,
    ownerId: guild.ownerId,
    ...(guild.everyonePermissions === undefined ? {} : { everyonePermissions: BigInt(guild.everyonePermissions) }),
    ...(guild.botPermissions === undefined ? {} : { botPermissions: BigInt(guild.botPermissions) }),
  });
  for (const role of guild.roles) {
    world.addRole(guild.id, { id: role.id, name: role.name, permissions: BigInt(role.permissions ?? "0") });
  }
  for (const channel of guild.channels) addSeedChannel(world, guild.id, channel);
  for (const { userId, ...member } of guild.members) world.addMember(guild.id, userId, member);
  for (const channel of guild.channels) addSeedMessages(world, channel);
}

function addSeedChannel(world: World, guildId: string, { id, name, topic, seenByRoleIds }: SeedChannel): void {
  world.createChannel(guildId, { id, name, ...(topic === undefined ? {} : { topic }) });
  if (seenByRoleIds === undefined) return;
  world.setOverwrite(id, guildId, { deny: PermissionFlagsBits.ViewChannel });
  for (const roleId of seenByRoleIds) world.setOverwrite(id, roleId, { allow: PermissionFlagsBits.ViewChannel });
}

function addSeedMessages(world: World, { id, messages = [] }: SeedChannel): void {
  for (const { authorId, content, reactions = {} } of messages) {
    const message = world.createMessage(id, { authorId, content });
    for (const [name, userIds] of Object.entries(reactions)) {
      for (const userId of userIds) world.addReaction(message.id, userId, { id: null, name });
    }
  }
}

/** Shaped like a real token: the bot's id, a moment and a secret, each in base64url. */
function createBotToken(botUserId: string): string {
  const moment = randomBytes(4).toString("base64url");
  return `${Buffer.from(botUserId).toString("base64url")}.${moment}.${randomBytes(28).toString("base64url")}`;
}
