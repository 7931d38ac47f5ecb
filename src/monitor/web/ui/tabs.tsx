import { useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";

export interface Tab {
  readonly id: string;
  readonly label: string;
  /** Beside the label, when it says something. */
  readonly note?: ReactNode;
  readonly render: () => ReactNode;
}

/** Tabs as the keyboard expects them: arrows, Home and End choose, Tab goes into what is shown. */
export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }): ReactNode {
  const prefix = useId();
  const [chosenId, setChosenId] = useState(tabs[0]?.id);
  const buttons = useRef(new Map<string, HTMLButtonElement>());
  const chosen = tabs.find(({ id }) => id === chosenId) ?? tabs[0];
  if (!chosen) return null;

  const onKeyDown = (event: KeyboardEvent): void => {
    const next = nextIndex(event.key, tabs.indexOf(chosen), tabs.length);
    const tab = next === undefined ? undefined : tabs[next];
    if (!tab) return;
    event.preventDefault();
    setChosenId(tab.id);
    buttons.current.get(tab.id)?.focus();
  };

  return (
    <>
      <div className="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
        {tabs.map(({ id, label: text, note }) => (
          <button
            key={id}
            ref={(element) => {
              if (element) buttons.current.set(id, element);
            }}
            type="button"
            role="tab"
            id={`${prefix}-${id}`}
            aria-controls={`${prefix}-panel`}
            aria-selected={id === chosen.id}
            tabIndex={id === chosen.id ? 0 : -1}
            onClick={() => setChosenId(id)}
          >
            {text}
            {note}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${prefix}-panel`} aria-labelledby={`${prefix}-${chosen.id}`} className="tab-panel">
        {chosen.render()}
      </div>
    </>
  );
}

function nextIndex(key: string, index: number, count: number): number | undefined {
  switch (key) {
    case "ArrowRight":
      return (index + 1) % count;
    case "ArrowLeft":
      return (index - 1 + count) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return undefined;
  }
}
