import { useState, type ReactNode } from "react";
import type { JobReport } from "../../api-types.ts";
import { useLive } from "../live/live-state.ts";
import { useNow } from "../live/ticker.ts";
import { formatShare } from "../text/format.ts";
import { Icon } from "../ui/icon.tsx";

/** An ended job is news for this long. */
const NEWS_MS = 60_000;

const WORDS: Readonly<Record<JobReport["kind"], { running: string; succeeded: string; failed: string }>> = {
  backup: { running: "Making a backup", succeeded: "The backup is made.", failed: "The backup failed." },
  verify: { running: "Reading a backup back", succeeded: "The backup is sound.", failed: "The check failed." },
  restore: { running: "Restoring", succeeded: "The database is restored.", failed: "The restore failed." },
};

/** What is being done at the moment, and how it ended a moment ago. */
export function JobProgress(): ReactNode {
  const jobs = useLive((live) => live.jobs);
  const now = useNow();
  const [dismissed, setDismissed] = useState<ReadonlySet<string>>(new Set());
  const shown = [...jobs.values()].filter(
    ({ id, finishedAt }) => !dismissed.has(id) && (finishedAt === undefined || finishedAt > now - NEWS_MS),
  );
  return (
    <div className="jobs" aria-live="polite">
      {shown.map((job) =>
        job.state === "running" ? (
          <RunningJob key={job.id} job={job} />
        ) : (
          <div key={job.id} className={`job tone-${job.state === "succeeded" ? "good" : "critical"}`}>
            <Icon name={job.state === "succeeded" ? "check" : "critical"} />
            <p>{job.message ?? WORDS[job.kind][job.state]}</p>
            <button
              type="button"
              className="icon-button"
              aria-label="Dismiss"
              onClick={() => setDismissed(new Set([...dismissed, job.id]))}
            >
              <Icon name="close" />
            </button>
          </div>
        ),
      )}
    </div>
  );
}

function RunningJob({ job: { kind, step, progress } }: { job: JobReport }): ReactNode {
  const label = `${WORDS[kind].running}${step === undefined ? "" : `: ${step}`}`;
  return (
    <div className="job">
      <p>{label}</p>
      <progress aria-label={label} {...(progress !== undefined && { value: progress })} />
      <span className="figure muted">
        {progress === undefined ? "" : formatShare(Math.round(progress * 100) / 100)}
      </span>
    </div>
  );
}
