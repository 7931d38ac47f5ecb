import { ButtonStyle, ComponentType } from "discord-api-types/v10";
import type { FormErrors } from "./api-error.ts";

const MAX_ROWS = 5;
const MAX_BUTTONS = 5;
const MAX_CUSTOM_ID = 100;
const MAX_LABEL = 80;
const MAX_OPTIONS = 25;
const MAX_LAYOUT_COMPONENTS = 40;

/** The fields that any component may have, before it is known which it is. */
interface RawComponent {
  readonly type: ComponentType;
  readonly style?: ButtonStyle;
  readonly custom_id?: string;
  readonly label?: string;
  readonly emoji?: object;
  readonly url?: string;
  readonly sku_id?: string;
  readonly placeholder?: string;
  readonly options?: readonly { readonly label?: string; readonly value?: string; readonly description?: string }[];
  readonly min_values?: number;
  readonly max_values?: number;
  readonly components?: readonly RawComponent[];
  readonly component?: RawComponent;
  readonly accessory?: RawComponent;
}

const SELECTS: ReadonlySet<ComponentType> = new Set([
  ComponentType.StringSelect,
  ComponentType.UserSelect,
  ComponentType.RoleSelect,
  ComponentType.MentionableSelect,
  ComponentType.ChannelSelect,
]);

interface Form {
  readonly errors: FormErrors;
  readonly customIds: Set<string>;
}

/** Components of a message: five rows of five buttons or one menu, or, in the layout kind, up to forty of any. */
export function checkComponents(errors: FormErrors, given: readonly unknown[], usesLayout: boolean): void {
  const components = given as readonly RawComponent[];
  const form: Form = { errors, customIds: new Set() };
  if (!usesLayout) {
    errors.checkCount("components", components, { max: MAX_ROWS });
    components.forEach((row, index) => {
      if (row.type !== ComponentType.ActionRow) {
        errors.add(`components.${index}.type`, "BASE_TYPE_CHOICES", "Value must be one of {1}.");
      }
    });
  } else if (countComponents(components) > MAX_LAYOUT_COMPONENTS) {
    errors.add("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "The total number of components exceeds 40.");
  }
  components.forEach((component, index) => checkComponent(form, `components.${index}`, component));
}

/** A modal: a title, one to five rows or labels with one input each. */
export function checkModal(
  errors: FormErrors,
  modal: { readonly custom_id?: unknown; readonly title?: unknown; readonly components?: readonly unknown[] },
): void {
  errors.checkLength("custom_id", modal.custom_id, { min: 1, max: MAX_CUSTOM_ID, isRequired: true });
  errors.checkLength("title", modal.title, { min: 1, max: 45, isRequired: true });
  if (!modal.components) return errors.add("components", "BASE_TYPE_REQUIRED", "This field is required");
  errors.checkCount("components", modal.components, { min: 1, max: MAX_ROWS });
  const form: Form = { errors, customIds: new Set() };
  (modal.components as readonly RawComponent[]).forEach((component, index) =>
    checkComponent(form, `components.${index}`, component),
  );
}

function countComponents(components: readonly RawComponent[]): number {
  return components.reduce(
    (sum, component) =>
      sum +
      1 +
      countComponents(component.components ?? []) +
      (component.accessory ? 1 : 0) +
      (component.component ? 1 : 0),
    0,
  );
}

function checkComponent(form: Form, at: string, component: RawComponent): void {
  if (component.type === ComponentType.ActionRow) checkRow(form.errors, at, component);
  if (component.type === ComponentType.Button) checkButton(form, at, component);
  if (SELECTS.has(component.type)) checkSelect(form, at, component);
  if (component.type === ComponentType.TextInput) checkCustomId(form, at, component.custom_id);
  component.components?.forEach((child, index) => checkComponent(form, `${at}.components.${index}`, child));
  if (component.component) checkComponent(form, `${at}.component`, component.component);
  if (component.accessory) checkComponent(form, `${at}.accessory`, component.accessory);
}

function checkRow(errors: FormErrors, at: string, row: RawComponent): void {
  const children = row.components ?? [];
  errors.checkCount(`${at}.components`, children, { min: 1, max: MAX_BUTTONS });
  const widthOf = (child: RawComponent): number => (child.type === ComponentType.Button ? 1 : MAX_BUTTONS);
  if (children.length <= MAX_BUTTONS && children.reduce((sum, child) => sum + widthOf(child), 0) > MAX_BUTTONS) {
    errors.add(
      `${at}.components`,
      "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
      "The specified component exceeds the maximum width",
    );
  }
}

function checkButton(form: Form, at: string, button: RawComponent): void {
  const { errors } = form;
  errors.checkLength(`${at}.label`, button.label, { max: MAX_LABEL });
  if (button.style === ButtonStyle.Link) {
    errors.checkLength(`${at}.url`, button.url, { min: 1, max: 512, isRequired: true });
  } else if (button.style !== ButtonStyle.Premium) {
    checkCustomId(form, at, button.custom_id);
    if (!button.label && !button.emoji) {
      errors.add(at, "BUTTON_COMPONENT_INVALID_EMPTY", "A button must have a label or an emoji");
    }
  }
}

function checkSelect(form: Form, at: string, select: RawComponent): void {
  const { errors } = form;
  checkCustomId(form, at, select.custom_id);
  errors.checkLength(`${at}.placeholder`, select.placeholder, { max: 150 });
  if (select.type !== ComponentType.StringSelect) return;
  errors.checkCount(`${at}.options`, select.options ?? [], { min: 1, max: MAX_OPTIONS });
  const values = new Set<string>();
  select.options?.forEach((option, index) => {
    errors.checkLength(`${at}.options.${index}.label`, option.label, { min: 1, max: 100, isRequired: true });
    errors.checkLength(`${at}.options.${index}.value`, option.value, { min: 1, max: 100, isRequired: true });
    errors.checkLength(`${at}.options.${index}.description`, option.description, { max: 100 });
    if (option.value !== undefined && values.has(option.value)) {
      errors.add(
        `${at}.options.${index}.value`,
        "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
        "The specified option value is already used",
      );
    }
    values.add(option.value ?? "");
  });
}

function checkCustomId(form: Form, at: string, customId: string | undefined): void {
  form.errors.checkLength(`${at}.custom_id`, customId, { min: 1, max: MAX_CUSTOM_ID, isRequired: true });
  if (customId === undefined) return;
  if (form.customIds.has(customId)) {
    form.errors.add(`${at}.custom_id`, "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated");
  }
  form.customIds.add(customId);
}
