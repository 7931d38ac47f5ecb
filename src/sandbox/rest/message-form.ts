import {
  type ComponentType,
  AllowedMentionsTypes,
  MessageFlags,
  type APIAllowedMentions,
  type APIEmbed,
  type APIMessageReference,
  type APIMessageTopLevelComponent,
} from "discord-api-types/v10";
import { FormErrors, refuse } from "./api-error.ts";
import { checkComponents } from "./component-form.ts";

/** What a bot may say about a message, whether it creates, edits or answers with it. */
export interface MessageForm {
  readonly content?: string | null;
  readonly embeds?: readonly APIEmbed[] | null;
  readonly components?: readonly APIMessageTopLevelComponent[] | null;
  readonly allowed_mentions?: APIAllowedMentions | null;
  readonly attachments?:
    readonly { readonly id: string | number; readonly description?: string; readonly filename?: string }[] | null;
  readonly flags?: number | null;
  readonly nonce?: string | number | null;
  readonly enforce_nonce?: boolean;
  readonly tts?: boolean;
  readonly message_reference?: APIMessageReference & { readonly fail_if_not_exists?: boolean };
  readonly sticker_ids?: readonly string[];
  readonly poll?: object;
}

const MAX_CONTENT = 2_000;
const MAX_EMBEDS = 10;
const MAX_EMBED_CHARACTERS = 6_000;
const MAX_ATTACHMENTS = 10;
const MAX_ALLOWED_MENTIONS = 100;

/** Refuses what breaks Discord's documented limits, naming every field at fault. */
export function checkMessageForm(form: MessageForm): void {
  const errors = new FormErrors();
  const usesLayout = ((form.flags ?? 0) & MessageFlags.IsComponentsV2) !== 0;
  errors.checkLength("content", form.content, { max: MAX_CONTENT });
  errors.checkCount("embeds", form.embeds, { max: MAX_EMBEDS });
  errors.checkCount("attachments", form.attachments, { max: MAX_ATTACHMENTS });
  if (Array.isArray(form.embeds)) checkEmbeds(errors, form.embeds as APIEmbed[]);
  if (usesLayout && (form.content || (form.embeds?.length ?? 0) > 0)) {
    errors.add(
      form.content ? "content" : "embeds",
      "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
      "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
    );
  }
  checkComponents(errors, form.components ?? [], usesLayout);
  if (form.allowed_mentions) checkAllowedMentions(errors, form.allowed_mentions);
  if (typeof form.nonce === "string") errors.checkLength("nonce", form.nonce, { max: 25 });
  errors.throwIfAny();
}

/** A message must say something: text, embed, upload or, in the layout kind, components. */
export function requireSomething(form: MessageForm, uploadCount: number): void {
  const hasLayout = ((form.flags ?? 0) & MessageFlags.IsComponentsV2) !== 0 && (form.components?.length ?? 0) > 0;
  const hasText = (form.content ?? "").trim() !== "";
  if (hasText || hasLayout || uploadCount > 0 || (form.embeds?.length ?? 0) > 0) return;
  if ((form.attachments?.length ?? 0) > 0 || form.poll !== undefined || (form.sticker_ids?.length ?? 0) > 0) return;
  throw refuse("emptyMessage");
}

function countCharacters(...texts: readonly (string | undefined)[]): number {
  return texts.reduce((sum, text) => sum + [...(text ?? "")].length, 0);
}

function checkEmbeds(errors: FormErrors, embeds: readonly APIEmbed[]): void {
  let total = 0;
  embeds.forEach((embed, index) => {
    const at = `embeds.${index}`;
    errors.checkLength(`${at}.title`, embed.title, { max: 256 });
    errors.checkLength(`${at}.description`, embed.description, { max: 4_096 });
    errors.checkLength(`${at}.footer.text`, embed.footer?.text, { max: 2_048 });
    errors.checkLength(`${at}.author.name`, embed.author?.name, { max: 256 });
    errors.checkCount(`${at}.fields`, embed.fields, { max: 25 });
    embed.fields?.forEach((field, fieldIndex) => {
      errors.checkLength(`${at}.fields.${fieldIndex}.name`, field.name, { min: 1, max: 256, isRequired: true });
      errors.checkLength(`${at}.fields.${fieldIndex}.value`, field.value, { min: 1, max: 1_024, isRequired: true });
    });
    total += countCharacters(embed.title, embed.description, embed.footer?.text, embed.author?.name);
    for (const field of embed.fields ?? []) total += countCharacters(field.name, field.value);
  });
  if (total > MAX_EMBED_CHARACTERS) {
    errors.add("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000");
  }
}

function checkAllowedMentions(errors: FormErrors, allowed: APIAllowedMentions): void {
  errors.checkCount("allowed_mentions.users", allowed.users, { max: MAX_ALLOWED_MENTIONS });
  errors.checkCount("allowed_mentions.roles", allowed.roles, { max: MAX_ALLOWED_MENTIONS });
  const contradictions = [
    [AllowedMentionsTypes.User, allowed.users],
    [AllowedMentionsTypes.Role, allowed.roles],
  ] as const;
  for (const [type, ids] of contradictions) {
    if (!(allowed.parse ?? []).includes(type) || (ids?.length ?? 0) === 0) continue;
    errors.add(
      "allowed_mentions",
      "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
      `parse:["${type}"] and ${type}: [ids...] are mutually exclusive.`,
    );
  }
}

/** Every component that carries a custom id, wherever it is nested. */
export function listInteractiveComponents(components: unknown): InteractiveComponent[] {
  if (Array.isArray(components)) return components.flatMap(listInteractiveComponents);
  if (typeof components !== "object" || components === null) return [];
  const component = components as InteractiveComponent & {
    components?: unknown;
    component?: unknown;
    accessory?: unknown;
  };
  return [
    ...(typeof component.custom_id === "string" ? [component] : []),
    ...listInteractiveComponents(component.components),
    ...listInteractiveComponents(component.component),
    ...listInteractiveComponents(component.accessory),
  ];
}

/** What buttons, menus and inputs have in common, as bots send them. */
export interface InteractiveComponent {
  readonly type: ComponentType;
  readonly id?: number;
  readonly custom_id: string;
  readonly disabled?: boolean;
  readonly options?: readonly { readonly value: string }[];
  readonly min_values?: number;
  readonly max_values?: number;
  readonly min_length?: number;
  readonly max_length?: number;
  readonly required?: boolean;
  readonly value?: string;
}
