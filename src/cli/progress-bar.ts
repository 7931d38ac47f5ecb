import type { ReportProgress } from "../database/maintenance/maintenance-progress.ts";

const SCALE = 100;

/** Shows on a terminal how far a job is; anywhere else nothing. On stderr: stdout is for the result. */
export async function withProgress<Result>(
  title: string,
  run: (report: ReportProgress) => Promise<Result>,
): Promise<Result> {
  if (!process.stderr.isTTY) return run(() => undefined);
  const { Presets, SingleBar } = await import("cli-progress");
  const bar = new SingleBar(
    {
      format: `${title} {bar} {percentage} % {step}`,
      ...{ stream: process.stderr, clearOnComplete: true, hideCursor: true, gracefulExit: false },
    },
    Presets.shades_classic,
  );
  bar.start(SCALE, 0, { step: "" });
  let shown = 0;
  try {
    return await run(({ step, share }) => bar.update((shown = Math.round((share ?? shown / SCALE) * SCALE)), { step }));
  } finally {
    bar.stop();
  }
}
