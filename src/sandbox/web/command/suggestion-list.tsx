import { useEffect, useRef, type ReactNode } from "react";
import { Avatar } from "../ui/avatar.tsx";
import type { Suggestion } from "./suggestions.ts";

export interface SuggestionListProps {
  readonly title: string;
  readonly items: readonly Suggestion[];
  readonly activeIndex: number;
  readonly onChoose: (item: Suggestion) => void;
  readonly onActivate: (index: number) => void;
}

/** The list above the box. The keyboard stays in the box; `activeIndex` says which line Enter takes. */
export function SuggestionList({ title, items, activeIndex, onChoose, onActivate }: SuggestionListProps): ReactNode {
  const active = useRef<HTMLLIElement>(null);
  useEffect(() => {
    // Newer browsers give a promise, which React would take for a clean-up.
    void active.current?.scrollIntoView({ block: "nearest" });
  }, [activeIndex, items]);
  return (
    <div className="suggestions">
      <p className="suggestions-title">{title}</p>
      <ul role="listbox" id="suggestions" aria-label={title}>
        {items.map((item, index) => (
          <li
            key={item.key}
            id={`suggestion-${index}`}
            ref={index === activeIndex ? active : null}
            role="option"
            aria-selected={index === activeIndex}
            className={index === activeIndex ? "is-active" : undefined}
            onPointerMove={() => onActivate(index)}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => onChoose(item)}
          >
            {item.userId !== undefined && <Avatar userId={item.userId} />}
            <span className="suggestion-label">{item.label}</span>
            {item.detail !== undefined && <span className="suggestion-detail">{item.detail}</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}
