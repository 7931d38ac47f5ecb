import { ComponentType, type APIModalInteractionResponseCallbackData } from "discord-api-types/v10";
import { MusterError } from "../../core/errors.ts";
import type { ResolvedEntities } from "../interaction-payloads.ts";
import { listInteractiveComponents, type InteractiveComponent } from "../rest/message-form.ts";
import type { MessageState } from "../world/state.ts";

/** Text of inputs, or the chosen values of menus, by custom id. */
export type ModalValues = Readonly<Record<string, string | readonly string[]>>;

/** The component that a person would press; absent or disabled ones cannot be. */
export function requireComponent(message: MessageState, customId: string): InteractiveComponent {
  const components = listInteractiveComponents(message.components);
  const component = components.find((candidate) => candidate.custom_id === customId);
  if (!component) {
    const known = components.map((candidate) => candidate.custom_id).join(", ") || "none";
    throw new MusterError("NOT_FOUND", `message ${message.id} has no component "${customId}" (it has: ${known})`);
  }
  if (component.disabled === true) throw new MusterError("CONFLICT", `component "${customId}" is disabled`);
  return component;
}

/** What a bot receives when values of a menu are chosen. */
export function buildSelection(
  menu: InteractiveComponent,
  values: readonly string[],
  resolved: ResolvedEntities,
): object {
  checkSelection(menu, values, resolved);
  return {
    custom_id: menu.custom_id,
    component_type: menu.type,
    id: menu.id,
    values,
    ...(resolved.value ? { resolved: resolved.value } : {}),
  };
}

function checkSelection(menu: InteractiveComponent, values: readonly string[], resolved: ResolvedEntities): void {
  const { min_values: min = 1, max_values: max = 1 } = menu;
  if (values.length < min || values.length > max) {
    throw new MusterError("INPUT_INVALID", `menu "${menu.custom_id}" takes ${min} to ${max} values`);
  }
  for (const value of values) {
    if (menu.type === ComponentType.UserSelect) resolved.addUser(value);
    else if (menu.type === ComponentType.RoleSelect) resolved.addRole(value);
    else if (menu.type === ComponentType.ChannelSelect) resolved.addChannel(value);
    else if (menu.type === ComponentType.MentionableSelect) resolved.addMentionable(value);
    else if (!menu.options?.some((option) => option.value === value)) {
      throw new MusterError("INPUT_INVALID", `menu "${menu.custom_id}" has no option "${value}"`);
    }
  }
}

/** A modal filled in: the same rows or labels, with what was typed or chosen. */
export function buildModalSubmission(
  modal: APIModalInteractionResponseCallbackData,
  values: ModalValues,
  resolved: ResolvedEntities,
): object {
  const inputs = listInteractiveComponents(modal.components);
  for (const key of Object.keys(values)) {
    if (!inputs.some((input) => input.custom_id === key)) {
      throw new MusterError("INPUT_INVALID", `modal "${modal.custom_id}" has no field "${key}"`);
    }
  }
  let nextId = 1;
  const fill = (component: RawModalComponent): object => {
    const id = component.id ?? nextId++;
    const { type } = component;
    if (component.components) return { type, id, components: component.components.map(fill) };
    if (component.component) return { type, id, component: fill(component.component) };
    if (component.custom_id === undefined) return { type, id };
    return {
      type,
      id,
      custom_id: component.custom_id,
      ...readInput(component as InteractiveComponent, values, resolved),
    };
  };
  const components = (modal.components as readonly RawModalComponent[]).map(fill);
  return { custom_id: modal.custom_id, components, ...(resolved.value ? { resolved: resolved.value } : {}) };
}

type RawModalComponent = Partial<InteractiveComponent> & {
  readonly type: ComponentType;
  readonly components?: readonly RawModalComponent[];
  readonly component?: RawModalComponent;
};

function readInput(
  input: InteractiveComponent,
  values: ModalValues,
  resolved: ResolvedEntities,
): { value: string } | { values: readonly string[] } {
  const given = values[input.custom_id];
  if (input.type !== ComponentType.TextInput) {
    const chosen = typeof given === "string" ? [given] : (given ?? []);
    if (chosen.length > 0 || input.required !== false) checkSelection(input, chosen, resolved);
    return { values: chosen };
  }
  const text = (typeof given === "string" ? given : given?.[0]) ?? input.value ?? "";
  const { min_length: min = 0, max_length: max = 4_000 } = input;
  if (text === "" && input.required !== false) {
    throw new MusterError("INPUT_INVALID", `field "${input.custom_id}" must be filled in`);
  }
  if (text !== "" && (text.length < min || text.length > max)) {
    throw new MusterError("INPUT_INVALID", `field "${input.custom_id}" takes ${min} to ${max} characters`);
  }
  return { value: text };
}
