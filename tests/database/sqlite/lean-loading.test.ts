import { Worker } from "node:worker_threads";
import type { ThreadOptions } from "../../../src/database/sqlite/thread-protocol.ts";

const LEAN_LOADING = new URL("../../../src/database/sqlite/lean-loading.ts", import.meta.url).href;
const WRITER = new URL("../../../src/database/sqlite/writer-thread.ts", import.meta.url).href;
const STORE = new URL("../../../src/store/data-module.ts", import.meta.url).href;

const LOAD_STORE_LEANLY = `
  await import(${JSON.stringify(LEAN_LOADING)});
  const { operations } = await import(${JSON.stringify(STORE)});`;

/** What the code answers in a thread. */
async function ask(code: string, options?: ThreadOptions): Promise<unknown> {
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     (async () => { ${code} })()
       .then((answer) => parentPort.postMessage({ answer }), (error) => parentPort.postMessage({ answer: error.message }));`,
    { eval: true, workerData: options },
  );
  try {
    return await new Promise((resolve, reject) => {
      // A database thread says other things as well.
      worker.on("message", (message: object) => "answer" in message && resolve(message.answer));
      worker.once("error", reject);
    });
  } finally {
    await worker.terminate();
  }
}

describe("lean loading", () => {
  it("lets a thread list its operations with their schemas", async () => {
    const names = await ask(`
      ${LOAD_STORE_LEANLY}
      return Object.keys(operations.events);
    `);

    expect(names).toContain("create");
  });

  it("keeps zod out of all that a database thread loads", async () => {
    const connection = {
      path: ":memory:",
      synchronous: "full",
      isForeignKeysEnabled: true,
      cacheSizeBytes: 2 ** 20,
    } as const;
    const loaded = await ask(
      `const urls = [];
       const load = (url, context, next) => (urls.push(url), next(url, context));
       require("node:module").registerHooks({ load });
       await import(${JSON.stringify(WRITER)});
       return urls.filter((url) => /engine-operations|data-module|zod/.test(url)).map((url) => url.split("/").at(-1));`,
      { dataModuleUrl: STORE, connection },
    );

    expect((loaded as string[]).toSorted()).toEqual(["data-module.ts", "engine-operations.ts"]);
  });

  it("refuses to judge an input, which the calling side has done", async () => {
    const message = await ask(`
      ${LOAD_STORE_LEANLY}
      return operations.events.create.input.safeParse({ anything: true });
    `);

    expect(message).toBe("inputs are validated before they are sent to a database thread");
  });
});
