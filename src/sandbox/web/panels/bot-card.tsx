import type { ReactNode } from "react";
import type { BotStatus } from "../../live/live-frames.ts";
import { useLive } from "../live/live-store.ts";
import { Icon } from "../ui/icon.tsx";

interface Words {
  readonly tone: "good" | "warn" | "bad";
  readonly text: string;
}

/** The states of Muster's database, in words; another bot's are shown as they are. */
const STATES: Readonly<Record<string, Words>> = {
  normal: { tone: "good", text: "All is well" },
  "read-only": { tone: "warn", text: "The database takes no writes: they wait" },
  offline: { tone: "bad", text: "The database is away: answers come from memory, writes wait" },
  starting: { tone: "warn", text: "The bot is starting" },
  stopping: { tone: "warn", text: "The bot is stopping" },
  stopped: { tone: "bad", text: "The bot is down" },
};

function describe({ isConnected, state, queueSize = 0 }: BotStatus): Words {
  const words = state === undefined ? undefined : STATES[state];
  if (!isConnected && words?.tone === "good") return { tone: "bad", text: "Not connected to Discord" };
  if (words?.tone === "good" && queueSize > 0) return { tone: "warn", text: "Writes wait for the database" };
  if (words) return words;
  if (!isConnected) return { tone: "bad", text: "Not connected" };
  return { tone: "good", text: state === undefined ? "Connected" : state };
}

/** How the bot is, live, and what was done to it last: in view wherever the panel is scrolled to. */
export function BotCard({ lastWords }: { readonly lastWords: string | undefined }): ReactNode {
  const bot = useLive((live) => live.bot);
  const { tone, text } = describe(bot);
  const queue = bot.queueSize ?? 0;
  return (
    <section className={`bot-card is-${tone}`} aria-label="The bot" aria-live="polite">
      <p className="bot-state">
        <span className="status-dot" />
        <b>{text}</b>
      </p>
      {bot.reason !== undefined && <p className="muted">{bot.reason}</p>}
      <p className="bot-facts">
        <span>{bot.isConnected ? "Connected to Discord" : "Not connected to Discord"}</span>
        {bot.queueSize !== undefined && (
          <span>
            {queue === 0 ? "No writes are waiting" : `${queue} ${queue === 1 ? "write is" : "writes are"} waiting`}
          </span>
        )}
      </p>
      {lastWords !== undefined && <p className="muted">Last: {lastWords}</p>}
      {bot.monitorUrl !== undefined && (
        <a href={bot.monitorUrl} target="_blank" rel="noreferrer noopener">
          <Icon name="chart" /> Open its dashboard
        </a>
      )}
    </section>
  );
}
