/** The place of one write among those that are tried again. */
export interface WritePlace {
  /** Resolves when every write before it is done: applied, refused, or saved to the queue. */
  readonly before: Promise<void>;
  leave(): void;
}

const NOTHING_BEFORE = Promise.resolve();

/**
 * Keeps writes in the order in which they were asked for while some of them are tried again. Without it a write whose
 * pause is shorter would overtake another: a withdrawal the answer that it withdraws.
 */
export class WriteOrder {
  /** Resolves when the last one in line, and so each before it, is done. */
  #tail: Promise<void> | undefined;

  /** What a new write has to wait for; undefined = nothing. */
  get tail(): Promise<void> | undefined {
    return this.#tail;
  }

  /** Takes the last place in line. */
  enter(): WritePlace {
    const before = this.#tail ?? NOTHING_BEFORE;
    const { promise, resolve } = Promise.withResolvers<void>();
    const tail = before.then(() => promise);
    this.#tail = tail;
    void tail.then(() => {
      if (this.#tail === tail) this.#tail = undefined;
    });
    return { before, leave: resolve };
  }
}
