import type { HealthReport, HealthSample } from "../../../database/health/health-types.ts";
import type { JobReport } from "../../api-types.ts";
import { readEventStream, type StreamEvent } from "../../event-stream.ts";
import { api, authorization, toApiError, urlOf } from "../api/api.ts";
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
  onToken(reconnectNow);
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
    const headers = { accept: "text/event-stream", ...authorization() };
    const response = await fetch(urlOf("api/stream"), { headers, signal: abort.signal, cache: "no-store" });
    if (response.status === 401 || response.status === 403) {
      return setConnection({ kind: "refused", error: await toApiError(response) });
    }
    if (!response.ok || !response.body) return;
    for await (const event of readEventStream(response.body)) {
      silence.restart();
      handle(event);
    }
  } catch {
    // The network's failures all mean the same here: not connected, which the loop takes care of.
  } finally {
    silence.stop();
    abort.abort();
  }
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
  setConnection({ kind: "live", since: Date.now() });
  void loadWhatWasMissed();
}

async function loadWhatWasMissed(): Promise<void> {
  const { health, jobs } = getLiveState();
  const to = health?.at ?? Date.now();
  const running = [...jobs.values()].filter(({ finishedAt }) => finishedAt === undefined);
  const answers = await Promise.allSettled([
    api.samples(to - RECENT_MS, to).then(addSamples),
    ...running.map(({ id }) => api.job(id).then(addJob)),
  ]);
  // A job that a restarted bot does not know any more has no end to wait for.
  answers.slice(1).forEach((answer, index) => {
    const job = running[index];
    if (answer.status === "rejected" && job) {
      const message = "The bot was restarted before it was done.";
      addJob({ ...job, state: "failed", finishedAt: Date.now(), message });
    }
  });
}
