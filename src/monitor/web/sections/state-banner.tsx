import type { ReactNode } from "react";
import type { HealthReport } from "../../../database/health/health-types.ts";
import { useLive } from "../live/live-state.ts";
import { useNow } from "../live/ticker.ts";
import { formatBytes, formatPlural, formatShare, formatSpan } from "../text/format.ts";
import { headlineOf, otherProblems, type Tone } from "../text/headline.ts";
import { Icon, type IconName } from "../ui/icon.tsx";

const ICONS: Readonly<Record<Tone, IconName>> = {
  good: "check",
  warning: "warning",
  critical: "critical",
  unknown: "unknown",
};

/** The first thing to read: how it is, in words. */
export function StateBanner(): ReactNode {
  const health = useLive((live) => live.health);
  const now = useNow();
  const headline = health
    ? headlineOf(health, now)
    : { tone: "unknown" as const, title: "Asking the bot how it is…", text: "This takes a moment." };
  return (
    <section className={`state tone-${headline.tone}`} aria-label="State">
      <span className="state-mark">
        <Icon name={ICONS[headline.tone]} />
      </span>
      <div className="state-words">
        <p className="state-title" role="status" aria-live="polite">
          {headline.title}
        </p>
        <p className="state-text">{headline.text}</p>
        {health && <Problems health={health} />}
      </div>
      {health && <Facts health={health} now={now} />}
    </section>
  );
}

function Problems({ health }: { health: HealthReport }): ReactNode {
  const problems = otherProblems(health);
  if (problems.length === 0) return null;
  return (
    <ul className="problems">
      {problems.map(({ kind, severity, message }) => (
        <li key={kind} className={`tone-${severity}`}>
          {message}
        </li>
      ))}
    </ul>
  );
}

function Facts({ health, now }: { health: HealthReport; now: number }): ReactNode {
  const { system, gateway, database } = health;
  const facts: readonly (readonly [string, string])[] = [
    ["Up for", formatSpan(now - system.startedAt)],
    ["Servers", formatPlural(gateway.guildCount, "server")],
    ["Memory", formatBytes(system.memory.residentBytes)],
    ["CPU", `${formatShare(system.cpuShare)} of a core`],
    ["Database", database.files ? formatBytes(database.files.databaseBytes) : "in memory"],
    ["Disk free", formatBytes(database.files?.diskFreeBytes)],
  ];
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
