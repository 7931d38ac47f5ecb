/** How far a job is; which steps there are is the job's. */
export interface MaintenanceProgress {
  readonly step: string;
  /** 0 to 1, where it can be told. */
  readonly share?: number;
}

export type ReportProgress = (progress: MaintenanceProgress) => void;
