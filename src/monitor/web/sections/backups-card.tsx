import { useEffect, useState, type ReactNode } from "react";
import type { BackupRow, JobReport } from "../../api-types.ts";
import { MonitorError } from "../../client/monitor-error.ts";
import { api } from "../api/api.ts";
import { addJob, useLive } from "../live/live-state.ts";
import { useResource } from "../live/use-resource.ts";
import { formatBytes } from "../text/format.ts";
import { Ago } from "../ui/ago.tsx";
import { Badge } from "../ui/badge.tsx";
import { Card, Empty, Loaded } from "../ui/card.tsx";
import { DataTable, type Column } from "../ui/data-table.tsx";
import { Icon } from "../ui/icon.tsx";
import { JobProgress } from "./job-progress.tsx";
import { RestoreDialog } from "./restore-dialog.tsx";
import { NotAuthorized, useAuthorize } from "./token-gate.tsx";

const RELOAD_MS = 30_000;

/** What can be restored, and what can be done about it. */
export function BackupsCard(): ReactNode {
  const authorize = useAuthorize();
  const resource = useResource(() => api().backups(), RELOAD_MS);
  const jobs = useLive((live) => live.jobs);
  const isLive = useLive((live) => live.connection.kind === "live");
  const lastBackupId = useLive((live) => live.health?.backups.lastBackupId);
  const [failure, setFailure] = useState<MonitorError>();
  const [restoring, setRestoring] = useState<{ backup?: BackupRow }>();
  const endedCount = [...jobs.values()].filter(({ finishedAt }) => finishedAt !== undefined).length;
  const isRunning = (kind: JobReport["kind"]): boolean =>
    [...jobs.values()].some((job) => job.kind === kind && job.state === "running");

  const { reload } = resource;
  // Also what the schedule or somebody else has begun is shown as soon as it has ended.
  useEffect(reload, [endedCount, lastBackupId, reload]);

  const begin = (action: () => Promise<JobReport>): void => {
    setFailure(undefined);
    authorize(action).then(addJob, (error: unknown) => {
      if (error instanceof MonitorError) setFailure(error);
      else if (!(error instanceof NotAuthorized)) throw error;
    });
  };

  const columns = columnsFor({
    isBusy: !isLive || isRunning("verify"),
    onVerify: ({ id }) => begin(() => api().verifyBackup(id)),
    onRestore: (backup) => setRestoring({ backup }),
  });

  return (
    <Card
      title="Backups"
      actions={
        <div className="button-row">
          <button type="button" disabled={!isLive} onClick={() => setRestoring({})}>
            Restore…
          </button>
          <button
            type="button"
            className="primary"
            disabled={!isLive || isRunning("backup")}
            onClick={() => begin(() => api().createBackup("from the dashboard"))}
          >
            <Icon name="plus" />
            {isRunning("backup") ? "Backing up…" : "Back up now"}
          </button>
        </div>
      }
    >
      {failure && (
        <div className="failure" role="alert">
          <p>
            <strong>{failure.message}</strong> {failure.hint}
          </p>
          <button type="button" onClick={() => setFailure(undefined)}>
            Dismiss
          </button>
        </div>
      )}
      <JobProgress />
      <Loaded resource={resource} what="The backups">
        {(rows) =>
          rows.length === 0 ? (
            <Empty title="There is no backup yet.">Make one now; the schedule makes the others by itself.</Empty>
          ) : (
            <DataTable caption="Backups" columns={columns} rows={rows} keyOf={({ id }) => id} />
          )
        }
      </Loaded>
      {restoring && (
        <RestoreDialog
          backups={resource.data ?? []}
          {...(restoring.backup && { chosen: restoring.backup.id })}
          onBegun={addJob}
          onClose={() => setRestoring(undefined)}
        />
      )}
    </Card>
  );
}

interface RowActions {
  readonly isBusy: boolean;
  readonly onVerify: (backup: BackupRow) => void;
  readonly onRestore: (backup: BackupRow) => void;
}

function columnsFor({ isBusy, onVerify, onRestore }: RowActions): readonly Column<BackupRow>[] {
  return [
    { key: "at", label: "Made", render: ({ at }) => <Ago at={at} />, sortBy: ({ at }) => at },
    {
      key: "id",
      label: "Backup",
      render: ({ id, reason, comment }) => (
        <>
          <code>{id}</code> <span className="muted">{comment === "" ? reason : `${reason}, ${comment}`}</span>
        </>
      ),
    },
    {
      key: "verified",
      label: "State",
      render: ({ isVerified, isEncrypted }) => (
        <span className="badges">
          <Badge tone={isVerified ? "good" : "warning"}>{isVerified ? "verified" : "not verified"}</Badge>
          {isEncrypted && <Badge tone="plain">encrypted</Badge>}
        </span>
      ),
    },
    {
      key: "checked",
      label: "Last read back",
      render: ({ verifiedAt }) => (verifiedAt === undefined ? "never" : <Ago at={verifiedAt} />),
    },
    {
      key: "size",
      label: "Size",
      isFigure: true,
      render: ({ storedBytes, sizeBytes }) => (
        <span title={`${formatBytes(sizeBytes)} unpacked`}>{formatBytes(storedBytes)}</span>
      ),
      sortBy: ({ storedBytes }) => storedBytes,
    },
    {
      key: "actions",
      label: "Actions",
      isFigure: true,
      render: (backup) => (
        <div className="button-row">
          <button type="button" className="small" disabled={isBusy} onClick={() => onVerify(backup)}>
            Verify<span className="visually-hidden"> backup {backup.id}</span>
          </button>
          <button type="button" className="small" onClick={() => onRestore(backup)}>
            Restore…<span className="visually-hidden"> backup {backup.id}</span>
          </button>
        </div>
      ),
    },
  ];
}
