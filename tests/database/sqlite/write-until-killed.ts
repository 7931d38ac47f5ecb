import { createCounterDatabase } from "../../helpers/database.ts";

/** Writes without a pause and reports every acknowledged write, until somebody kills the process. */
const [folder = "", callers = "8"] = process.argv.slice(2);
const { manager } = createCounterDatabase({ folder });
await manager.start();

const write = async (caller: number): Promise<never> => {
  for (let count = 1; ; count++) {
    const value = await manager.call("counter.add", { name: `${process.pid} ${caller}`, amount: 1 });
    process.send?.([caller, value]);
    if (value !== count) throw new Error(`counter ${caller} is ${String(value)} after ${count} writes`);
  }
};
await Promise.all(Array.from({ length: Number(callers) }, (_, caller) => write(caller)));
