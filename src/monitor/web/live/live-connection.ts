import type { HealthReport, HealthSample } from "../../../database/health/health-types.ts";
import type { JobReport } from "../../api-types.ts";
import { MonitorError } from "../../client/monitor-error.ts";
import type { StreamEvent } from "../../event-stream.ts";
import { api, renewApi } from "../api/api.ts";
import { onToken } from "../api/session-token.ts";
import { waitBeforeAttemptMs } from "./backoff.ts";
import { addHealth, addJob, addSamples, getLiveState, noteServerTime, RECENT_MS, setConnection } from "./live-state.ts";

/**
 * Keeps the page live: reads the bot's stream of events, notices when it ends or falls silent, and tries again with
 * growing waits, for ever. `fetch` instead of EventSource, which can send no token.
 */

/** The bot sends its health each two seconds; a silence this long means that it, or the way to it, is gone. */
const SILENCE_MS = 8_000;

let attempt = 0;
let stopCurrent: (() => void) | undefined;

/** Begins at once; called when the page is loaded. */
export function startLiveConnection(): void {
  onToken(() => {
    if (getLiveState().connection.kind === "refused") reconnectNow();
  });
  window.addEventListener("online", reconnectNow);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && getLiveState().connection.kind !== "live") reconnectNow();
  });
  void run();
}

/** Tries again without waiting any longer. */
export function reconnectNow(): void {
  stopCurrent?.();
}

async function run(): Promise<never> {
  for (;;) {
    await listen();
    if (getLiveState().connection.kind === "refused") await interruptible(60_000);
    else await waitForNextAttempt();
  }
}

async function waitForNextAttempt(): Promise<void> {
  attempt += 1;
  const waitMs = waitBeforeAttemptMs(attempt, Math.random());
  const { connection } = getLiveState();
  const since = connection.kind === "lost" ? connection.since : Date.now();
  setConnection({ kind: "lost", since, attempt, retryAt: Date.now() + waitMs });
  await interruptible(waitMs);
}

function interruptible(waitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, waitMs);
    stopCurrent = () => {
      window.clearTimeout(timer);
      resolve();
    };
  });
}

/** Reads one stream to its end; never throws. */
async function listen(): Promise<void> {
  const abort = new AbortController();
  stopCurrent = () => abort.abort();
  const silence = createSilenceTimer(() => abort.abort());
  try {
    for await (const event of api().stream(abort.signal)) {
      silence.restart();
      handle(event);
    }
  } catch (error) {
    // Everything else means the same here: not connected, which the loop takes care of.
    if (isRefusal(error)) setConnection({ kind: "refused", error });
  } finally {
    silence.stop();
    abort.abort();
  }
}

function isRefusal(error: unknown): error is MonitorError {
  return error instanceof MonitorError && (error.status === 401 || error.status === 403);
}

function createSilenceTimer(onSilence: () => void): { restart(): void; stop(): void } {
  let timer = window.setTimeout(onSilence, SILENCE_MS);
  return {
    restart: () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(onSilence, SILENCE_MS);
    },
    stop: () => window.clearTimeout(timer),
  };
}

function handle({ event, data }: StreamEvent): void {
  if (event === "health") {
    const health = JSON.parse(data) as HealthReport;
    noteServerTime(health.at);
    addHealth(health);
    becomeLive();
  } else if (event === "sample") {
    addSamples([JSON.parse(data) as HealthSample]);
  } else if (event === "job") {
    addJob(JSON.parse(data) as JobReport);
  }
}

function becomeLive(): void {
  if (getLiveState().connection.kind === "live") return;
  attempt = 0;
  renewApi();
  setConnection({ kind: "live", since: Date.now() });
  void loadWhatWasMissed();
}

async function loadWhatWasMissed(): Promise<void> {
  const { health, jobs } = getLiveState();
  const to = health?.at ?? Date.now();
  const running = [...jobs.values()].filter(({ finishedAt }) => finishedAt === undefined);
  // What fails here shows in the sections, which load the same bot's answers; the tiles only lose their past.
  await Promise.allSettled([
    api()
      .samples(to - RECENT_MS, to)
      .then(addSamples),
    ...running.map(askHowItEnded),
  ]);
}

async function askHowItEnded(job: JobReport): Promise<void> {
  try {
    addJob(await api().job(job.id));
  } catch (error) {
    if (!(error instanceof MonitorError) || error.status !== 404) throw error;
    const message = "The bot was restarted before it was done.";
    addJob({ ...job, state: "failed", finishedAt: Date.now(), message });
  }
}
