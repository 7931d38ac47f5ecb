import type { APIMessage } from "discord-api-types/v10";
import { useEffect, useState, type ReactNode } from "react";
import { Composer } from "./chat/composer.tsx";
import { MessageList } from "./chat/message-list.tsx";
import { Modal } from "./chat/modal.tsx";
import { getState, setState, useLive, useWorld } from "./live/live-store.ts";
import { ChaosPanel } from "./panels/chaos-panel.tsx";
import { TourCard } from "./panels/tour-card.tsx";
import { useTour } from "./panels/use-tour.ts";
import { goTo, useRoute } from "./route.ts";
import { Banners } from "./shell/banners.tsx";
import { MemberList } from "./shell/member-list.tsx";
import { PeopleStrip, usePeopleKeys } from "./shell/people-strip.tsx";
import { Sidebar } from "./shell/sidebar.tsx";
import { TopBar, type PanelName } from "./shell/top-bar.tsx";
import { Icon } from "./ui/icon.tsx";
import { resolveChannelId } from "./ui/names.ts";

/** Narrower than this there is room for the chat alone. */
const WIDE = "(min-width: 900px)";

export function App(): ReactNode {
  const isKnown = useLive((live) => live.world !== undefined);
  const connection = useLive((live) => live.connection);
  if (isKnown) return <Shell />;
  return (
    <p className="waiting" role="status">
      {connection === "lost" ? "The sandbox does not answer. Trying again by itself…" : "Opening the sandbox…"}
    </p>
  );
}

function Shell(): ReactNode {
  const world = useWorld();
  const route = useRoute();
  const tour = useTour();
  const [panel, setPanel] = useState<PanelName | undefined>(() =>
    window.matchMedia(WIDE).matches ? "members" : undefined,
  );
  const [isMenuOpen, setMenuOpen] = useState(false);
  const [replyTo, setReplyTo] = useState<APIMessage>();
  const channelId = resolveChannelId(world, route.channelId);
  usePeopleKeys();
  useReading(channelId);
  useEffect(() => {
    if (route.userId !== world.userId && route.userId === undefined) goTo({ userId: world.userId }, { replaces: true });
  }, [route.userId, world.userId]);
  useEffect(() => setReplyTo(undefined), [channelId, world.userId]);

  const showPanel = (wanted: PanelName): void => setPanel(panel === wanted ? undefined : wanted);
  const isReplyHere = replyTo?.channel_id === channelId;
  return (
    <div className="shell" data-drawer={isMenuOpen || undefined}>
      <Sidebar channelId={channelId} onGone={() => setMenuOpen(false)} />
      {isMenuOpen && (
        <button type="button" className="shade" aria-label="Close the channels" onClick={() => setMenuOpen(false)} />
      )}
      <main className="chat">
        <TopBar
          channelId={channelId}
          panel={panel}
          isTouring={tour.isOpen}
          onMenu={() => setMenuOpen(!isMenuOpen)}
          onPanel={showPanel}
          onTour={tour.isOpen ? tour.close : tour.open}
        />
        <div className="people-bar">
          <PeopleStrip />
        </div>
        <Banners />
        <div className="chat-body">
          <div className="chat-column">
            <MessageList channelId={channelId} onReply={setReplyTo} />
            <Composer
              key={`${world.userId} ${channelId}`}
              channelId={channelId}
              replyTo={isReplyHere ? replyTo : undefined}
              onReplied={() => setReplyTo(undefined)}
            />
          </div>
          {(panel !== undefined || tour.isOpen) && (
            <aside className="side" data-panel={panel}>
              {panel !== undefined && (
                <div className="panel" role="region" aria-label={panel === "chaos" ? "Chaos" : "Members"}>
                  <header className="panel-head">
                    <h2>{panel === "chaos" ? "Chaos" : "Members"}</h2>
                    <button
                      type="button"
                      className="icon-button"
                      aria-label="Close the panel"
                      onClick={() => setPanel(undefined)}
                    >
                      <Icon name="close" />
                    </button>
                  </header>
                  {panel === "chaos" ? <ChaosPanel /> : <MemberList />}
                </div>
              )}
              {tour.isOpen && <TourCard tour={tour} onChaos={() => setPanel("chaos")} />}
            </aside>
          )}
        </div>
      </main>
      <Modal />
    </div>
  );
}

/** The channel in view is read, and its address is the route's. */
function useReading(channelId: string): void {
  const { directChannelId } = useWorld();
  const unread = useLive((live) => live.unreadIds);
  useEffect(() => {
    const { unreadIds } = getState();
    if (unreadIds.has(channelId)) setState({ unreadIds: new Set([...unreadIds].filter((id) => id !== channelId)) });
  }, [channelId, unread]);
  const place = channelId === directChannelId ? "me" : channelId;
  const { channelId: asked } = useRoute();
  useEffect(() => {
    if (asked === undefined) goTo({ channelId: place }, { replaces: true });
  }, [asked, place]);
}
