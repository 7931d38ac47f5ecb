import { ApplicationFlags } from "discord-api-types/v10";
import type { FastifyInstance } from "fastify";
import { isSnowflake } from "../snowflake.ts";
import { renderDirectChannel, renderUser } from "../world/render.ts";
import { FormErrors, refuse } from "./api-error.ts";
import { getBody, getParams, type RestContext } from "./context.ts";
import { SHAPES } from "./form-shape.ts";

/** The bot's own account, other users, direct channels, and where the gateway is. */
export function registerAccountRoutes(app: FastifyInstance, context: RestContext): void {
  const { world, gateway } = context;

  app.get("/gateway", () => ({ url: gateway.url }));

  app.get("/gateway/bot", () => ({
    url: gateway.url,
    shards: 1,
    session_start_limit: {
      total: world.limits.identifiesPerDay,
      remaining: Math.max(world.limits.identifiesPerDay - gateway.identifyCount, 0),
      reset_after: 86_400_000,
      max_concurrency: 1,
    },
  }));

  app.get("/users/:userId", (request) => {
    const { userId } = getParams(request);
    const user = world.state.users.get(userId === "@me" ? world.botUserId : userId!);
    if (!user) throw refuse("unknownUser");
    return renderUser(user);
  });

  app.get("/users/:userId/guilds", () =>
    [...world.state.guilds.values()]
      .filter((guild) => guild.members.has(world.botUserId))
      .map((guild) => ({
        id: guild.id,
        name: guild.name,
        icon: null,
        owner: guild.ownerId === world.botUserId,
        permissions: world.guildPermissionsOf(world.botUserId, guild.id).toString(),
        features: [],
      })),
  );

  app.post("/users/:userId/channels", (request) => {
    const recipientId = getBody<{ recipient_id: string }>(request, SHAPES.recipient).recipient_id;
    if (recipientId === undefined || !isSnowflake(recipientId)) {
      const errors = new FormErrors();
      errors.add("recipient_id", "NUMBER_TYPE_COERCE", `Value "${recipientId ?? ""}" is not snowflake.`);
      throw errors.toError();
    }
    const recipient = world.state.users.get(recipientId);
    if (!recipient) throw refuse("unknownUser");
    // Bots cannot write to bots; everyone else can be written to as far as opening the channel goes.
    if (recipient.isBot) throw refuse("cannotMessageUser");
    return renderDirectChannel(world, world.openDirectChannel(recipientId));
  });

  const describeApplication = (): object => {
    const { application } = world.state;
    return {
      id: application.id,
      name: application.name,
      icon: null,
      description: "",
      summary: "",
      bot_public: false,
      bot_require_code_grant: false,
      verify_key: "0".repeat(64),
      flags: intentFlags(application.privilegedIntents),
      hook: true,
      redirect_uris: [],
      interactions_endpoint_url: null,
      approximate_guild_count: world.state.guilds.size,
      bot: renderUser(world.requireUser(world.botUserId)),
    };
  };
  app.get("/applications/:applicationId", (request) => {
    const { applicationId } = getParams(request);
    if (applicationId !== "@me" && applicationId !== world.state.application.id) throw refuse("unknownApplication");
    return describeApplication();
  });
  app.get("/oauth2/applications/:applicationId", describeApplication);
}

/** Which privileged intents the application has, as a bot that is in few servers is told. */
function intentFlags(intents: { guildMembers?: boolean; messageContent?: boolean; presences?: boolean }): number {
  return (
    (intents.guildMembers ? ApplicationFlags.GatewayGuildMembersLimited : 0) |
    (intents.messageContent ? ApplicationFlags.GatewayMessageContentLimited : 0) |
    (intents.presences ? ApplicationFlags.GatewayPresenceLimited : 0)
  );
}
