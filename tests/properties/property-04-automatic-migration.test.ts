import { join } from "node:path";
import fc from "fast-check";
import { history } from "../arbitraries/schemas.ts";
import { withFolder } from "../helpers/database.ts";
import {
  createAt,
  fillRows,
  migrateDirectly,
  migrateThroughEngine,
  readRows,
  rowsAt,
  requireComplete,
  withFile,
} from "../helpers/schema-rig.ts";

const ENGINE_RUN_EVERY = 20;

describe("a database of an earlier version", () => {
  it("Feature: database-reliability, Property 4: becomes one of the newest, with every row and defaults in new columns", async () => {
    await withFolder(async (folder) => {
      let run = 0;
      const drawn = fc.record({ steps: history, from: fc.nat(9), count: fc.nat(4), number: fc.nat(99) });
      const property = fc.asyncProperty(drawn, async ({ steps, from, count, number }) => {
        const path = join(folder, `${++run}.db`);
        const version = from % (steps.length + 1);
        const rows = rowsAt(steps, version, count, number);
        await withFile(path, async (raw) => {
          createAt(raw, steps, version);
          fillRows(raw, rows);

          if (run % ENGINE_RUN_EVERY === 0) await migrateThroughEngine(path, steps);
          else migrateDirectly(raw, steps);

          requireComplete(raw, steps);
          const expected = steps.slice(version).reduce((result, { migrateRows }) => migrateRows(result), rows);
          expect(readRows(raw, steps.at(-1)!.model)).toEqual(expected);
        });
      });
      await fc.assert(property, { numRuns: 120 });
    });
  });
});
