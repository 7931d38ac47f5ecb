import { useSyncExternalStore } from "react";
import type { HealthReport, HealthSample } from "../../../database/health/health-types.ts";
import type { JobReport } from "../../api-types.ts";
import type { MonitorError } from "../../client/monitor-error.ts";

/** How the page hears from the bot. `since` is when that began, on this machine's clock. */
export type Connection =
  | { readonly kind: "connecting" }
  | { readonly kind: "live"; readonly since: number }
  | { readonly kind: "lost"; readonly since: number; readonly attempt: number; readonly retryAt: number }
  /** The bot answers, but not us: it wants a token first, or another address. */
  | { readonly kind: "refused"; readonly error: MonitorError };

export interface LiveState {
  readonly connection: Connection;
  /** Grows each time the stream begins: what was loaded before may be old. */
  readonly generation: number;
  readonly health?: HealthReport;
  /** The reports of the last minutes, the oldest first. */
  readonly history: readonly HealthReport[];
  /** The samples of the last minutes that came before or after the page was opened, the oldest first. */
  readonly samples: readonly HealthSample[];
  /** By id, as they were heard of last. */
  readonly jobs: ReadonlyMap<string, JobReport>;
}

/** As far back as the small lines in the tiles go. */
export const RECENT_MS = 10 * 60_000;

let state: LiveState = { connection: { kind: "connecting" }, generation: 0, history: [], samples: [], jobs: new Map() };
const listeners = new Set<() => void>();

export function getLiveState(): LiveState {
  return state;
}

function update(change: Partial<LiveState>): void {
  state = { ...state, ...change };
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** A part of what is known at the moment; the component is drawn anew when that part changes. */
export function useLive<T>(select: (live: LiveState) => T): T {
  return useSyncExternalStore(subscribe, () => select(state));
}

export function setConnection(connection: Connection): void {
  const isNew = connection.kind === "live" && state.connection.kind !== "live";
  update({ connection, ...(isNew && { generation: state.generation + 1 }) });
}

export function addHealth(health: HealthReport): void {
  const recent = state.history.filter(({ at }) => at > health.at - RECENT_MS && at < health.at);
  update({ health, history: [...recent, health] });
}

export function addSamples(samples: readonly HealthSample[]): void {
  const byTime = new Map([...state.samples, ...samples].map((sample) => [sample.at, sample]));
  const sorted = [...byTime.values()].sort((left, right) => left.at - right.at);
  const newest = sorted.at(-1)?.at ?? 0;
  update({ samples: sorted.filter(({ at }) => at > newest - RECENT_MS) });
}

export function addJob(job: JobReport): void {
  // An answer to a request may come after the news that the job has ended.
  if (state.jobs.get(job.id)?.finishedAt !== undefined) return;
  update({ jobs: new Map([...state.jobs, [job.id, job]]) });
}

/** The bot's clock: moments in its reports are compared with this, for the two machines' clocks may differ. */
export function serverNow(): number {
  return Date.now() + clockOffsetMs;
}

const TOLERATED_OFFSET_MS = 2_000;
let clockOffsetMs = 0;

export function noteServerTime(at: number): void {
  const offsetMs = at - Date.now();
  clockOffsetMs = Math.abs(offsetMs) > TOLERATED_OFFSET_MS ? offsetMs : 0;
}
