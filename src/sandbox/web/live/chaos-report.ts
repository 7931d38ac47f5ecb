/** What `GET /sandbox/chaos` tells, and live events of the kind `chaos`. */
export interface ChaosReport {
  readonly actions: readonly ChaosAction[];
  readonly running: readonly RunningChaos[];
  /** Oldest first. */
  readonly log: readonly ChaosLogEntry[];
}

export interface ChaosAction {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly expectation: string;
  readonly parameters: readonly ChaosParameter[];
  readonly isAvailable: boolean;
  readonly reason?: string;
}

export interface ChaosParameter {
  readonly name: string;
  readonly kind: string;
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

export interface RunningChaos {
  readonly id: string;
  readonly startedAt: number;
  readonly endsAt?: number;
  /** Real milliseconds, at the moment of the report. */
  readonly remainingMs?: number;
}

export interface ChaosLogEntry {
  readonly at: number;
  readonly text: string;
}
