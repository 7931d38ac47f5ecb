/** What the process under test tells its parent, each when it is a promise. */
export type LoadReport =
  | { readonly kind: "started" }
  | { readonly kind: "applied" | "queued"; readonly number: number; readonly at: number }
  /** What was acknowledged by then is in the archive. */
  | { readonly kind: "archived"; readonly until: number }
  | { readonly kind: "snapshot"; readonly id: string }
  | { readonly kind: "kept"; readonly numbers: readonly number[] }
  /** Audit entries that may be gone from now on. */
  | { readonly kind: "forgotten"; readonly until: number }
  | { readonly kind: "file"; readonly version: number };

/** All that was promised up to a place in the journal. */
export class Promises {
  /** Writes, with the moment of their acknowledgement; applied, or on the disk to be applied. */
  readonly acknowledged = new Set<number>();
  readonly #applied = new Map<number, number>();
  #archivedUntil = 0;
  hasSnapshot = false;
  readonly entries = new Set<number>();
  fileVersion = 0;
  queuedCount = 0;

  add(report: LoadReport): void {
    switch (report.kind) {
      case "queued":
        this.queuedCount++;
        this.acknowledged.add(report.number);
        break;
      case "applied":
        this.acknowledged.add(report.number);
        this.#applied.set(report.number, report.at);
        break;
      case "archived":
        this.#archivedUntil = report.until;
        break;
      case "snapshot":
        this.hasSnapshot = true;
        break;
      case "kept":
        for (const number of report.numbers) this.entries.add(number);
        break;
      case "forgotten":
        for (const number of this.entries) if (number <= report.until) this.entries.delete(number);
        break;
      case "file":
        this.fileVersion = report.version;
        break;
      case "started":
    }
  }

  /** Numbers that the archive must have: with an interval of 0 all that were applied. */
  archived(intervalMs: number): number[] {
    const isArchived = (at: number): boolean => intervalMs === 0 || at <= this.#archivedUntil;
    return [...this.#applied].flatMap(([number, at]) => (isArchived(at) ? [number] : []));
  }
}
