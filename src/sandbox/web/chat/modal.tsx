import { useEffect, useRef, useState, type ReactNode } from "react";
import { Icon } from "../ui/icon.tsx";
import { openModal, useModal, type OpenModal } from "./modal-state.ts";
import { perform } from "./perform.ts";
import { COMPONENT, type RawComponent } from "./raw-component.ts";
import { defaultValues, SelectMenu } from "./select-menu.tsx";

type Values = Readonly<Record<string, string | readonly string[]>>;

/** One input of a modal, with the words around it. */
interface Field {
  readonly label: string;
  readonly description?: string | undefined;
  readonly input: RawComponent;
}

const PARAGRAPH_STYLE = 2;

export function Modal(): ReactNode {
  const modal = useModal();
  return modal === undefined ? null : <ModalDialog key={modal.interactionId} modal={modal} />;
}

function ModalDialog({ modal }: { readonly modal: OpenModal }): ReactNode {
  const fields = listFields(modal.components as readonly RawComponent[]);
  const [values, setValues] = useState<Values>(() =>
    Object.fromEntries(fields.map(({ input }) => [input.custom_id ?? "", initialValue(input)])),
  );
  const [showsFaults, setShowsFaults] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);

  const submit = (): void => {
    if (fields.some(({ input }) => findModalFault(input, values[input.custom_id ?? ""]) !== undefined)) {
      setShowsFaults(true);
      return;
    }
    openModal(undefined);
    void perform({ ...modal }, (hands) => hands.submitModal(modal.interactionId, withoutEmpty(values)));
  };
  return (
    <dialog className="modal" ref={dialog} onClose={() => openModal(undefined)} aria-labelledby="modal-title">
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <header>
          <h2 id="modal-title">{modal.title}</h2>
          <button type="button" className="icon-button" aria-label="Close" onClick={() => dialog.current?.close()}>
            <Icon name="close" />
          </button>
        </header>
        <p className="muted">This form is sent to the bot.</p>
        {fields.map((field) => {
          const id = field.input.custom_id ?? "";
          return (
            <ModalField
              key={id}
              field={field}
              value={values[id] ?? ""}
              fault={showsFaults ? findModalFault(field.input, values[id]) : undefined}
              onChange={(value) => setValues((known) => ({ ...known, [id]: value }))}
            />
          );
        })}
        <footer>
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" className="primary">
            Submit
          </button>
        </footer>
      </form>
    </dialog>
  );
}

function listFields(components: readonly RawComponent[]): Field[] {
  return components.flatMap((component): Field[] => {
    if (component.component) {
      return [{ label: component.label ?? "", description: component.description, input: component.component }];
    }
    return (component.components ?? []).map((input) => ({ label: input.label ?? "", input }));
  });
}

function initialValue(input: RawComponent): string | readonly string[] {
  return input.type === COMPONENT.textInput ? (input.value ?? "") : defaultValues(input);
}

function withoutEmpty(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value.length > 0));
}

function findModalFault(input: RawComponent, value: string | readonly string[] = ""): string | undefined {
  if (value.length === 0) return input.required === false ? undefined : "This field is required.";
  const { min_length: min = 0, max_length: max = 4_000 } = input;
  if (typeof value !== "string") return undefined;
  if (value.length < min) return `Must be at least ${min} characters long.`;
  return value.length > max ? `Must be at most ${max} characters long.` : undefined;
}

interface ModalFieldProps {
  readonly field: Field;
  readonly value: string | readonly string[];
  readonly fault: string | undefined;
  readonly onChange: (value: string | readonly string[]) => void;
}

function ModalField({ field: { label, description, input }, value, fault, onChange }: ModalFieldProps): ReactNode {
  const shared = {
    value: typeof value === "string" ? value : "",
    placeholder: input.placeholder ?? "",
    "aria-invalid": fault !== undefined,
    onChange: ({ target }: { target: { value: string } }) => onChange(target.value),
  };
  return (
    <label className="modal-field">
      <span>
        {label}
        {input.required !== false && <b className="required"> *</b>}
      </span>
      {description !== undefined && <small>{description}</small>}
      {input.type !== COMPONENT.textInput ? (
        <SelectMenu menu={input} chosen={typeof value === "string" ? [] : value} onChoose={onChange} />
      ) : input.style === PARAGRAPH_STYLE ? (
        <textarea rows={4} {...shared} />
      ) : (
        <input {...shared} />
      )}
      {fault !== undefined && <em className="fault">{fault}</em>}
    </label>
  );
}
