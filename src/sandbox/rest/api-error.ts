import { RESTJSONErrorCodes as Code } from "discord-api-types/v10";

interface FieldError {
  readonly code: string;
  readonly message: string;
}

export interface FieldErrors {
  [key: string]: FieldErrors | FieldError[];
}

/** A refusal in Discord's shape: status, numeric code, message, and for forms what is wrong with which field. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: number;
  readonly errors: FieldErrors | undefined;

  constructor(status: number, code: number, message: string, errors?: FieldErrors) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.errors = errors;
  }

  toBody(): object {
    return { message: this.message, code: this.code, ...(this.errors ? { errors: this.errors } : {}) };
  }
}

/** A limit of one route's own, answered as a 429 with a code. */
export class RateLimitError extends ApiError {
  readonly retryAfterMs: number;

  constructor(code: number, options: { readonly message: string; readonly retryAfterMs: number }) {
    super(429, code, options.message);
    this.retryAfterMs = options.retryAfterMs;
  }

  override toBody(): object {
    return { ...super.toBody(), retry_after: this.retryAfterMs / 1_000, global: false };
  }
}

/** The refusals that the sandbox gives, with Discord's status and words. */
const REFUSALS = {
  unauthorized: [401, 0, "401: Unauthorized"],
  notFound: [404, 0, "404: Not Found"],
  methodNotAllowed: [405, 0, "405: Method Not Allowed"],
  unknownChannel: [404, Code.UnknownChannel, "Unknown Channel"],
  unknownGuild: [404, Code.UnknownGuild, "Unknown Guild"],
  unknownMember: [404, Code.UnknownMember, "Unknown Member"],
  unknownMessage: [404, Code.UnknownMessage, "Unknown Message"],
  unknownRole: [404, Code.UnknownRole, "Unknown Role"],
  unknownUser: [404, Code.UnknownUser, "Unknown User"],
  unknownEmoji: [400, Code.UnknownEmoji, "Unknown Emoji"],
  unknownWebhook: [404, Code.UnknownWebhook, "Unknown Webhook"],
  unknownInteraction: [404, Code.UnknownInteraction, "Unknown interaction"],
  unknownCommand: [404, Code.UnknownApplicationCommand, "Unknown application command"],
  unknownApplication: [404, Code.UnknownApplication, "Unknown Application"],
  tooManyReactions: [400, Code.MaximumNumberOfReactionsReached, "Maximum number of reactions reached (20)"],
  alreadyAcknowledged: [400, Code.InteractionHasAlreadyBeenAcknowledged, "Interaction has already been acknowledged."],
  missingAccess: [403, Code.MissingAccess, "Missing Access"],
  missingPermissions: [403, Code.MissingPermissions, "Missing Permissions"],
  notTheAuthor: [403, Code.CannotEditMessageAuthoredByAnotherUser, "Cannot edit a message authored by another user"],
  emptyMessage: [400, Code.CannotSendAnEmptyMessage, "Cannot send an empty message"],
  cannotMessageUser: [403, Code.CannotSendMessagesToThisUser, "Cannot send messages to this user"],
  wrongChannelType: [400, Code.CannotExecuteActionOnThisChannelType, "Cannot execute action on this channel type"],
  invalidWebhookToken: [401, Code.InvalidWebhookToken, "Invalid Webhook Token"],
  tooOldForBulkDelete: [
    400,
    Code.OneOfTheMessagesProvidedWasTooOldForBulkDelete,
    "You can only bulk delete messages that are under 14 days old.",
  ],
  cannotReplyWithoutHistory: [
    400,
    Code.CannotReplyWithoutPermissionToReadMessageHistory,
    "Cannot reply without permission to read message history",
  ],
  tooManyCommands: [
    400,
    Code.MaximumNumberOfApplicationCommandsReached,
    "Maximum number of application commands reached (100)",
  ],
  invalidJson: [400, Code.RequestBodyContainsInvalidJSON, "The request body contains invalid JSON."],
  entityTooLarge: [413, Code.RequestEntityTooLarge, "Request entity too large"],
} as const satisfies Record<string, readonly [number, number, string]>;

export function refuse(refusal: keyof typeof REFUSALS): ApiError {
  const [status, code, message] = REFUSALS[refusal];
  return new ApiError(status, code, message);
}

/** Collects what is wrong with a form's fields, to refuse them all at once (code 50035). */
export class FormErrors {
  readonly #errors: FieldErrors = {};
  #isEmpty = true;

  add(path: string, code: string, message: string): void {
    this.#isEmpty = false;
    let node = this.#errors;
    for (const key of path === "" ? [] : path.split(".")) {
      node = (node[key] ??= {}) as FieldErrors;
    }
    ((node["_errors"] ??= []) as FieldError[]).push({ code, message });
  }

  /** Absent text passes unless `min` is 1 or more and `isRequired`. */
  checkLength(
    path: string,
    text: unknown,
    bounds: { readonly min?: number; readonly max: number; readonly isRequired?: boolean },
  ): void {
    if (text === undefined || text === null) {
      if (bounds.isRequired) this.add(path, "BASE_TYPE_REQUIRED", "This field is required");
      return;
    }
    if (typeof text !== "string") return this.add(path, "STRING_TYPE_CONVERT", "Could not interpret value as string.");
    const length = [...text].length;
    const min = bounds.min ?? 0;
    if (length > bounds.max || length < min) {
      if (min > 0) this.add(path, "BASE_TYPE_BAD_LENGTH", `Must be between ${min} and ${bounds.max} in length.`);
      else this.add(path, "BASE_TYPE_MAX_LENGTH", `Must be ${bounds.max} or fewer in length.`);
    }
  }

  checkCount(path: string, list: unknown, bounds: { readonly min?: number; readonly max: number }): void {
    if (list === undefined || list === null) return;
    if (!Array.isArray(list)) return this.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType");
    if (list.length > bounds.max || list.length < (bounds.min ?? 0)) {
      this.add(path, "BASE_TYPE_BAD_LENGTH", `Must be between ${bounds.min ?? 0} and ${bounds.max} in length.`);
    }
  }

  toError(): ApiError {
    return new ApiError(400, Code.InvalidFormBodyOrContentType, "Invalid Form Body", this.#errors);
  }

  throwIfAny(): void {
    if (!this.#isEmpty) throw this.toError();
  }
}
