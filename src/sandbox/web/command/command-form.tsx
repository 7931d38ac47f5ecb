import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { readFile } from "../api.ts";
import { useWorld } from "../live/live-store.ts";
import { Icon } from "../ui/icon.tsx";
import {
  findFault,
  isFile,
  KIND,
  type CommandEntry,
  type CommandOption,
  type FieldValue,
  type FieldValues,
} from "./command-model.ts";
import { SuggestionList } from "./suggestion-list.tsx";
import { suggestValues, type Suggestion } from "./suggestions.ts";
import { useAutocomplete } from "./use-autocomplete.ts";
import { useListKeys } from "./use-list-keys.ts";

export interface CommandFormProps {
  readonly channelId: string;
  readonly entry: CommandEntry;
  readonly initialValues: FieldValues;
  readonly onSend: (values: FieldValues) => void;
  readonly onCancel: () => void;
}

/** A chosen command: its options as fields, the required ones first, the others to be added from a list. */
export function CommandForm({ channelId, entry, initialValues, onSend, onCancel }: CommandFormProps): ReactNode {
  const world = useWorld();
  const [values, setValues] = useState<FieldValues>(() => resolveTyped(entry, initialValues));
  const [shownNames, setShownNames] = useState<readonly string[]>(() =>
    entry.options.filter(({ name, required }) => required === true || name in initialValues).map(({ name }) => name),
  );
  const [focusedName, setFocusedName] = useState<string | undefined>(shownNames[0]);
  const [adding, setAdding] = useState("");
  const [showsFaults, setShowsFaults] = useState(false);
  const inputs = useRef(new Map<string, HTMLElement>());

  const shown = shownNames.map((name) => entry.options.find((option) => option.name === name)!);
  const focused = shown.find(({ name }) => name === focusedName);
  const rest = entry.options.filter(({ name }) => !shownNames.includes(name));
  const completion = useAutocomplete(channelId, entry, { option: focused, values });

  useEffect(() => {
    inputs.current.get(focusedName ?? "")?.focus();
  }, [focusedName, shownNames]);

  const setValue = (name: string, value: FieldValue): void => setValues((known) => ({ ...known, [name]: value }));
  const advance = (): void => {
    const next = shown[shown.findIndex(({ name }) => name === focusedName) + 1];
    setFocusedName(next?.name ?? "");
  };
  const add = (name: string): void => {
    setShownNames((known) => [...known, name]);
    setAdding("");
    setFocusedName(name);
  };
  const remove = (name: string): void => {
    setValues(({ [name]: _removed, ...others }) => others);
    setShownNames((known) => known.filter((each) => each !== name));
    setFocusedName("");
  };
  const send = (): void => {
    const wrong = shown.find((option) => findFault(option, values[option.name]) !== undefined);
    if (!wrong) return onSend(values);
    setShowsFaults(true);
    setFocusedName(wrong.name);
    inputs.current.get(wrong.name)?.focus();
  };

  const items = focused ? listItems(focused, values[focused.name], { world, completion }) : listRest(rest, adding);
  const choose = (item: Suggestion | undefined): void => {
    if (!item) return;
    if (!focused) return add(item.key);
    setValue(focused.name, { text: item.label, chosen: item.value });
    advance();
  };
  const keys = useListKeys(items.length, {
    onChoose: (index) => choose(items[index]),
    takesEnter: focused ? values[focused.name]?.chosen === undefined : adding !== "",
  });

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape") return onCancel();
    if (keys.onKey(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      send();
    } else if (event.key === "Tab" && !event.shiftKey && focused) {
      event.preventDefault();
      advance();
    } else if (event.key === "Backspace") {
      removeLast(event);
    }
  };
  const removeLast = (event: KeyboardEvent): void => {
    if ((event.target as HTMLInputElement).value !== "") return;
    event.preventDefault();
    if (!focused) {
      const last = shown.at(-1);
      if (last) setFocusedName(last.name);
      else onCancel();
    } else if (focused.required === true) {
      const before = shown[shown.indexOf(focused) - 1];
      if (before) setFocusedName(before.name);
      else onCancel();
    } else {
      remove(focused.name);
    }
  };

  const fault = showsFaults
    ? shown.map((option) => findFault(option, values[option.name])).find((text) => text !== undefined)
    : undefined;
  return (
    <div className="command-form" onKeyDown={onKeyDown}>
      {items.length > 0 && (
        <SuggestionList
          title={focused ? `${focused.name}: ${focused.description}` : "Options"}
          items={items}
          activeIndex={focused || adding !== "" || keys.activeIndex > 0 ? keys.activeIndex : -1}
          onChoose={choose}
          onActivate={keys.setActiveIndex}
        />
      )}
      {focused && items.length === 0 && <Hint option={focused} completion={completion.kind} />}
      <div className="command-line">
        <div className="command-fields">
          <span className="command-name">/{entry.path}</span>
          {shown.map((option) => (
            <Field
              key={option.name}
              option={option}
              value={values[option.name]}
              isWrong={showsFaults && findFault(option, values[option.name]) !== undefined}
              onChange={(value) => setValue(option.name, value)}
              onFocus={() => setFocusedName(option.name)}
              register={(element) => {
                if (element) inputs.current.set(option.name, element);
              }}
            />
          ))}
          <input
            className="command-more"
            aria-label={rest.length > 0 ? "Add an option" : "Press Enter to send"}
            placeholder={rest.length > 0 ? `+${rest.length} optional` : ""}
            value={adding}
            autoComplete="off"
            ref={(element) => {
              if (element) inputs.current.set("", element);
            }}
            onFocus={() => setFocusedName("")}
            onChange={({ target }) => {
              const named = rest.find(({ name }) => target.value === `${name}:`);
              if (named) add(named.name);
              else setAdding(target.value);
            }}
          />
        </div>
        <button type="button" className="icon-button" aria-label="Put the command away" onClick={onCancel}>
          <Icon name="close" />
        </button>
        <button type="button" className="icon-button send" aria-label="Send the command" onClick={send}>
          <Icon name="send" />
        </button>
      </div>
      {fault !== undefined && (
        <p className="compose-error" role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}

/** What was given as text may be one of the things that can be chosen. */
function resolveTyped(entry: CommandEntry, typed: FieldValues): FieldValues {
  return Object.fromEntries(
    Object.entries(typed).map(([name, value]) => {
      const choices = entry.options.find((option) => option.name === name)?.choices;
      const chosen = choices?.find((choice) => choice.name === value.text || choice.value === value.text);
      return [name, chosen ? { text: chosen.name, chosen: chosen.value } : value];
    }),
  );
}

interface ItemSources {
  readonly world: ReturnType<typeof useWorld>;
  readonly completion: ReturnType<typeof useAutocomplete>;
}

function listItems(
  option: CommandOption,
  value: FieldValue | undefined,
  { world, completion }: ItemSources,
): readonly Suggestion[] {
  if (value?.chosen !== undefined) return [];
  if (completion.kind === "offered") return completion.items;
  return suggestValues(option, world, value?.text ?? "") ?? [];
}

function listRest(options: readonly CommandOption[], typed: string): Suggestion[] {
  return options
    .filter(({ name }) => name.startsWith(typed.trim().toLowerCase()))
    .map(({ name, description }) => ({ key: name, label: name, value: name, detail: description }));
}

function Hint({ option, completion }: { readonly option: CommandOption; readonly completion: string }): ReactNode {
  const state = { asking: " · asking the bot…", failed: " · the bot offers nothing at the moment" }[completion] ?? "";
  return (
    <p className="command-hint">
      <b>{option.name}</b> {option.description}
      {state}
    </p>
  );
}

interface FieldProps {
  readonly option: CommandOption;
  readonly value: FieldValue | undefined;
  readonly isWrong: boolean;
  readonly onChange: (value: FieldValue) => void;
  readonly onFocus: () => void;
  readonly register: (element: HTMLElement | null) => void;
}

function Field({ option, value, isWrong, onChange, onFocus, register }: FieldProps): ReactNode {
  const text = value?.text ?? "";
  const className = `command-field${isWrong ? " is-wrong" : ""}${value?.chosen === undefined ? "" : " is-chosen"}`;
  if (option.type === KIND.attachment) {
    return (
      <label className={className}>
        <span>{option.name}</span>
        <input
          type="file"
          ref={register}
          onFocus={onFocus}
          onChange={({ target }) => {
            const file = target.files?.[0];
            if (file) void readFile(file).then((chosen) => onChange({ text: file.name, chosen }));
          }}
        />
        {isFile(value?.chosen) && <span className="file-name">{text}</span>}
      </label>
    );
  }
  return (
    <label className={className}>
      <span>{option.name}</span>
      <input
        ref={register}
        value={text}
        aria-invalid={isWrong}
        aria-label={option.name}
        autoComplete="off"
        inputMode={option.type === KIND.integer ? "numeric" : option.type === KIND.number ? "decimal" : "text"}
        size={Math.min(Math.max(text.length + 1, 6), 48)}
        onFocus={onFocus}
        onChange={({ target }) => onChange({ text: target.value })}
      />
    </label>
  );
}
