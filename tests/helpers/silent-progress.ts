import type { ReportProgress } from "../../src/database/maintenance/maintenance-progress.ts";

export const silentProgress: ReportProgress = () => undefined;
