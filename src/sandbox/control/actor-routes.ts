import type { FastifyInstance, FastifyRequest } from "fastify";
import { MusterError } from "../../core/errors.ts";
import type { Actor } from "../actor/actor.ts";
import type { ModalValues } from "../actor/component-input.ts";
import type { Outcome } from "../actor/outcome.ts";
import { bodyOf, type ControlContext } from "./context.ts";
import { readFiles, readOptions, type SentFile, type SentOptions } from "./sent-files.ts";

/** Outcomes are remembered for later questions, the newest of them. */
const KEPT_OUTCOMES = 1_000;

/** People at their clients, over HTTP: the same as `sandbox.as(userId)`. */
export function registerActorRoutes(scope: FastifyInstance, context: ControlContext): void {
  const outcomes = new Map<string, Outcome>();
  const person = (request: FastifyRequest): Actor => context.as((request.params as { userId: string }).userId);

  const remember = (outcome: Outcome): object => {
    outcomes.set(outcome.interactionId, outcome);
    if (outcomes.size > KEPT_OUTCOMES) outcomes.delete(outcomes.keys().next().value!);
    return describeOutcome(outcome);
  };
  const requireOutcome = (interactionId: string): Outcome => {
    const outcome = outcomes.get(interactionId);
    if (!outcome) throw new MusterError("NOT_FOUND", `there is no interaction ${interactionId}`);
    return outcome;
  };

  scope.post(
    "/users/:userId/command",
    { schema: bodyOf({ name: "text", options: "object?", channelId: "text", bypassPermissionCheck: "flag?" }) },
    async (request) => {
      const {
        name,
        options = {},
        ...where
      } = request.body as {
        name: string;
        options?: SentOptions;
        channelId: string;
        bypassPermissionCheck?: boolean;
      };
      return remember(await person(request).command(name, readOptions(options), where));
    },
  );

  scope.post(
    "/users/:userId/autocomplete",
    { schema: bodyOf({ name: "text", options: "object?", focused: "text", channelId: "text" }) },
    async (request) => {
      const {
        name,
        options = {},
        focused,
        channelId,
      } = request.body as {
        name: string;
        options?: SentOptions;
        focused: string;
        channelId: string;
      };
      return { choices: await person(request).autocomplete(name, readOptions(options), focused, { channelId }) };
    },
  );

  scope.post("/users/:userId/click", { schema: bodyOf({ messageId: "text", customId: "text" }) }, async (request) => {
    const { messageId, customId } = request.body as { messageId: string; customId: string };
    return remember(await person(request).click(messageId, customId));
  });

  scope.post(
    "/users/:userId/select",
    { schema: bodyOf({ messageId: "text", customId: "text", values: "list" }) },
    async (request) => {
      const { messageId, customId, values } = request.body as { messageId: string; customId: string; values: string[] };
      return remember(await person(request).select(messageId, customId, values));
    },
  );

  scope.post(
    "/users/:userId/modal",
    { schema: bodyOf({ interactionId: "text", values: "object" }) },
    async (request) => {
      const { interactionId, values } = request.body as { interactionId: string; values: ModalValues };
      return remember(await person(request).submitModal(requireOutcome(interactionId), values));
    },
  );

  /** With `waitMs`, waits until a deferred answer is filled. */
  scope.get("/interactions/:interactionId", async (request) => {
    const outcome = requireOutcome((request.params as { interactionId: string }).interactionId);
    const { waitMs } = request.query as { waitMs?: string };
    if (waitMs !== undefined) await outcome.settled(Number(waitMs) || 0);
    return describeOutcome(outcome);
  });

  const reaction = bodyOf({ channelId: "text", messageId: "text", emoji: "text", burst: "flag?" });
  for (const verb of ["react", "unreact"] as const) {
    scope.post(`/users/:userId/${verb}`, { schema: reaction }, async (request, reply) => {
      const { channelId, messageId, emoji, ...options } = request.body as {
        channelId: string;
        messageId: string;
        emoji: string;
        burst?: boolean;
      };
      await person(request)[verb](channelId, messageId, emoji, options);
      return reply.code(204).send();
    });
  }

  scope.post(
    "/users/:userId/send",
    { schema: bodyOf({ channelId: "text", content: "text", replyTo: "text?", files: "objects?" }) },
    async (request) => {
      const { channelId, files, ...message } = request.body as {
        channelId: string;
        content: string;
        replyTo?: string;
        files?: SentFile[];
      };
      return person(request).send(channelId, { ...message, files: readFiles(files) });
    },
  );

  scope.post("/users/:userId/edit", { schema: bodyOf({ messageId: "text", content: "text" }) }, async (request) => {
    const { messageId, content } = request.body as { messageId: string; content: string };
    return person(request).edit(messageId, content);
  });

  scope.post("/users/:userId/delete", { schema: bodyOf({ messageId: "text" }) }, async (request, reply) => {
    await person(request).delete((request.body as { messageId: string }).messageId);
    return reply.code(204).send();
  });

  scope.post("/users/:userId/typing", { schema: bodyOf({ channelId: "text" }) }, (request, reply) => {
    person(request).type((request.body as { channelId: string }).channelId);
    return reply.code(204).send();
  });

  scope.post("/users/:userId/direct-channel", (request) => ({ channelId: person(request).openDirectChannel() }));

  scope.get("/users/:userId/direct-messages", (request) => person(request).directMessages());
}

function describeOutcome(outcome: Outcome): object {
  return {
    interactionId: outcome.interactionId,
    status: outcome.status,
    firstResponseMs: outcome.firstResponseMs ?? null,
    isEphemeral: outcome.isEphemeral,
    message: outcome.message ?? null,
    followUps: outcome.followUps,
    modal: outcome.modal ?? null,
  };
}
