import { z } from "zod";
import { defineRead, defineWrite, type OperationGroups } from "../../src/database/operation.ts";
import { migrations, operations as counterOperations } from "../helpers/counter-data-module.ts";

/** The counters, and what tests of the façade need besides. */

const name = z.string().min(1).max(50);

/** Blocks the thread, as a call to the operating system does that does not return. */
function block(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}

export const operations = {
  ...counterOperations,
  probe: {
    /** The values of several counters, from one snapshot; those that do not exist are 0. */
    getAll: defineRead({
      input: z.object({ names: z.array(name) }),
      touches: () => [],
      async run(transaction, { names }): Promise<number[]> {
        const values: number[] = [];
        for (const name of names) {
          const row = await transaction.get<{ value: number }>("SELECT value FROM counter WHERE name = ?", name);
          values.push(row?.value ?? 0);
        }
        return values;
      },
    }),

    /** Adds to a counter, then throws what is no error of ours. */
    throwForeign: defineWrite({
      input: z.object({ name }),
      touches: ({ name }) => [name],
      whenAway: { queue: "MEDIUM" },
      async run(transaction, { name }): Promise<never> {
        await transaction.run("INSERT INTO counter (name, value) VALUES (?, 1)", name);
        throw new RangeError("as asked");
      },
    }),

    /** Adds 1 to a counter, and keeps the thread from answering for a while. Never refused: it waits in the queue. */
    hang: defineWrite({
      input: z.object({ name, durationMs: z.int().min(0).max(10_000) }),
      touches: ({ name }) => [name],
      whenAway: { queue: "HIGH" },
      async run(transaction, { name, durationMs }): Promise<void> {
        await transaction.run(
          "INSERT INTO counter (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1",
          name,
        );
        block(durationMs);
      },
    }),

    /** As `hang`, but cannot wait. */
    hangRefused: defineWrite({
      input: z.object({ durationMs: z.int().min(0).max(10_000) }),
      touches: () => [],
      whenAway: "refuse",
      async run(_transaction, { durationMs }): Promise<void> {
        block(durationMs);
        return Promise.resolve();
      },
    }),
  },
} satisfies OperationGroups;

export { migrations };

export const PROBE_MODULE_URL = import.meta.url;
