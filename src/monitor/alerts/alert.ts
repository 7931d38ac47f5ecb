/** What alerts are made of. Moments are epoch milliseconds, durations milliseconds. */

export type AlertSeverity = "warning" | "critical";

/** Something that is wrong now. Findings with one key are about one matter, whoever found it. */
export interface Finding {
  /** Kebab-case; several of one kind are told apart behind a colon: `backup-damaged:<id>`. */
  readonly key: string;
  readonly severity: AlertSeverity;
  readonly title: string;
  readonly text: string;
}

/** What an event of the program means for alerts. */
export type AlertSignal =
  /** Wrong from now on, until it is cleared; not worth a word when that is within `afterMs` (default 0). */
  | { readonly kind: "raise"; readonly finding: Finding; readonly afterMs?: number }
  /** Over and done with at once: there will be no end to tell of. */
  | { readonly kind: "happened"; readonly finding: Finding }
  | { readonly kind: "clear"; readonly keys: readonly string[] };

/** A matter that people were told of. */
export interface Alert extends Finding {
  readonly startedAt: number;
  /** Absent while it lasts. */
  readonly endedAt?: number;
  /** When people were last told of it. */
  readonly saidAt: number;
  /** How often it was raised, or happened. */
  readonly count: number;
  /** Something that happened, and does not last. */
  readonly isOccurrence: boolean;
}

/** What is to be told, once. */
export interface AlertNotice {
  readonly kind: "begun" | "worse" | "reminder" | "over";
  readonly at: number;
  readonly alert: Alert;
  /** Begun by an event, which stands in the log already, with more detail. */
  readonly isLogged: boolean;
}

/** Where notices go. Neither method throws: a sink that fails says so in the log, and stops no other. */
export interface AlertSink {
  send(notice: AlertNotice): void;
  stop?(): Promise<void> | void;
}
