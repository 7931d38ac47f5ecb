import type { ReactNode } from "react";
import { useLive } from "../live/live-store.ts";

/** What is wrong at the moment, above the messages. */
export function Banners(): ReactNode {
  const connection = useLive((live) => live.connection);
  const { isConnected, state } = useLive((live) => live.bot);
  if (connection === "lost") {
    return (
      <p className="banner is-bad" role="alert">
        The sandbox does not answer. Trying again by itself…
      </p>
    );
  }
  if (!isConnected) {
    const isStarting = state === "starting" || state === undefined;
    return (
      <p className="banner" role="status">
        {isStarting ? "The bot is not connected yet." : "The bot is down."} Commands get no answer; reactions stay, and
        it will read them when it is back.
      </p>
    );
  }
  return null;
}
