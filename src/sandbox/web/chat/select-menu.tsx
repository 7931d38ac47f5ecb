import { useEffect, useRef, useState, type ReactNode } from "react";
import type { Snapshot } from "../../live/live-frames.ts";
import { listChannels, listRoles, listUsers } from "../command/suggestions.ts";
import { useWorld } from "../live/live-store.ts";
import { Icon } from "../ui/icon.tsx";
import { COMPONENT, type RawComponent } from "./raw-component.ts";

interface Choice {
  readonly value: string;
  readonly label: string;
  readonly description?: string | undefined;
  readonly emoji?: string | undefined;
}

export interface SelectMenuProps {
  readonly menu: RawComponent;
  readonly chosen: readonly string[];
  readonly isDisabled?: boolean;
  readonly onChoose: (values: readonly string[]) => void;
}

/** A menu of a message or a modal: one click chooses where one may be chosen, otherwise closing the list does. */
export function SelectMenu({ menu, chosen, isDisabled = false, onChoose }: SelectMenuProps): ReactNode {
  const choices = listChoices(menu, useWorld());
  const [isOpen, setOpen] = useState(false);
  const [picked, setPicked] = useState(chosen);
  const [typed, setTyped] = useState("");
  const box = useRef<HTMLDivElement>(null);
  const { min_values: min = 1, max_values: max = 1 } = menu;
  const isSingle = max === 1;

  const open = (): void => {
    setPicked(chosen);
    setTyped("");
    setOpen(true);
  };
  const close = (): void => {
    setOpen(false);
    const isChanged = picked.join() !== chosen.join();
    if (!isSingle && isChanged && picked.length >= min && picked.length <= max) onChoose(picked);
  };
  const toggle = (value: string): void => {
    if (isSingle) {
      setOpen(false);
      return onChoose([value]);
    }
    setPicked((known) => (known.includes(value) ? known.filter((each) => each !== value) : [...known, value]));
  };

  const latestClose = useRef(close);
  latestClose.current = close;
  useEffect(() => {
    if (!isOpen) return undefined;
    const onPointerDown = (event: PointerEvent): void => {
      if (!box.current?.contains(event.target as Node)) latestClose.current();
    };
    document.addEventListener("pointerdown", onPointerDown);
    return () => document.removeEventListener("pointerdown", onPointerDown);
  }, [isOpen]);

  const shown = choices.filter(({ label }) => label.toLowerCase().includes(typed.toLowerCase()));
  const labels = chosen.map((value) => choices.find((choice) => choice.value === value)?.label ?? value);
  return (
    <div
      className="select-menu"
      ref={box}
      onKeyDown={(event) => {
        if (event.key === "Escape" && isOpen) {
          event.stopPropagation();
          close();
        }
      }}
    >
      <button
        type="button"
        className="select-button"
        disabled={isDisabled || menu.disabled === true}
        aria-expanded={isOpen}
        aria-haspopup="listbox"
        onClick={isOpen ? close : open}
      >
        <span className={labels.length > 0 ? undefined : "muted"}>
          {labels.length > 0 ? labels.join(", ") : (menu.placeholder ?? "Make a selection")}
        </span>
        <Icon name="down" />
      </button>
      {isOpen && (
        <div className="select-list">
          {choices.length > 8 && (
            <input
              aria-label="Search"
              placeholder="Search"
              value={typed}
              autoFocus
              onChange={({ target }) => setTyped(target.value)}
            />
          )}
          <ul role="listbox" aria-multiselectable={!isSingle}>
            {shown.map(({ value, label, description, emoji }) => (
              <li key={value} role="option" aria-selected={picked.includes(value)}>
                <button type="button" onClick={() => toggle(value)}>
                  {emoji !== undefined && <span className="select-emoji">{emoji}</span>}
                  <span>
                    {label}
                    {description !== undefined && <small>{description}</small>}
                  </span>
                  {picked.includes(value) && <Icon name="check" />}
                </button>
              </li>
            ))}
          </ul>
          {!isSingle && (
            <button
              type="button"
              className="primary"
              disabled={picked.length < min || picked.length > max}
              onClick={close}
            >
              Done
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function listChoices(menu: RawComponent, world: Snapshot): Choice[] {
  const fromIds = (items: readonly { readonly key: string; readonly label: string }[]): Choice[] =>
    items.map(({ key, label }) => ({ value: key, label }));
  switch (menu.type) {
    case COMPONENT.userSelect:
      return fromIds(listUsers(world));
    case COMPONENT.roleSelect:
      return fromIds(listRoles(world));
    case COMPONENT.mentionableSelect:
      return fromIds([...listUsers(world), ...listRoles(world)]);
    case COMPONENT.channelSelect:
      return fromIds(listChannels(world, menu.channel_types));
    default:
      return (menu.options ?? []).map(({ label, value, description, emoji }) => ({
        label,
        value,
        description,
        emoji: emoji?.name,
      }));
  }
}

/** What a menu shows as chosen before anybody touches it. */
export function defaultValues(menu: RawComponent): string[] {
  return (menu.options ?? []).filter((option) => option.default === true).map(({ value }) => value);
}
