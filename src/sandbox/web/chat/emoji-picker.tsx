import { useEffect, useRef, useState, type ReactNode } from "react";
import { useWorld } from "../live/live-store.ts";
import { Icon } from "../ui/icon.tsx";

/** Enough to answer with; any other emoji can be typed. */
const EMOJI =
  "✅ ❌ ❓ 👍 👎 🤷 🎉 ❤️ 😂 😮 😢 🙏 👀 🔥 💯 ⭐ 🚀 ⚔️ 🛡️ 🏹 🍕 ☕ 🌧️ ☀️ ⏰ 📅 🟢 🟡 🔴 🔵 1️⃣ 2️⃣ 3️⃣ 4️⃣ 5️⃣ 🅰️".split(
    " ",
  );

export interface EmojiButtonProps {
  readonly className: string;
  readonly label: string;
  readonly onPick: (emoji: string) => void;
}

/** A button with a small picker. */
export function EmojiButton({ className, label, onPick }: EmojiButtonProps): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (!isOpen) return undefined;
    const close = (event: PointerEvent): void => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", close);
    return () => document.removeEventListener("pointerdown", close);
  }, [isOpen]);
  const pick = (emoji: string): void => {
    setOpen(false);
    onPick(emoji);
  };
  return (
    <span className="emoji-anchor" ref={box}>
      <button
        type="button"
        className={className}
        aria-label={label}
        title={label}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="smile" />
      </button>
      {isOpen && <EmojiPicker onPick={pick} onClose={() => setOpen(false)} />}
    </span>
  );
}

function EmojiPicker({
  onPick,
  onClose,
}: {
  readonly onPick: (emoji: string) => void;
  readonly onClose: () => void;
}): ReactNode {
  const custom = useWorld().guilds.flatMap(({ emojis }) => emojis);
  const [typed, setTyped] = useState("");
  const picker = useRef<HTMLDivElement>(null);
  const [isBelow, setBelow] = useState(false);
  useEffect(() => {
    // Above the button, unless that would be outside of the window.
    setBelow((picker.current?.getBoundingClientRect().top ?? 0) < 56);
  }, []);
  return (
    <div
      ref={picker}
      className={isBelow ? "emoji-picker is-below" : "emoji-picker"}
      role="dialog"
      aria-label="Emoji"
      onKeyDown={(event) => event.key === "Escape" && onClose()}
    >
      <div className="emoji-grid">
        {EMOJI.map((emoji) => (
          <button key={emoji} type="button" aria-label={emoji} onClick={() => onPick(emoji)}>
            {emoji}
          </button>
        ))}
        {custom.map(({ id, name }) => (
          <button key={id} type="button" title={name ?? ""} onClick={() => onPick(`${name}:${id}`)}>
            :{name?.slice(0, 3)}:
          </button>
        ))}
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim() !== "") onPick(typed.trim());
        }}
      >
        <input
          aria-label="Any other emoji"
          placeholder="Or paste any other emoji"
          value={typed}
          onChange={({ target }) => setTyped(target.value)}
        />
      </form>
    </div>
  );
}
