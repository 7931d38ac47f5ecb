import type { DatabaseManager } from "../database/database-manager.ts";

type SettlingDatabase = Pick<DatabaseManager, "isSettled" | "onSettled">;

/**
 * What follows from writes that are applied later than their caller was answered: they waited in the queue, or nobody
 * knew whether they had been applied. Until then what is read lacks them.
 */
export class LateChanges {
  readonly #database: SettlingDatabase;
  readonly #pending = new Map<string, () => void>();
  readonly #unsubscribe: () => void;

  constructor(database: SettlingDatabase) {
    this.#database = database;
    this.#unsubscribe = database.onSettled(() => this.#followAll());
  }

  /** No write waits, and of none it is unknown whether it was applied. */
  get isSettled(): boolean {
    return this.#database.isSettled;
  }

  /** Runs `follow`, which must not throw, when no write waits any more; of those noted under one key only the last. */
  note(key: string, follow: () => void): void {
    this.#pending.set(key, follow);
    if (this.isSettled) this.#followAll();
  }

  stop(): void {
    this.#unsubscribe();
    this.#pending.clear();
  }

  #followAll(): void {
    const due = [...this.#pending.values()];
    this.#pending.clear();
    for (const follow of due) follow();
  }
}
