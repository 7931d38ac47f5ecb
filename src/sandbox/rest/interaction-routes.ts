import { type InteractionResponseType, MessageFlags } from "discord-api-types/v10";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { CallbackForm, Interaction } from "../interactions.ts";
import { renderMessage } from "../world/render.ts";
import type { World } from "../world/world.ts";
import { FormErrors, refuse } from "./api-error.ts";
import { getBody, getParams, getQuery, type RestContext } from "./context.ts";
import { SHAPES } from "./form-shape.ts";
import type { MessageForm } from "./message-form.ts";

const WEBHOOK = "/webhooks/:applicationId/:token";

/** Answers to interactions: the first through the callback, all later ones through the interaction's webhook. */
export function registerInteractionRoutes(app: FastifyInstance, context: RestContext): void {
  const { world, interactions } = context;

  app.post("/interactions/:interactionId/:token/callback", (request, reply) => {
    const { interactionId, token } = getParams(request);
    const form = getBody<CallbackForm>(request, SHAPES.callback);
    if (form.type === undefined) {
      const errors = new FormErrors();
      errors.add("type", "BASE_TYPE_REQUIRED", "This field is required");
      throw errors.toError();
    }
    const interaction = interactions.respond(interactionId!, token!, form as CallbackForm, request.uploads);
    if (getQuery(request)["with_response"] !== "true") return reply.code(204).send();
    return describeCallback(world, interaction, form.type);
  });

  const tokenOf = (request: FastifyRequest): string => {
    const { applicationId, token } = getParams(request);
    if (applicationId !== world.state.application.id) throw refuse("unknownWebhook");
    return token!;
  };

  app.post(WEBHOOK, (request) => {
    const message = interactions.followUp(
      tokenOf(request),
      getBody<MessageForm>(request, SHAPES.message),
      request.uploads,
    );
    return renderMessage(world, message, world.botUserId);
  });

  app.get(`${WEBHOOK}/messages/:messageId`, (request) => {
    const message = interactions.getMessage(tokenOf(request), getParams(request)["messageId"]!);
    return renderMessage(world, message, world.botUserId);
  });

  app.patch(`${WEBHOOK}/messages/:messageId`, (request) => {
    const { messageId } = getParams(request);
    const form = getBody<MessageForm>(request, SHAPES.message);
    const message = interactions.editMessage(tokenOf(request), messageId!, form, request.uploads);
    return renderMessage(world, message, world.botUserId);
  });

  app.delete(`${WEBHOOK}/messages/:messageId`, (request, reply) => {
    interactions.deleteMessage(tokenOf(request), getParams(request)["messageId"]!);
    return reply.code(204).send();
  });
}

function describeCallback(world: World, interaction: Interaction, type: InteractionResponseType): object {
  const message = interaction.originalId === undefined ? undefined : world.state.messages.get(interaction.originalId);
  return {
    interaction: {
      id: interaction.id,
      type: interaction.type,
      ...(message
        ? {
            response_message_id: message.id,
            response_message_loading: (message.flags & MessageFlags.Loading) !== 0,
            response_message_ephemeral: (message.flags & MessageFlags.Ephemeral) !== 0,
          }
        : {}),
    },
    ...(message
      ? { resource: { type, message: renderMessage(world, message, world.botUserId) } }
      : { resource: { type } }),
  };
}
