import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { withFolder } from "../helpers/database.ts";

const core = join(import.meta.dirname, "../../src/core");
const END = `(await import(${JSON.stringify(join(core, "end-process.ts"))})).endProcess(3);`;
/** A call that does not return: nobody writes to the pipe. */
const READ_PIPE = `require("node:fs").readFileSync("pipe")`;

/** Runs a module in a folder that has a pipe; gives how it ended and what it said. */
async function run(
  folder: string,
  code: string,
): Promise<{ code: number | null; signal: string | null; said: string }> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 20_000,
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [exitCode, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return { code: exitCode, signal, said };
}

describe("a process that ends", () => {
  it("gives its exit code, and is killed when a call or a thread of its own hangs", async () => {
    await withFolder(async (folder) => {
      execFileSync("mkfifo", [join(folder, "pipe")]);
      const [plain, call, thread] = await Promise.all([
        run(folder, END),
        run(folder, `import { open } from "node:fs/promises"; void open("pipe"); ${END}`),
        run(
          folder,
          `import { Worker } from "node:worker_threads"; import { once } from "node:events";
          const code = ${JSON.stringify(`require("node:worker_threads").parentPort.postMessage(0); ${READ_PIPE}`)};
          await once(new Worker(code, { eval: true, execArgv: [] }), "message"); ${END}`,
        ),
      ]);
      expect(plain).toMatchObject({ code: 3, signal: null });
      expect(call).toMatchObject({ code: null, signal: "SIGKILL" });
      expect(thread).toMatchObject({ code: null, signal: "SIGKILL" });
    });
  }, 30_000);
});

describe("a process that can start no other", () => {
  it.each([
    ["is refused it at once", "\\0"],
    ["hears later that it was refused", "/nowhere"],
  ])("ends with its exit code when it %s", async (_what, path) => {
    await withFolder(async (folder) => {
      const end = await run(folder, `process.execPath = "${path}"; ${END}`);
      expect(end).toMatchObject({ code: 3, signal: null });
    });
  });
});

describe("a process with a wide pool of threads", () => {
  it("resolves names while a dozen calls hang", async () => {
    await withFolder(async (folder) => {
      execFileSync("mkfifo", [join(folder, "pipe")]);
      const { said } = await run(
        folder,
        `import { open } from "node:fs/promises"; import { lookup } from "node:dns/promises";
        (await import(${JSON.stringify(join(core, "thread-pool.ts"))})).widenThreadPool();
        for (let count = 0; count < 12; count++) void open("pipe");
        setTimeout(() => process.kill(process.pid, "SIGKILL"), 10_000);
        await lookup("localhost");
        process.stdout.write("resolved", () => process.kill(process.pid, "SIGKILL"));`,
      );
      expect(said).toBe("resolved");
    });
  }, 30_000);
});
