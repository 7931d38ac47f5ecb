import type { APIMessage } from "discord-api-types/v10";
import { useEffect, useLayoutEffect, useMemo, useRef, type ReactNode } from "react";
import { removeNotice, useLive, useWorld } from "../live/live-store.ts";
import type { Notice } from "../live/view-state.ts";
import { formatTimestamp } from "../text/format-time.ts";
import { Avatar } from "../ui/avatar.tsx";
import { Icon } from "../ui/icon.tsx";
import { findChannel } from "../ui/names.ts";
import { groupMessages } from "./group-messages.ts";
import { Message } from "./message.tsx";

/** Nearer to the end than this, new messages are followed. */
const FOLLOW_DISTANCE_PX = 120;

export interface MessageListProps {
  readonly channelId: string;
  readonly onReply: (message: APIMessage) => void;
}

export function MessageList({ channelId, onReply }: MessageListProps): ReactNode {
  const world = useWorld();
  const dismissedIds = useLive((live) => live.dismissedIds);
  const allNotices = useLive((live) => live.notices);
  const messages = world.messages[channelId];
  const shown = useMemo(
    () => groupMessages((messages ?? []).filter(({ id }) => !dismissedIds.has(id))),
    [messages, dismissedIds],
  );
  const notices = allNotices.filter((notice) => notice.channelId === channelId && notice.userId === world.userId);
  const scroller = useFollowedEnd(`${world.userId} ${channelId}`, `${shown.length} ${notices.length}`);
  return (
    <div className="messages" ref={scroller} tabIndex={0} role="log" aria-label="Messages">
      <div className="messages-inner">
        <Beginning channelId={channelId} />
        <ol>
          {shown.map(({ message, startsGroup, startsDay }) => (
            <Day key={message.id} atMs={startsDay ? Date.parse(message.timestamp) : undefined}>
              <Message message={message} startsGroup={startsGroup} onReply={onReply} />
            </Day>
          ))}
        </ol>
        {notices.map((notice) => (
          <NoticeLine key={notice.id} notice={notice} />
        ))}
      </div>
    </div>
  );
}

/** Stays at the end while the reader is there, also when pictures or cards below grow; goes there in another channel. */
function useFollowedEnd(place: string, content: string) {
  const scroller = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    isAtEnd.current = true;
  }, [place]);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element && isAtEnd.current) element.scrollTop = element.scrollHeight;
  }, [place, content]);
  useEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const onScroll = (): void => {
      isAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < FOLLOW_DISTANCE_PX;
    };
    const observer = new ResizeObserver(() => {
      if (isAtEnd.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    if (element.firstElementChild) observer.observe(element.firstElementChild);
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", onScroll);
    };
  }, []);
  return scroller;
}

function Day({ atMs, children }: { readonly atMs: number | undefined; readonly children: ReactNode }): ReactNode {
  return (
    <>
      {atMs !== undefined && (
        <li className="day" role="separator">
          <span>{formatTimestamp(atMs, "D")}</span>
        </li>
      )}
      {children}
    </>
  );
}

function Beginning({ channelId }: { readonly channelId: string }): ReactNode {
  const world = useWorld();
  const found = findChannel(world, channelId);
  if (!found) {
    return (
      <header className="beginning">
        <Avatar userId={world.botUserId} />
        <h2>Your direct messages with the bot</h2>
        <p>Only you and the bot read them.</p>
      </header>
    );
  }
  const { channel } = found;
  return (
    <header className="beginning">
      <span className="beginning-icon">
        <Icon name={channel.isPrivate ? "lock" : "hash"} />
      </span>
      <h2>Welcome to #{channel.name}!</h2>
      <p>This is the start of the #{channel.name} channel.</p>
    </header>
  );
}

function NoticeLine({ notice }: { readonly notice: Notice }): ReactNode {
  return (
    <div className={`notice is-${notice.kind}`} role="status">
      <span>
        <b>{notice.title}</b> {notice.text}
      </span>
      {notice.kind === "failed" && (
        <button type="button" className="as-link" onClick={() => removeNotice(notice.id)}>
          Dismiss
        </button>
      )}
    </div>
  );
}
