import { useState, type ReactNode } from "react";
import { useWorld } from "../live/live-store.ts";
import { goTo } from "../route.ts";
import { Icon } from "../ui/icon.tsx";
import { findChannel, nameOf } from "../ui/names.ts";
import { parseMarkdown, type MarkdownNode } from "./discord-markdown.ts";
import { Timestamp } from "./timestamp.tsx";

const EMOJI_ONLY = /^(?:\p{RGI_Emoji}|\p{Extended_Pictographic}\u{FE0F}?|\s){1,24}$/v;

/** A text as Discord shows it. */
export function Markdown({ text, isPlace = false }: { readonly text: string; readonly isPlace?: boolean }): ReactNode {
  const isJumbo = !isPlace && EMOJI_ONLY.test(text);
  return <div className={isJumbo ? "markdown is-jumbo" : "markdown"}>{renderNodes(parseMarkdown(text))}</div>;
}

function renderNodes(nodes: readonly MarkdownNode[]): ReactNode[] {
  return nodes.map((node, index) => <Node key={index} node={node} />);
}

function Node({ node }: { readonly node: MarkdownNode }): ReactNode {
  switch (node.kind) {
    case "text":
      return node.text;
    case "break":
      return <br />;
    case "bold":
      return <strong>{renderNodes(node.children)}</strong>;
    case "italic":
      return <em>{renderNodes(node.children)}</em>;
    case "underline":
      return <u>{renderNodes(node.children)}</u>;
    case "strike":
      return <s>{renderNodes(node.children)}</s>;
    case "spoiler":
      return <Spoiler>{renderNodes(node.children)}</Spoiler>;
    case "quote":
      return <blockquote>{renderNodes(node.children)}</blockquote>;
    case "small":
      return <small className="subtext">{renderNodes(node.children)}</small>;
    case "heading":
      return <p className={`heading-${node.level}`}>{renderNodes(node.children)}</p>;
    case "list":
      return <List start={node.start} items={node.items} />;
    case "code":
      return <code>{node.text}</code>;
    case "codeBlock":
      return <pre>{node.text}</pre>;
    case "link":
      return <Link url={node.url}>{renderNodes(node.children)}</Link>;
    case "user":
      return <UserMention id={node.id} />;
    case "role":
      return <RoleMention id={node.id} />;
    case "channel":
      return <ChannelMention id={node.id} />;
    case "everyone":
      return <span className="mention">{node.text}</span>;
    case "command":
      return <span className="mention">/{node.name}</span>;
    case "emoji":
      return <span className="custom-emoji">:{node.name}:</span>;
    case "timestamp":
      return <Timestamp atMs={node.seconds * 1_000} style={node.style} />;
    default:
      return node satisfies never;
  }
}

function List({
  start,
  items,
}: {
  readonly start: number | undefined;
  readonly items: readonly (readonly MarkdownNode[])[];
}): ReactNode {
  const lines = items.map((item, index) => <li key={index}>{renderNodes(item)}</li>);
  return start === undefined ? <ul>{lines}</ul> : <ol start={start}>{lines}</ol>;
}

function Spoiler({ children }: { readonly children: ReactNode }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  if (isOpen) return <span className="spoiler is-open">{children}</span>;
  return (
    <button type="button" className="spoiler" aria-label="Spoiler: show it" onClick={() => setOpen(true)}>
      <span aria-hidden="true">{children}</span>
    </button>
  );
}

/** Links between messages lead there within the page; others to a tab of their own. */
function Link({ url, children }: { readonly url: string; readonly children: ReactNode }): ReactNode {
  const world = useWorld();
  const message = /^https:\/\/(?:\w+\.)?discord\.com\/channels\/(?:\d+|@me)\/(\d+)(?:\/(\d+))?/.exec(url);
  const channelId = message?.[1];
  if (channelId === undefined) {
    return (
      <a href={url} target="_blank" rel="noreferrer noopener">
        {children}
      </a>
    );
  }
  const name = findChannel(world, channelId)?.channel.name ?? "unknown";
  const show = (): void => {
    goTo({ channelId });
    window.setTimeout(() => highlightMessage(message?.[2]), 50);
  };
  return (
    <button type="button" className="mention" onClick={show}>
      <Icon name="hash" />
      {name} › 💬
    </button>
  );
}

function highlightMessage(messageId: string | undefined): void {
  const element = messageId === undefined ? null : document.getElementById(`message-${messageId}`);
  if (!element) return;
  element.scrollIntoView({ block: "center", behavior: "smooth" });
  element.classList.remove("is-highlighted");
  void element.offsetWidth;
  element.classList.add("is-highlighted");
}

function UserMention({ id }: { readonly id: string }): ReactNode {
  const world = useWorld();
  return <span className={id === world.userId ? "mention is-me" : "mention"}>@{nameOf(world, id)}</span>;
}

function RoleMention({ id }: { readonly id: string }): ReactNode {
  const role = useWorld()
    .guilds.flatMap(({ roles }) => roles)
    .find((each) => each.id === id);
  return <span className="mention">@{role?.name.replace(/^@/, "") ?? "deleted-role"}</span>;
}

function ChannelMention({ id }: { readonly id: string }): ReactNode {
  const found = findChannel(useWorld(), id);
  if (!found) return <span className="mention">#no-access</span>;
  return (
    <button type="button" className="mention" onClick={() => goTo({ channelId: id })}>
      <Icon name="hash" />
      {found.channel.name}
    </button>
  );
}
