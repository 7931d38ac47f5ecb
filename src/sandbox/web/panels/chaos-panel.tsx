import { useEffect, useState, type ReactNode } from "react";
import { describeFailure, sandboxApi } from "../api.ts";
import type { ChaosAction, ChaosLogEntry, RunningChaos } from "../live/chaos-report.ts";
import { loadChaos } from "../live/live-connection.ts";
import { useLive } from "../live/live-store.ts";
import { formatTimestamp } from "../text/format-time.ts";
import { BotCard } from "./bot-card.tsx";
import { TimeCard } from "./time-card.tsx";
import { useRemaining } from "./use-remaining.ts";

const REFRESH_MS = 2_000;

/** Everything that can be done to the bot, beside what becomes of it. */
export function ChaosPanel(): ReactNode {
  const chaos = useLive((live) => live.chaos);
  useEffect(() => {
    // What can be done depends on how the bot is, of which no event tells.
    const timer = window.setInterval(() => void loadChaos(), REFRESH_MS);
    return () => window.clearInterval(timer);
  }, []);
  return (
    <div className="chaos">
      <BotCard lastWords={chaos?.log.at(-1)?.text} />
      <TimeCard />
      {chaos === undefined || chaos.actions.length === 0 ? (
        <p className="muted">This sandbox has nothing to break: the bot is not its own.</p>
      ) : (
        <>
          <Log entries={chaos.log} />
          <h3>Break something</h3>
          {chaos.actions.map((action) => (
            <ActionCard key={action.id} action={action} running={chaos.running.find(({ id }) => id === action.id)} />
          ))}
        </>
      )}
    </div>
  );
}

function Log({ entries }: { readonly entries: readonly ChaosLogEntry[] }): ReactNode {
  if (entries.length === 0) return null;
  return (
    <section className="chaos-log" aria-label="What happened">
      <h3>What happened</h3>
      <ol>
        {entries
          .slice(-6)
          .reverse()
          .map(({ at, text }, index) => (
            <li key={`${at}-${entries.length - index}`}>
              <time>{formatTimestamp(at, "T")}</time>
              <span>{text}</span>
            </li>
          ))}
      </ol>
    </section>
  );
}

interface ActionCardProps {
  readonly action: ChaosAction;
  readonly running: RunningChaos | undefined;
}

function ActionCard({ action, running }: ActionCardProps): ReactNode {
  const { id, title, description, expectation, parameters, isAvailable, reason } = action;
  const [values, setValues] = useState<Readonly<Record<string, number>>>({});
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState<string>();
  const remaining = useRemaining(running);

  const act = async (perform: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    setFault(undefined);
    try {
      await perform();
    } catch (error) {
      setFault(describeFailure(error));
    } finally {
      setBusy(false);
    }
  };
  const begin = (): Promise<void> =>
    act(() =>
      sandboxApi.beginChaos(
        id,
        Object.fromEntries(parameters.map((each) => [each.name, values[each.name] ?? each.default])),
      ),
    );
  return (
    <article className={running ? "chaos-card is-running" : "chaos-card"} data-chaos={id}>
      <h4>{title}</h4>
      <p>{description}</p>
      <details>
        <summary>What should happen</summary>
        <p>{expectation}</p>
      </details>
      <div className="chaos-controls">
        {parameters.map(({ name, unit, min, max, default: initial }) => (
          <label key={name}>
            <input
              type="number"
              aria-label={`${title}: ${name}`}
              {...{ min, max }}
              value={values[name] ?? initial}
              onChange={({ target }) => setValues((known) => ({ ...known, [name]: Number(target.value) }))}
            />
            <span>{unit}</span>
          </label>
        ))}
        {running ? (
          <button type="button" disabled={isBusy} onClick={() => void act(() => sandboxApi.endChaos(id))}>
            End it{remaining === undefined ? "" : ` (${remaining} s)`}
          </button>
        ) : (
          <button type="button" className="danger" disabled={isBusy || !isAvailable} onClick={() => void begin()}>
            {isBusy ? "Doing it…" : "Do it"}
          </button>
        )}
      </div>
      {!isAvailable && !running && reason !== undefined && <p className="muted">{reason}</p>}
      {fault !== undefined && (
        <p className="fault" role="alert">
          {fault}
        </p>
      )}
    </article>
  );
}
