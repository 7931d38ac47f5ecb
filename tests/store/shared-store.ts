import type { Clock } from "../../src/core/clock.ts";
import { openTestStore, type TestStore } from "../helpers/database.ts";
import { newGuild } from "./fixtures.ts";

export interface SharedStore {
  readonly database: TestStore;
  /** A server that is the coming test's own. */
  readonly guildId: string;
}

/** One store for all tests of the file, or of the `describe`, that calls this. `onEach` is told before each of them. */
export function shareStore(clock: Clock, onEach: (shared: SharedStore) => void): void {
  let database: TestStore;
  beforeAll(async () => {
    database = await openTestStore({ clock, readerCount: 1 });
  });
  beforeEach(async () => {
    onEach({ database, guildId: await newGuild(database.store) });
  });
  afterAll(() => database.close());
}
