import { useState, type KeyboardEvent } from "react";

export interface ListKeys {
  readonly activeIndex: number;
  readonly setActiveIndex: (index: number) => void;
  /** True when the key was for the list. */
  readonly onKey: (event: KeyboardEvent) => boolean;
}

/** Arrow keys, Enter and Tab in a box, for the list above it. */
export function useListKeys(
  count: number,
  { onChoose, takesEnter = true }: { readonly onChoose: (index: number) => void; readonly takesEnter?: boolean },
): ListKeys {
  const [wantedIndex, setActiveIndex] = useState(0);
  const activeIndex = Math.min(wantedIndex, Math.max(count - 1, 0));
  const onKey = (event: KeyboardEvent): boolean => {
    if (count === 0 || event.nativeEvent.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setActiveIndex((activeIndex + step + count) % count);
      return true;
    }
    const chooses =
      (event.key === "Enter" && takesEnter && !event.shiftKey) || (event.key === "Tab" && !event.shiftKey);
    if (!chooses) return false;
    event.preventDefault();
    onChoose(activeIndex);
    setActiveIndex(0);
    return true;
  };
  return { activeIndex, setActiveIndex, onKey };
}
