import type { ReactNode } from "react";
import { api } from "./api/api.ts";
import { useLive } from "./live/live-state.ts";
import { ActivityCard } from "./sections/activity-card.tsx";
import { AdviceCard } from "./sections/advice-card.tsx";
import { BackupsCard } from "./sections/backups-card.tsx";
import { ChartsCard } from "./sections/charts-card.tsx";
import { StateBanner } from "./sections/state-banner.tsx";
import { Tiles } from "./sections/tiles.tsx";
import { TokenGate, useAuthorize } from "./sections/token-gate.tsx";
import { LostBanner, TopBar } from "./sections/top-bar.tsx";

/** The whole page. */
export function App(): ReactNode {
  return (
    <TokenGate>
      <a className="skip-link" href="#main">
        Skip to the content
      </a>
      <TopBar />
      <LostBanner />
      <Main />
    </TokenGate>
  );
}

function Main(): ReactNode {
  const connection = useLive((live) => live.connection);
  const version = useLive((live) => live.health?.system.version);
  const engine = useLive((live) => live.health?.database.engineVersion);
  if (connection.kind === "refused") {
    return (
      <main id="main" tabIndex={-1}>
        <Refused message={connection.error.message} hint={connection.error.hint} />
      </main>
    );
  }
  return (
    <main id="main" tabIndex={-1} className={connection.kind === "lost" ? "is-old" : undefined}>
      <StateBanner />
      <Tiles />
      <ChartsCard />
      <div className="columns">
        <BackupsCard />
        <AdviceCard />
      </div>
      <ActivityCard />
      <footer className="page-foot muted">
        {version !== undefined && `Muster ${version}`}
        {engine !== undefined && ` · SQLite ${engine}`}
      </footer>
    </main>
  );
}

/** The bot answers, but shows itself only to those with its token, or at another address. */
function Refused({ message, hint }: { message: string; hint: string | undefined }): ReactNode {
  const authorize = useAuthorize();
  const ask = (): void => {
    // Closing the dialog leaves everything as it is; any other failure shows in what the stream says.
    authorize(() => api().health()).catch(() => undefined);
  };
  return (
    <section className="card refused">
      <h2>This dashboard is closed</h2>
      <p>{message}</p>
      <p className="muted">{hint}</p>
      <button type="button" className="primary" onClick={ask}>
        Give the token
      </button>
    </section>
  );
}
