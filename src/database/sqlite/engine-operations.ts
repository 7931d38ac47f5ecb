import { z } from "zod";
import { defineRead, listOperations, type AnyOperation } from "../operation.ts";

/** What every thread can be asked besides the operations of its data module. */

export const EXPLAIN = "engine.explain";

const explain = defineRead({
  input: z.strictObject({ sql: z.string() }),
  touches: () => [],
  async run(transaction, { sql }) {
    // A plan does not depend on values, but SQLite's driver insists on them.
    const count = sql.replace(/'[^']*'/g, "").split("?").length - 1;
    const lines = await transaction.all<{ detail: string }>(
      `EXPLAIN QUERY PLAN ${sql}`,
      ...new Array<null>(count).fill(null),
    );
    return lines.map(({ detail }) => detail);
  },
});

export const engineOperations: ReadonlyMap<string, AnyOperation> = listOperations({ engine: { explain } });
