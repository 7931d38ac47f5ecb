import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Maintenance } from "../database/maintenance/maintenance-runner.ts";

/** Where the command line works, and who does its heavy work. */
export interface Workplace {
  /** Relative paths in the settings are relative to it. */
  readonly folder: string;
  /** Default: a process for each job. */
  readonly createMaintenance?: (parts: { readonly clock: Clock; readonly logger: Logger }) => Maintenance;
}
