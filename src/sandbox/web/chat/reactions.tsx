import type { APIMessage, APIReaction } from "discord-api-types/v10";
import type { ReactNode } from "react";
import { actAs, describeFailure } from "../api.ts";
import { addNotice, useWorld } from "../live/live-store.ts";
import { EmojiButton } from "./emoji-picker.tsx";

/** How the control API takes an emoji. */
function keyOf({ id, name }: APIReaction["emoji"]): string {
  return id === null ? (name ?? "") : `${name}:${id}`;
}

/** Adds or takes back a reaction, and says below the messages when that is refused. */
export function useReact(message: APIMessage): (emoji: string) => void {
  const { userId } = useWorld();
  return (emoji) => {
    const isMine = message.reactions?.some((reaction) => reaction.me && keyOf(reaction.emoji) === emoji) === true;
    const hands = actAs(userId);
    (isMine ? hands.unreact(message, emoji) : hands.react(message, emoji)).catch((error: unknown) => {
      const text = describeFailure(error);
      addNotice({ channelId: message.channel_id, userId, kind: "failed", title: `Reaction ${emoji}`, text });
    });
  };
}

export function Reactions({ message }: { readonly message: APIMessage }): ReactNode {
  const react = useReact(message);
  const reactions = message.reactions ?? [];
  if (reactions.length === 0) return null;
  return (
    <div className="reactions">
      {reactions.map(({ emoji, count, me }) => (
        <button
          key={keyOf(emoji)}
          type="button"
          className={me ? "reaction is-mine" : "reaction"}
          aria-pressed={me}
          aria-label={`${emoji.name ?? ""}, ${count} ${count === 1 ? "reaction" : "reactions"}`}
          onClick={() => react(keyOf(emoji))}
        >
          <span className="reaction-emoji">{emoji.id === null ? emoji.name : `:${emoji.name}:`}</span>
          <span className="reaction-count">{count}</span>
        </button>
      ))}
      <EmojiButton className="reaction is-adding" label="Add a reaction" onPick={react} />
    </div>
  );
}
