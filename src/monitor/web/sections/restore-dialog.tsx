import { useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import type { BackupRow, JobReport, RestorePlanReport, RestoreRequest } from "../../api-types.ts";
import { MonitorError } from "../../client/monitor-error.ts";
import { api } from "../api/api.ts";
import { serverNow } from "../live/live-state.ts";
import { formatAgo, formatMoment, formatPlural } from "../text/format.ts";
import { Dialog } from "../ui/dialog.tsx";
import { NotAuthorized, useAuthorize } from "./token-gate.tsx";

interface RestoreDialogProps {
  readonly backups: readonly BackupRow[];
  /** The backup that was chosen before; without it, the newest state is proposed. */
  readonly chosen?: string;
  readonly onBegun: (job: JobReport) => void;
  readonly onClose: () => void;
}

type TargetKind = "newest" | "backup" | "instant";

/** What has to be typed before the database is exchanged. */
const CONFIRMATION = "restore";

interface Planned {
  readonly target: RestoreRequest;
  readonly plan: RestorePlanReport;
}

/** A restore in three steps: what to, what that means, and only then the deed. */
export function RestoreDialog({ backups, chosen, onBegun, onClose }: RestoreDialogProps): ReactNode {
  const authorize = useAuthorize();
  const [planned, setPlanned] = useState<Planned>();
  const [isBusy, setIsBusy] = useState(false);
  const [failure, setFailure] = useState<MonitorError>();

  const attempt = async (action: () => Promise<void>): Promise<void> => {
    setIsBusy(true);
    setFailure(undefined);
    try {
      await action();
    } catch (error) {
      if (error instanceof MonitorError) setFailure(error);
      else if (!(error instanceof NotAuthorized)) throw error;
    } finally {
      setIsBusy(false);
    }
  };
  const plan = (target: RestoreRequest): Promise<void> =>
    attempt(async () => setPlanned({ target, plan: await authorize(() => api().planRestore(target)) }));
  const restore = (target: RestoreRequest): Promise<void> =>
    attempt(async () => {
      onBegun(await authorize(() => api().restore(target)));
      onClose();
    });

  return (
    <Dialog title="Restore the database" onClose={onClose}>
      {failure && (
        <p className="form-error" role="alert">
          {failure.message} {failure.hint}
        </p>
      )}
      {planned ? (
        <PlanStep planned={planned} isBusy={isBusy} onBack={() => setPlanned(undefined)} onConfirm={restore} />
      ) : (
        <TargetStep backups={backups} chosen={chosen} isBusy={isBusy} onPlan={plan} onClose={onClose} />
      )}
    </Dialog>
  );
}

interface TargetStepProps {
  readonly backups: readonly BackupRow[];
  readonly chosen: string | undefined;
  readonly isBusy: boolean;
  readonly onPlan: (target: RestoreRequest) => Promise<void>;
  readonly onClose: () => void;
}

function TargetStep({ backups, chosen, isBusy, onPlan, onClose }: TargetStepProps): ReactNode {
  const [kind, setKind] = useState<TargetKind>(chosen === undefined ? "newest" : "backup");
  const [backup, setBackup] = useState(chosen ?? backups[0]?.id ?? "");
  const [instant, setInstant] = useState(() => toLocalInput(serverNow()));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (kind === "newest") void onPlan({});
    else if (kind === "backup") void onPlan({ backup });
    else void onPlan({ at: new Date(instant).toISOString() });
  };
  const choice = (value: TargetKind, label: string, input?: ReactNode): ReactNode => (
    <div className="choice">
      <label>
        <input type="radio" name="target" checked={kind === value} onChange={() => setKind(value)} />
        <span>{label}</span>
      </label>
      {kind === value && input}
    </div>
  );
  return (
    <form onSubmit={submit} className="dialog-body">
      <fieldset className="choices">
        <legend>To which state?</legend>
        {choice("newest", "The newest state that can be restored")}
        {choice(
          "backup",
          "A backup",
          <select aria-label="Backup" value={backup} required onChange={(event) => setBackup(event.target.value)}>
            {backups.map(({ id, at, comment }) => (
              <option key={id} value={id}>
                {`${formatMoment(at)} · ${id}${comment === "" ? "" : ` · ${comment}`}`}
              </option>
            ))}
          </select>,
        )}
        {choice(
          "instant",
          "A moment of the past",
          <input
            type="datetime-local"
            aria-label="Moment, in your time zone"
            step="1"
            required
            value={instant}
            onChange={(event) => setInstant(event.target.value)}
          />,
        )}
      </fieldset>
      <p className="muted">Next you see what would be done. Nothing is changed yet.</p>
      <footer className="dialog-foot">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" className="primary" disabled={isBusy}>
          {isBusy ? "Planning…" : "Show the plan"}
        </button>
      </footer>
    </form>
  );
}

interface PlanStepProps {
  readonly planned: Planned;
  readonly isBusy: boolean;
  readonly onBack: () => void;
  readonly onConfirm: (target: RestoreRequest) => Promise<void>;
}

function PlanStep({ planned: { target, plan }, isBusy, onBack, onConfirm }: PlanStepProps): ReactNode {
  const [typed, setTyped] = useState("");
  const input = useRef<HTMLInputElement>(null);
  // The button that had the focus is gone with the step before.
  useEffect(() => input.current?.focus(), []);
  const isConfirmed = typed.trim().toLowerCase() === CONFIRMATION;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isConfirmed) void onConfirm(target);
  };
  return (
    <form onSubmit={submit} className="dialog-body">
      <dl className="plan">
        <dt>State</dt>
        <dd>
          {plan.restoredUntil === undefined
            ? "as the backup has it"
            : `of ${formatMoment(plan.restoredUntil)}, ${formatAgo(plan.restoredUntil, serverNow())}`}
        </dd>
        <dt>From</dt>
        <dd>
          backup <code>{plan.backup}</code>
          {plan.segmentCount > 0 && ` and ${formatPlural(plan.segmentCount, "segment")} of the archive`}
        </dd>
        <dt>Then</dt>
        <dd>The result is verified, and takes the place of the present database, which goes into quarantine.</dd>
      </dl>
      {plan.warnings.length > 0 && (
        <ul className="warnings">
          {plan.warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      )}
      <p>What was written after that moment will not be in the database any more.</p>
      <label className="field">
        <span>
          Type <strong>{CONFIRMATION}</strong> to confirm
        </span>
        <input
          ref={input}
          type="text"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          autoComplete="off"
          spellCheck={false}
        />
      </label>
      <footer className="dialog-foot">
        <button type="button" onClick={onBack}>
          Back
        </button>
        <button type="submit" className="danger" disabled={!isConfirmed || isBusy}>
          {isBusy ? "Starting…" : "Restore now"}
        </button>
      </footer>
    </form>
  );
}

/** A moment as `datetime-local` wants it: the browser's own time, without a zone. */
function toLocalInput(at: number): string {
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}
