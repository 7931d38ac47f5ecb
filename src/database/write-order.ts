/**
 * Keeps writes in the order in which they were asked for, whichever way each of them goes. The writer thread keeps the
 * order of what is sent to it. But one that is tried again would be overtaken by one whose pause is shorter, and one that
 * is still on its way by a later one that goes to the queue: a withdrawal by the answer that it withdraws.
 */
export class WriteOrder {
  /** In the order of asking: each until it was applied or refused, or has its place in the queue. */
  readonly #places = new Set<WritePlace>();
  /** Places that are not on their way: nothing behind one of them may be sent. */
  #blockingCount = 0;
  /** Places that wait for others. */
  #waitingCount = 0;

  /** Takes the last place. It is "sent" at once when nothing before it is held up, and "waiting" otherwise. */
  enter(): WritePlace {
    const place: WritePlace = { state: this.#blockingCount === 0 ? "sent" : "waiting" };
    if (place.state === "waiting") this.#blockingCount++;
    this.#places.add(place);
    return place;
  }

  /** Resolves when a waiting place may be sent: then `send` it, in the same turn. */
  whenClear(place: WritePlace): Promise<void> {
    place.clear = Promise.withResolvers();
    return this.#wait(place.clear);
  }

  send(place: WritePlace): void {
    this.#change(place, "sent");
    this.#advance();
  }

  /** What comes behind waits: it is tried again, or goes to the queue. */
  hold(place: WritePlace): void {
    this.#change(place, "held");
  }

  /** Resolves when nothing is before it any more. */
  whenFirst(place: WritePlace): Promise<void> {
    place.first = Promise.withResolvers();
    return this.#wait(place.first);
  }

  leave(place: WritePlace): void {
    if (!this.#places.delete(place)) return;
    this.#change(place, "sent");
    this.#advance();
  }

  #change(place: WritePlace, state: WritePlace["state"]): void {
    this.#blockingCount += Number(state !== "sent") - Number(place.state !== "sent");
    place.state = state;
  }

  #wait({ promise }: PromiseWithResolvers<void>): Promise<void> {
    this.#waitingCount++;
    this.#advance();
    return promise;
  }

  #advance(): void {
    if (this.#waitingCount === 0) return;
    let isFirst = true;
    for (const place of this.#places) {
      if (isFirst && place.first) this.#resolve(place, "first");
      if (place.clear) this.#resolve(place, "clear");
      if (place.state === "held") return;
      isFirst = false;
    }
  }

  #resolve(place: WritePlace, what: "first" | "clear"): void {
    place[what]?.resolve();
    place[what] = undefined;
    this.#waitingCount--;
  }
}

/** The place of one write; `WriteOrder` alone changes it. */
export interface WritePlace {
  state: "waiting" | "sent" | "held";
  clear?: PromiseWithResolvers<void> | undefined;
  first?: PromiseWithResolvers<void> | undefined;
}
