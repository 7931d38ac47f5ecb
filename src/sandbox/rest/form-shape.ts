import { isSnowflake } from "../snowflake.ts";
import { FormErrors } from "./api-error.ts";

/** What a JSON value must be: a scalar, a list of one shape, or an object with known fields. Unknown fields pass. */
export type Shape =
  "text" | "number" | "flag" | "id" | "any" | readonly [Shape] | { readonly [field: string]: Shape } | (() => Shape);

const COMPONENT: Shape = {
  type: "number",
  id: "number",
  style: "number",
  custom_id: "text",
  label: "text",
  url: "text",
  placeholder: "text",
  min_values: "number",
  max_values: "number",
  options: [{ label: "text", value: "text", description: "text" }],
  components: () => [COMPONENT],
  component: () => COMPONENT,
  accessory: () => COMPONENT,
};

const MESSAGE = {
  content: "text",
  flags: "number",
  nonce: "any",
  embeds: [
    {
      title: "text",
      description: "text",
      footer: { text: "text" },
      author: { name: "text" },
      fields: [{ name: "text", value: "text" }],
    },
  ],
  components: [COMPONENT],
  allowed_mentions: { parse: ["text"], users: ["id"], roles: ["id"], replied_user: "flag" },
  attachments: [{ id: "any", filename: "text", description: "text" }],
  message_reference: { message_id: "id" },
  sticker_ids: ["id"],
} as const satisfies Shape;

const OPTION: Shape = {
  type: "number",
  name: "text",
  description: "text",
  required: "flag",
  autocomplete: "flag",
  choices: [{ name: "text", value: "any" }],
  options: () => [OPTION],
};

const COMMAND: Shape = {
  type: "number",
  name: "text",
  description: "text",
  options: [OPTION],
  default_member_permissions: "any",
};

/** The bodies that routes take apart. */
export const SHAPES = {
  message: MESSAGE,
  callback: { type: "number", data: { ...MESSAGE, custom_id: "text", title: "text", choices: [{ name: "any" }] } },
  command: COMMAND,
  commands: [COMMAND],
  bulkDelete: { messages: ["id"] },
  recipient: { recipient_id: "id" },
  member: { nick: "text" },
} as const satisfies Record<string, Shape>;

/** Refuses a body of the wrong make, so that the checks behind it may read its fields without asking. */
export function requireShape(value: unknown, shape: Shape): void {
  const errors = new FormErrors();
  if (value === undefined || value === null) errors.add("", "BASE_TYPE_REQUIRED", "This field is required");
  checkShape(errors, "", value, shape);
  errors.throwIfAny();
}

function checkShape(errors: FormErrors, path: string, value: unknown, shape: Shape): void {
  if (typeof shape === "function") return checkShape(errors, path, value, shape());
  if (value === undefined || shape === "any") return;
  const at = (key: string): string => (path === "" ? key : `${path}.${key}`);
  if (typeof shape === "string") return checkScalar(errors, path, value, shape);
  if (Array.isArray(shape)) {
    if (value === null) return;
    if (!Array.isArray(value)) return errors.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType");
    const [element] = shape as readonly [Shape];
    value.forEach((item: unknown, index) => {
      if (item === null) errors.add(at(String(index)), "BASE_TYPE_REQUIRED", "This field is required");
      checkShape(errors, at(String(index)), item, element);
    });
    return;
  }
  if (value === null) return;
  if (typeof value !== "object" || Array.isArray(value)) {
    return errors.add(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType");
  }
  for (const [field, inner] of Object.entries(shape)) {
    checkShape(errors, at(field), (value as Record<string, unknown>)[field], inner);
  }
}

function checkScalar(
  errors: FormErrors,
  path: string,
  value: unknown,
  kind: "text" | "number" | "flag" | "id" | "any",
): void {
  if (value === null) return;
  if (kind === "text" && typeof value !== "string") {
    errors.add(path, "STRING_TYPE_CONVERT", "Could not interpret value as string.");
  } else if (kind === "number" && !Number.isSafeInteger(value)) {
    errors.add(path, "NUMBER_TYPE_COERCE", `Value "${JSON.stringify(value)}" is not int.`);
  } else if (kind === "flag" && typeof value !== "boolean") {
    errors.add(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.");
  } else if (kind === "id" && !(typeof value === "string" && isSnowflake(value))) {
    errors.add(path, "NUMBER_TYPE_COERCE", `Value "${JSON.stringify(value)}" is not snowflake.`);
  }
}
