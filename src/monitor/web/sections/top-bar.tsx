import { useSyncExternalStore, type ReactNode } from "react";
import { getToken, onToken, setToken } from "../api/session-token.ts";
import { reconnectNow } from "../live/live-connection.ts";
import { useLive } from "../live/live-state.ts";
import { useNow } from "../live/ticker.ts";
import { formatSpan, formatTime } from "../text/format.ts";
import { THEME_CHOICES, useThemeChoice } from "../theme.ts";
import { Icon } from "../ui/icon.tsx";
import { Segments } from "../ui/segments.tsx";

/** Name, connection, token and theme: always in sight. */
export function TopBar(): ReactNode {
  const [theme, setTheme] = useThemeChoice();
  return (
    <header className="top-bar">
      <div className="brand">
        <img src="./icon.svg" alt="" width="28" height="28" />
        <h1>Muster</h1>
      </div>
      <LiveIndicator />
      <div className="top-actions">
        <TokenButton />
        <Segments
          label="Colours"
          value={theme}
          onChange={setTheme}
          options={THEME_CHOICES.map(({ value, label, icon }) => ({
            value,
            title: label,
            label: (
              <>
                <Icon name={icon} />
                <span className="visually-hidden">{label}</span>
              </>
            ),
          }))}
        />
      </div>
    </header>
  );
}

/** Whether what is on the page is what is. */
function LiveIndicator(): ReactNode {
  const connection = useLive((live) => live.connection);
  switch (connection.kind) {
    case "connecting":
      return <p className="live tone-unknown">Connecting…</p>;
    case "live":
      return <p className="live tone-good is-pulsing">Live</p>;
    case "refused":
      return <p className="live tone-warning">A token is needed</p>;
    case "lost":
      return <p className="live tone-critical">Reconnecting…</p>;
  }
}

function TokenButton(): ReactNode {
  const isUnlocked = useSyncExternalStore(onToken, () => getToken() !== undefined);
  if (!isUnlocked) return null;
  return (
    <button type="button" className="quiet" onClick={() => setToken(undefined)} title="Forget the token in this tab">
      <Icon name="unlock" />
      <span>Lock</span>
    </button>
  );
}

/** Says that the bot is gone and how old the page is; nothing while all is live. */
export function LostBanner(): ReactNode {
  const connection = useLive((live) => live.connection);
  const health = useLive((live) => live.health);
  const now = useNow();
  if (connection.kind !== "lost") return null;
  const waitMs = connection.retryAt - Date.now();
  return (
    <div className="lost-banner" role="alert">
      <p>
        <strong>The bot is gone since {formatTime(connection.since, Date.now())}.</strong>{" "}
        {health
          ? `What you see is ${formatSpan(Math.max(now - health.at, 1_000))} old.`
          : "Nothing has been heard of it yet."}{" "}
        <span className="muted">{waitMs > 1_000 ? `Trying again in ${formatSpan(waitMs)}.` : "Trying again…"}</span>
      </p>
      <button type="button" onClick={reconnectNow}>
        Try now
      </button>
    </div>
  );
}
