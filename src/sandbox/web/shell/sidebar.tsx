import type { ReactNode } from "react";
import { useLive, useWorld } from "../live/live-store.ts";
import { goTo } from "../route.ts";
import { Avatar } from "../ui/avatar.tsx";
import { Icon, type IconName } from "../ui/icon.tsx";
import { nameOf } from "../ui/names.ts";
import { WhoAmI } from "./people-strip.tsx";

export interface SidebarProps {
  readonly channelId: string;
  readonly onGone: () => void;
}

/** Servers and direct messages on the rail, the channels of the one that is open beside it. */
export function Sidebar({ channelId, onGone }: SidebarProps): ReactNode {
  const world = useWorld();
  const isDirect = channelId === world.directChannelId;
  const guild = world.guilds.find(({ channels }) => channels.some(({ id }) => id === channelId)) ?? world.guilds[0];
  const go = (id: string): void => {
    goTo({ channelId: id });
    onGone();
  };
  return (
    <div className="sidebar">
      <nav className="rail" aria-label="Servers">
        <button
          type="button"
          className={isDirect ? "rail-button is-direct is-here" : "rail-button is-direct"}
          aria-label="Direct messages"
          title="Direct messages"
          onClick={() => go("me")}
        >
          <Icon name="at" />
          <Unread ids={[world.directChannelId]} />
        </button>
        <hr />
        {world.guilds.map(({ id, name, channels }) => (
          <button
            key={id}
            type="button"
            className={!isDirect && id === guild?.id ? "rail-button is-here" : "rail-button"}
            aria-label={name}
            title={name}
            onClick={() => go(channels[0]?.id ?? "me")}
          >
            {abbreviate(name)}
            <Unread ids={channels.map((channel) => channel.id)} />
          </button>
        ))}
      </nav>
      <div className="channels">
        <h1 className="guild-name">{isDirect ? "Direct messages" : (guild?.name ?? "No server")}</h1>
        <nav aria-label="Channels" className="channel-list">
          {isDirect ? (
            <button type="button" className="channel is-here" aria-current="page" onClick={() => go("me")}>
              <Avatar userId={world.botUserId} />
              {nameOf(world, world.botUserId)}
            </button>
          ) : (
            <>
              <p className="channel-group">Text channels</p>
              {guild?.channels.map(({ id, name, isPrivate }) => (
                <ChannelButton
                  key={id}
                  id={id}
                  name={name}
                  icon={isPrivate ? "lock" : "hash"}
                  isHere={id === channelId}
                  onGo={go}
                />
              ))}
            </>
          )}
        </nav>
        <WhoAmI />
      </div>
    </div>
  );
}

function abbreviate(name: string): string {
  const letters = name.split(/\s+/).map((word) => word[0] ?? "");
  return letters.join("").slice(0, 3).toUpperCase();
}

function Unread({ ids }: { readonly ids: readonly string[] }): ReactNode {
  const unread = useLive((live) => live.unreadIds);
  return ids.some((id) => unread.has(id)) ? <span className="unread-dot" aria-label="unread" /> : null;
}

interface ChannelButtonProps {
  readonly id: string;
  readonly name: string;
  readonly icon: IconName;
  readonly isHere: boolean;
  readonly onGo: (id: string) => void;
}

function ChannelButton({ id, name, icon, isHere, onGo }: ChannelButtonProps): ReactNode {
  const isUnread = useLive((live) => live.unreadIds.has(id));
  return (
    <button
      type="button"
      className={`channel${isHere ? " is-here" : ""}${isUnread && !isHere ? " is-unread" : ""}`}
      aria-current={isHere ? "page" : undefined}
      onClick={() => onGo(id)}
    >
      <Icon name={icon} />
      {name}
    </button>
  );
}
