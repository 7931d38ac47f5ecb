import type { APIMessage } from "discord-api-types/v10";
import { memo, useState, type ReactNode } from "react";
import { actAs } from "../api.ts";
import { dismissMessage, sandboxNow, useWorld } from "../live/live-store.ts";
import { toPlainText } from "../text/discord-markdown.ts";
import { formatMessageTime, formatTimestamp } from "../text/format-time.ts";
import { Markdown } from "../text/markdown.tsx";
import { Avatar } from "../ui/avatar.tsx";
import { Icon } from "../ui/icon.tsx";
import { nameOf, permissionsIn } from "../ui/names.ts";
import { Attachments } from "./attachments.tsx";
import { Components } from "./components.tsx";
import { Embed } from "./embed.tsx";
import { EmojiButton } from "./emoji-picker.tsx";
import { isEphemeral, isLoading } from "./group-messages.ts";
import { Reactions, useReact } from "./reactions.tsx";

const MANAGE_MESSAGES = 1n << 13n;
const COMMAND_INTERACTION = 2;

export interface MessageProps {
  readonly message: APIMessage;
  readonly startsGroup: boolean;
  readonly onReply: (message: APIMessage) => void;
}

export const Message = memo(function Message({ message, startsGroup, onReply }: MessageProps): ReactNode {
  const world = useWorld();
  const [isEditing, setEditing] = useState(false);
  const atMs = Date.parse(message.timestamp);
  const isForMe = message.mention_everyone || message.mentions.some(({ id }) => id === world.userId);
  const hasRole = message.mention_roles.some((id) => myRoleIds(world).includes(id));
  const classes = [
    "message",
    startsGroup && "starts-group",
    isEphemeral(message) && "is-ephemeral",
    (isForMe || hasRole) && "is-mentioning",
  ];
  return (
    <li className={classes.filter(Boolean).join(" ")} id={`message-${message.id}`}>
      {startsGroup && <Context message={message} />}
      <div className="message-side">
        {startsGroup ? (
          <Avatar userId={message.author.id} />
        ) : (
          <time className="side-time">{formatTimestamp(atMs, "t")}</time>
        )}
      </div>
      <div className="message-main">
        {startsGroup && (
          <p className="message-head">
            <AuthorName userId={message.author.id} />
            {message.author.bot === true && (
              <span className="app-tag">
                <Icon name="check" />
                APP
              </span>
            )}
            <time className="message-time" title={formatTimestamp(atMs, "F")}>
              {formatMessageTime(atMs, sandboxNow())}
            </time>
          </p>
        )}
        <MessageContent message={message} isEditing={isEditing} onEdited={() => setEditing(false)} />
        <Reactions message={message} />
        {isEphemeral(message) && (
          <p className="ephemeral-note">
            <Icon name="eye" /> Only you can see this ·{" "}
            <button type="button" className="as-link" onClick={() => dismissMessage(message.id)}>
              Dismiss message
            </button>
          </p>
        )}
      </div>
      {!isEphemeral(message) && (
        <Tools message={message} onReply={() => onReply(message)} onEdit={() => setEditing(true)} />
      )}
    </li>
  );
});

function myRoleIds(world: ReturnType<typeof useWorld>): readonly string[] {
  return world.guilds.flatMap(({ members }) => members.find(({ userId }) => userId === world.userId)?.roleIds ?? []);
}

/** In the colour of the highest role that has one. */
export function AuthorName({ userId }: { readonly userId: string }): ReactNode {
  const world = useWorld();
  const guild = world.guilds[0];
  const roleIds = guild?.members.find((member) => member.userId === userId)?.roleIds ?? [];
  const isOwner = guild?.ownerId === userId;
  const isModerator = guild?.roles.some(({ id, permissions }) => roleIds.includes(id) && BigInt(permissions) !== 0n);
  const rank = userId === world.botUserId ? "bot" : isOwner ? "owner" : isModerator === true ? "moderator" : "member";
  return <span className={`author is-${rank}`}>{nameOf(world, userId)}</span>;
}

/** What the message answers: another message, or a command. */
function Context({ message }: { readonly message: APIMessage }): ReactNode {
  const world = useWorld();
  const replied = message.referenced_message;
  if (replied) {
    const text = toPlainText(replied.content);
    return (
      <p className="context">
        <Icon name="reply" />
        <b>{nameOf(world, replied.author.id)}</b>
        <span>{text === "" ? "Click to see attachment" : text}</span>
      </p>
    );
  }
  if (message.message_reference) return <p className="context muted">The original message was deleted</p>;
  const interaction = message.interaction_metadata;
  if (!interaction || Number(interaction.type) !== COMMAND_INTERACTION) return null;
  return (
    <p className="context">
      <Icon name="reply" />
      <b>{nameOf(world, interaction.user.id)}</b>
      <span>used a command</span>
    </p>
  );
}

interface ContentProps {
  readonly message: APIMessage;
  readonly isEditing: boolean;
  readonly onEdited: () => void;
}

function MessageContent({ message, isEditing, onEdited }: ContentProps): ReactNode {
  const { userId } = useWorld();
  const [text, setText] = useState(message.content);
  if (isLoading(message)) {
    return (
      <p className="thinking">
        <span className="dots" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>
        {message.author.username} is thinking…
      </p>
    );
  }
  if (isEditing) {
    const save = (): void => {
      onEdited();
      if (text.trim() !== "" && text !== message.content) void actAs(userId).edit(message.id, text);
    };
    return (
      <input
        className="edit-box"
        aria-label="Edit the message"
        value={text}
        autoFocus
        onChange={({ target }) => setText(target.value)}
        onKeyDown={({ key }) => {
          if (key === "Enter") save();
          if (key === "Escape") onEdited();
        }}
      />
    );
  }
  return (
    <>
      {message.content !== "" && <Markdown text={message.content} />}
      {message.edited_timestamp !== null && message.content !== "" && <span className="edited">(edited)</span>}
      {message.embeds.map((embed, index) => (
        <Embed key={index} message={message} embed={embed} />
      ))}
      <Attachments message={message} />
      <Components message={message} />
    </>
  );
}

interface ToolsProps {
  readonly message: APIMessage;
  readonly onReply: () => void;
  readonly onEdit: () => void;
}

function Tools({ message, onReply, onEdit }: ToolsProps): ReactNode {
  const world = useWorld();
  const react = useReact(message);
  const isMine = message.author.id === world.userId;
  const mayDelete = isMine || (permissionsIn(world, message.channel_id) & MANAGE_MESSAGES) !== 0n;
  return (
    <div className="message-tools">
      <EmojiButton className="icon-button" label="Add a reaction" onPick={react} />
      <button type="button" className="icon-button" aria-label="Reply" title="Reply" onClick={onReply}>
        <Icon name="reply" />
      </button>
      {isMine && (
        <button type="button" className="icon-button" aria-label="Edit" title="Edit" onClick={onEdit}>
          <Icon name="pencil" />
        </button>
      )}
      {mayDelete && (
        <button
          type="button"
          className="icon-button"
          aria-label="Delete"
          title="Delete"
          onClick={() => void actAs(world.userId).delete(message.id)}
        >
          <Icon name="trash" />
        </button>
      )}
    </div>
  );
}
