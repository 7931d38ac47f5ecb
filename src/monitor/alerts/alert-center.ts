import type { Clock } from "../../core/clock.ts";
import { AlertMatter, type StoredMatter } from "./alert-matter.ts";
import type { Alert, AlertNotice, AlertSignal, Finding } from "./alert.ts";
import { CountedTime } from "./counted-time.ts";

export interface AlertCenterOptions {
  readonly clock: Clock;
  /** Must not throw. */
  readonly onNotice: (notice: AlertNotice) => void;
}

/** A recovery has to hold for this long before it is told; longer each time that the matter comes back soon after. */
const CALM_MS = 60_000;
const MAX_CALM_MS = 30 * 60_000;
const FLAPPING_WINDOW_MS = 2 * 60 * 60_000;
/** After a restart it takes that many samples, and the parts of the program their time, to find out again what is wrong. */
const RESTORED_CALM_MS = 5 * 60_000;
const MIN_REVIEW_DELAY_MS = 1_000;
const MAX_RECENT = 100;
/** More than all keys there are; those of single backups come and go. */
const MAX_MATTERS = 500;

/**
 * Says each matter once when it begins, once more when it becomes critical, every six hours while it lasts, and once when
 * it has been over for a while. One that comes and goes is told of ever more rarely, as its recovery has to hold longer.
 *
 * All moments in here only count: a time of day that is set back must not keep anything from being told until it has
 * caught up. Those that go out, and that come in after a restart, are the wall clock's.
 */
export class AlertCenter {
  readonly #clock: Clock;
  readonly #time: CountedTime;
  readonly #onNotice: (notice: AlertNotice) => void;
  readonly #matters = new Map<string, AlertMatter>();
  /** Moments at which a matter was said to have begun, the newest last. */
  readonly #begins = new Map<string, number[]>();
  readonly #restored = new Set<string>();
  /** The newest first. */
  #recent: Alert[] = [];
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor({ clock, onNotice }: AlertCenterOptions) {
    this.#clock = clock;
    this.#time = new CountedTime(clock);
    this.#onNotice = onNotice;
  }

  /** All that a look at the program found wrong; what is not among it is not wrong any more, as far as it can be seen. */
  sample(findings: readonly Finding[]): void {
    const now = this.#time.now();
    const byKey = new Map(findings.toReversed().map((finding) => [finding.key, finding]));
    for (const finding of byKey.values()) this.#open(finding, now);
    for (const matter of this.#matters.values()) matter.look(byKey.get(matter.key), now);
    this.#review();
  }

  signal(signal: AlertSignal): void {
    const now = this.#time.now();
    if (signal.kind === "clear") for (const key of signal.keys) this.#matters.get(key)?.clear();
    else if (signal.kind === "happened") this.#open(signal.finding, now).happen(signal.finding, now);
    else this.#open(signal.finding, now).raise(signal.finding, now + (signal.afterMs ?? 0));
    this.#review();
  }

  /** Those that last, critical ones first, then those that are over, the newest first. */
  alerts(): readonly Alert[] {
    const lasting = [...this.#matters.values()].filter(({ isSaid }) => isSaid).map(({ alert }) => alert);
    lasting.sort((a, b) => a.severity.localeCompare(b.severity) || b.startedAt - a.startedAt);
    return [...lasting, ...this.#recent].map((alert) => this.#show(alert));
  }

  /** What `restore` takes after a restart. */
  store(): readonly StoredMatter[] {
    const said = [...this.#matters.values()].filter(({ isSaid }) => isSaid);
    return said.map((matter) => moveTimes(matter.store(), this.#time.jumpMs));
  }

  /** Nothing of it is told again; what does not show again is over after a while. */
  restore(stored: readonly StoredMatter[], outlivesRestart: (key: string) => boolean): void {
    const now = this.#time.now();
    for (const entry of stored) {
      if (this.#matters.has(entry.key)) continue;
      const counted = moveTimes(entry, -this.#time.jumpMs);
      this.#matters.set(entry.key, AlertMatter.restore(counted, outlivesRestart(entry.key), now));
      this.#restored.add(entry.key);
    }
    this.#review();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  #open(finding: Finding, now: number): AlertMatter {
    let matter = this.#matters.get(finding.key);
    if (!matter) {
      const oldest = this.#matters.keys().next();
      if (this.#matters.size >= MAX_MATTERS && !oldest.done) this.#matters.delete(oldest.value);
      this.#matters.set(finding.key, (matter = new AlertMatter(finding, now)));
    }
    return matter;
  }

  #review(): void {
    if (this.#isStopped) return;
    const at = this.#time.now();
    for (const [key, matter] of this.#matters) {
      const outcome = matter.review(at, this.#calmMs(key, at));
      if (outcome === undefined) continue;
      const isOver = outcome === "gone" || outcome.kind === "over";
      if (isOver) this.#close(key, matter, outcome === "gone" ? { ...matter.alert, endedAt: at } : outcome.alert);
      if (outcome === "gone") continue;
      if (outcome.kind === "begun") this.#begins.set(key, [...this.#recentBegins(key, at), at]);
      this.#onNotice({ ...outcome, alert: this.#show(outcome.alert), at: at + this.#time.jumpMs });
    }
    this.#scheduleNext(at);
  }

  #close(key: string, matter: AlertMatter, alert: Alert): void {
    this.#matters.delete(key);
    this.#restored.delete(key);
    if (matter.isSaid) this.#recent = [alert, ...this.#recent].slice(0, MAX_RECENT);
    for (const known of this.#begins.keys()) {
      if (this.#recentBegins(known, this.#time.now()).length === 0) this.#begins.delete(known);
    }
  }

  #scheduleNext(now: number): void {
    this.#cancelTimer?.();
    const dueAt = Math.min(...[...this.#matters].map(([key, matter]) => matter.dueAt(this.#calmMs(key, now))));
    // Whatever a matter says: a review that brings nothing must not follow upon the other.
    const delayMs = Math.max(dueAt - now, MIN_REVIEW_DELAY_MS);
    if (dueAt < Infinity) this.#cancelTimer = this.#clock.schedule(delayMs, () => this.#review());
  }

  #show(alert: Alert): Alert {
    const { jumpMs } = this.#time;
    const { endedAt } = alert;
    return { ...moveTimes(alert, jumpMs), ...(endedAt === undefined ? {} : { endedAt: endedAt + jumpMs }) };
  }

  #calmMs(key: string, now: number): number {
    const calmMs = Math.min(CALM_MS * 2 ** Math.max(this.#recentBegins(key, now).length - 1, 0), MAX_CALM_MS);
    return this.#restored.has(key) ? Math.max(calmMs, RESTORED_CALM_MS) : calmMs;
  }

  #recentBegins(key: string, now: number): number[] {
    return (this.#begins.get(key) ?? []).filter((at) => now - at < FLAPPING_WINDOW_MS);
  }
}

function moveTimes<Times extends { readonly startedAt: number; readonly saidAt: number }>(
  times: Times,
  byMs: number,
): Times {
  return { ...times, startedAt: times.startedAt + byMs, saidAt: times.saidAt + byMs };
}
