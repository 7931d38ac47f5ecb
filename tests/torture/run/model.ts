/**
 * What the bot has said, beside it: for each thing that can be changed, every attempt in its order and what the person
 * was told of it. From that follows which values it may have now, or at any earlier instant. Whoever got no answer, or
 * one that promises nothing, knows nothing: then the old and the new value are both right.
 */

/** `queued`: saved, to be applied later. `refused`: the person was told that nothing was changed. */
export type Answer = "acknowledged" | "queued" | "refused" | "unknown";

interface Attempt {
  /** undefined = not there. */
  readonly value: string | undefined;
  readonly startedAt: number;
  answer: Answer;
  /** When the person was told; Infinity until then. */
  answeredAt: number;
  /** When it is in the database at the latest. */
  appliedAt: number;
}

export type Values = ReadonlySet<string | undefined>;

export class Model {
  readonly #attempts = new Map<string, Attempt[]>();
  readonly #audited = new Map<string, Attempt[]>();

  get keys(): readonly string[] {
    return [...this.#attempts.keys()];
  }

  get acknowledgedCount(): number {
    return this.#count(({ answer }) => answer === "acknowledged" || answer === "queued");
  }

  /** Attempts at one key must not overlap. `auditKey`: what the audit log will have of it, as "action target". */
  async attempt(
    key: string,
    value: string | undefined,
    change: () => Promise<Answer>,
    auditKey?: string,
  ): Promise<Answer> {
    const attempt: Attempt = {
      ...{ value, startedAt: Date.now() },
      ...{ answer: "unknown", answeredAt: Infinity, appliedAt: Infinity },
    };
    push(this.#attempts, key, attempt);
    if (auditKey !== undefined) push(this.#audited, auditKey, attempt);
    attempt.answer = await change();
    attempt.answeredAt = Date.now();
    if (attempt.answer === "acknowledged") attempt.appliedAt = attempt.answeredAt;
    return attempt.answer;
  }

  /** Something new that only its answer gives a name. */
  add(key: string, value: string, startedAt: number, auditKey?: string): void {
    const now = Date.now();
    const attempt: Attempt = { value, startedAt, answer: "acknowledged", answeredAt: now, appliedAt: now };
    push(this.#attempts, key, attempt);
    if (auditKey !== undefined) push(this.#audited, auditKey, attempt);
  }

  /** The queue was empty at `at`: what had been saved before, to be applied later, is applied. */
  noteApplied(at: number): void {
    for (const attempt of [...this.#attempts.values()].flat()) {
      if (attempt.answer === "queued" && attempt.answeredAt < at) attempt.appliedAt = Math.min(attempt.appliedAt, at);
    }
  }

  /** What the key may have at an instant; Infinity = now, when nothing waits any more. */
  allowedAt(key: string, at = Infinity): Values {
    let allowed = new Set<string | undefined>([undefined]);
    for (const { value, startedAt, answer, appliedAt } of this.#attempts.get(key) ?? []) {
      if (startedAt > at) break;
      if (answer === "refused") continue;
      const isCertain = at === Infinity ? answer !== "unknown" : appliedAt <= at;
      if (isCertain) allowed = new Set([value]);
      else allowed.add(value);
    }
    return allowed;
  }

  /** How often the audit log must have it at least, and may have it at most. */
  auditBounds(): ReadonlyMap<string, { readonly min: number; readonly max: number }> {
    return new Map(
      [...this.#audited].map(([key, attempts]) => {
        const min = attempts.filter(({ answer }) => answer === "acknowledged" || answer === "queued").length;
        const max = attempts.filter(({ answer }) => answer !== "refused").length;
        return [key, { min, max }];
      }),
    );
  }

  #count(fits: (attempt: Attempt) => boolean): number {
    return this.#attempts.values().reduce((sum, attempts) => sum + attempts.filter(fits).length, 0);
  }
}

function push<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}
