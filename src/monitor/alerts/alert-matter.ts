import type { Alert, AlertNotice, AlertSeverity, Finding } from "./alert.ts";

/** While it lasts, people are reminded this often; and what happens again is told again this often. */
export const REMINDER_MS = 6 * 60 * 60_000;
/** A finding of a sample counts when it is in as many in a row, and is gone when it is missing in as many. */
const CONFIRMING_SAMPLES = 2;

type Source = "sample" | "event" | "occurrence";

interface Holder {
  finding: Finding;
  /** People are told from then on; Infinity = not known yet. */
  confirmedAt: number;
  /** An occurrence wears off. */
  expiresAt: number;
  /** Samples in a row that have it, and that lack it. */
  seenCount: number;
  missedCount: number;
  missingSince: number | undefined;
}

/** What has to be known of a matter after a restart. */
export interface StoredMatter extends Finding {
  readonly startedAt: number;
  readonly saidAt: number;
  readonly saidSeverity: AlertSeverity;
  readonly count: number;
  readonly isOccurrence: boolean;
  readonly sources: readonly Source[];
}

/**
 * One matter, from the first sign of it until it has been quiet for long enough. It is held by what says that it is
 * wrong: the samples, an event that has not been cleared, or something that happened a short while ago. All of it is
 * computed by `review`, which may be called at any time and as often as one likes.
 */
export class AlertMatter {
  readonly key: string;
  readonly #holders = new Map<Source, Holder>();
  #finding: Finding;
  #startedAt: number;
  #count = 0;
  #said: { readonly at: number; readonly severity: AlertSeverity; readonly count: number } | undefined;
  /** Since when nothing holds it. */
  #releasedAt: number | undefined;
  #isOccurrence = true;

  constructor(finding: Finding, now: number) {
    this.key = finding.key;
    this.#finding = finding;
    this.#startedAt = now;
  }

  /** `outlivesRestart`: an event that holds it still does, because nothing that is looked at now would say so. */
  static restore(stored: StoredMatter, outlivesRestart: boolean, now: number): AlertMatter {
    const { key, severity, title, text, saidSeverity, count, isOccurrence, sources } = stored;
    // Of a clock that ran ahead before: its next reminder would come as much later.
    const saidAt = Math.min(stored.saidAt, now);
    const matter = new AlertMatter({ key, severity, title, text }, Math.min(stored.startedAt, now));
    matter.#count = count;
    matter.#said = { at: saidAt, severity: saidSeverity, count };
    matter.#isOccurrence = isOccurrence;
    if (sources.includes("event") && outlivesRestart) matter.#hold("event", matter.#finding, saidAt);
    if (sources.includes("occurrence"))
      matter.#hold("occurrence", matter.#finding, saidAt).expiresAt = saidAt + REMINDER_MS;
    if (matter.#holders.size === 0) matter.#releasedAt = now;
    return matter;
  }

  get isSaid(): boolean {
    return this.#said !== undefined;
  }

  get alert(): Alert {
    return {
      ...this.#finding,
      startedAt: this.#startedAt,
      saidAt: this.#said?.at ?? this.#startedAt,
      count: this.#count,
      isOccurrence: this.#isOccurrence,
    };
  }

  store(): StoredMatter {
    const { at, severity } = this.#said ?? { at: this.#startedAt, severity: this.#finding.severity };
    return {
      ...this.#finding,
      ...{ startedAt: this.#startedAt, saidAt: at, saidSeverity: severity, count: this.#count },
      isOccurrence: this.#isOccurrence,
      sources: [...this.#holders.keys()],
    };
  }

  raise(finding: Finding, confirmedAt: number): void {
    this.#count++;
    const { confirmedAt: earlier } = this.#holders.get("event") ?? { confirmedAt: Infinity };
    this.#hold("event", finding, Math.min(confirmedAt, earlier));
  }

  clear(): void {
    this.#holders.delete("event");
    // Mended: that has an end to tell of.
    if (this.#holders.delete("occurrence") && this.#said) this.#isOccurrence = false;
  }

  happen(finding: Finding, now: number): void {
    this.#count++;
    this.#hold("occurrence", finding, now).expiresAt = now + REMINDER_MS;
  }

  /** The finding of the newest sample, or that it has none. */
  look(finding: Finding | undefined, now: number): void {
    const holder = this.#holders.get("sample");
    if (!finding) {
      if (!holder) return;
      holder.missingSince ??= now;
      // What nobody was told of needs no proof that it is gone.
      if (++holder.missedCount >= CONFIRMING_SAMPLES || holder.confirmedAt > now) {
        this.#holders.delete("sample");
        if (this.#holders.size === 0) this.#releasedAt ??= holder.missingSince;
      }
      return;
    }
    if (!holder && this.#holders.size === 0) this.#count++;
    const seenCount = (holder?.seenCount ?? 0) + 1;
    const isConfirmed = finding.severity === "critical" || seenCount >= CONFIRMING_SAMPLES;
    const confirmedAt = Math.min(holder?.confirmedAt ?? Infinity, isConfirmed ? now : Infinity);
    this.#hold("sample", finding, confirmedAt).seenCount = seenCount;
  }

  /** What is to be told now; `calmMs` = how long it has to be quiet before it is over. */
  review(now: number, calmMs: number): Omit<AlertNotice, "at"> | "gone" | undefined {
    for (const [source, { expiresAt }] of this.#holders) if (expiresAt <= now) this.#holders.delete(source);
    for (const [source, { confirmedAt }] of this.#holders) {
      if (source !== "occurrence" && confirmedAt <= now) this.#isOccurrence = false;
    }
    const worst = this.#worst(now);
    if (this.#holders.size === 0) return this.#reviewReleased(now, calmMs);
    this.#releasedAt = undefined;
    if (!worst) return undefined;
    this.#finding = worst;
    const said = this.#said;
    if (!said) return this.#say("begun", now, worst.severity);
    if (worst.severity === "critical" && said.severity === "warning") return this.#say("worse", now, "critical");
    if (now - said.at >= REMINDER_MS && (!this.#isOccurrence || this.#count > said.count)) {
      return this.#say("reminder", now, worst.severity);
    }
    return undefined;
  }

  /** The next moment at which a review brings something new by itself; Infinity = none. */
  dueAt(calmMs: number): number {
    if (this.#holders.size === 0) return (this.#releasedAt ?? 0) + calmMs;
    const moments = [...this.#holders.values()].flatMap(({ confirmedAt, expiresAt }) =>
      this.#said ? [expiresAt] : [expiresAt, confirmedAt],
    );
    if (this.#said) moments.push(this.#said.at + REMINDER_MS);
    return Math.min(...moments);
  }

  #reviewReleased(now: number, calmMs: number): Omit<AlertNotice, "at"> | "gone" | undefined {
    if (!this.#said || this.#isOccurrence) return "gone";
    this.#releasedAt ??= now;
    if (now < this.#releasedAt + calmMs) return undefined;
    const alert = { ...this.alert, endedAt: this.#releasedAt };
    return { kind: "over", alert, isLogged: false };
  }

  #say(kind: "begun" | "worse" | "reminder", now: number, severity: AlertSeverity): Omit<AlertNotice, "at"> {
    this.#said = { at: now, severity, count: this.#count };
    return { kind, alert: this.alert, isLogged: kind !== "reminder" && !this.#holders.has("sample") };
  }

  #worst(now: number): Finding | undefined {
    const findings = [...this.#holders.values()]
      .filter(({ confirmedAt }) => confirmedAt <= now)
      .map(({ finding }) => finding);
    return findings.find(({ severity }) => severity === "critical") ?? findings[0];
  }

  #hold(source: Source, finding: Finding, confirmedAt: number): Holder {
    const holder: Holder = {
      ...{ finding, confirmedAt, expiresAt: Infinity },
      ...{ seenCount: 0, missedCount: 0, missingSince: undefined },
    };
    this.#holders.set(source, holder);
    return holder;
  }
}
