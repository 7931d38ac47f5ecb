import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { silentLogger } from "../../../src/core/logger.ts";
import { DatabaseThread } from "../../../src/database/sqlite/database-thread.ts";
import { ThreadOpener } from "../../../src/database/sqlite/thread-opener.ts";
import type { ThreadOptions } from "../../../src/database/sqlite/thread-protocol.ts";
import { until, withFolder } from "../../helpers/database.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const TIMEOUT_MS = 1_000;

interface Rig {
  readonly options: ThreadOptions;
  readonly clock: ManualClock;
  /** Resolves when the thread has said once more that it works. */
  readonly hearWork: () => Promise<void>;
  readonly release: () => void;
}

function withWorkingThread(body: (rig: Rig) => Promise<void>): Promise<void> {
  return withFolder((folder) => {
    const path = join(folder, "test.db");
    const countWork = (): number => statSync(`${path}.worked`, { throwIfNoEntry: false })?.size ?? 0;
    return body({
      options: {
        dataModuleUrl: new URL("./working-data-module.ts", import.meta.url).href,
        connection: { path, synchronous: "full", isForeignKeysEnabled: true, cacheSizeBytes: 1024 ** 2 },
      },
      clock: new ManualClock(),
      async hearWork() {
        const before = countWork();
        // The second one was certainly sent after this was asked.
        await until(() => countWork() > before + 1);
        for (let turns = 0; turns < 5; turns++) await turn();
      },
      release: () => writeFileSync(`${path}.released`, ""),
    });
  });
}

function openWriter(thread: ThreadOptions, clock: ManualClock): Promise<DatabaseThread> {
  const opener = new ThreadOpener({
    ...{ thread, clock, logger: silentLogger },
    connectionTimeoutMs: () => TIMEOUT_MS,
  });
  const opening = opener.open("writer", () => undefined);
  // Whoever waits for it does so later.
  opening.catch(() => undefined);
  return opening;
}

describe("a thread that says that it works", () => {
  it("is not silent, and is once it says nothing more", () =>
    withWorkingThread(async ({ options, clock, hearWork, release }) => {
      const ignore = (): void => undefined;
      const events = { onLost: ignore, onTrouble: ignore, onStatements: ignore };
      const thread = new DatabaseThread("writer", options, events, { clock });
      try {
        thread.ping();
        await hearWork();
        for (let step = 0; step < 3; step++) {
          clock.advance(9_000);
          await hearWork();
          expect(thread.silentMs).toBe(0);
        }
        clock.advance(9_000);
        expect(thread.silentMs).toBeGreaterThan(0);
      } finally {
        release();
        await thread.ready;
        await thread.close();
      }
    }));

  it("has longer to open than one that says nothing", () =>
    withWorkingThread(async ({ options, clock, hearWork, release }) => {
      const opening = openWriter(options, clock);
      await hearWork();
      for (let step = 0; step < 5; step++) {
        clock.advance(0.9 * TIMEOUT_MS);
        await hearWork();
      }
      release();
      const thread = await opening;
      expect(thread.isAlive).toBe(true);
      await thread.close();
    }));

  it("is given up when it says nothing more", () =>
    withWorkingThread(async ({ options, clock, hearWork }) => {
      const opening = openWriter(options, clock);
      await hearWork();
      // At once, before it can say anything in between.
      clock.advance(2.5 * TIMEOUT_MS);
      await expect(opening).rejects.toThrow("no connection within 1000 ms");
    }));
});
