import { Worker } from "node:worker_threads";

const LEAN_LOADING = new URL("../../../src/database/sqlite/lean-loading.ts", import.meta.url).href;
const STORE = new URL("../../../src/store/data-module.ts", import.meta.url).href;

/** What the code answers in a thread that loads as database threads do. */
async function ask(code: string): Promise<unknown> {
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     import(${JSON.stringify(LEAN_LOADING)})
       .then(async () => { ${code} })
       .then((answer) => parentPort.postMessage(answer), (error) => parentPort.postMessage(error.message));`,
    { eval: true },
  );
  try {
    return await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  } finally {
    await worker.terminate();
  }
}

describe("lean loading", () => {
  it("lets a thread list its operations with their schemas", async () => {
    const names = await ask(`
      const { operations } = await import(${JSON.stringify(STORE)});
      return Object.keys(operations.events);
    `);

    expect(names).toContain("create");
  });

  it("refuses to judge an input, which the calling side has done", async () => {
    const message = await ask(`
      const { operations } = await import(${JSON.stringify(STORE)});
      return operations.events.create.input.safeParse({ anything: true });
    `);

    expect(message).toBe("inputs are validated before they are sent to a database thread");
  });
});
