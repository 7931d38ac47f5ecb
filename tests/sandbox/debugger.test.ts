import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Debugger } from "../../src/sandbox/chaos/debugger.ts";
import { findFreePort } from "../../src/sandbox/free-port.ts";

describe("a debugger", () => {
  let child: ChildProcess | undefined;
  afterEach(() => child?.kill("SIGKILL"));

  it("waits for a process that has only just begun, and does not end it by asking", async () => {
    const port = await findFreePort();
    // A shell takes the signal as Node does in its first milliseconds, and becomes Node under the same id.
    const command = 'sleep 0.3; exec "$0" "$1" --eval "setInterval(() => undefined, 1_000)"';
    child = spawn("sh", ["-c", command, process.execPath, `--inspect-port=${port}`], { stdio: "ignore" });
    const exited = once(child, "exit").then(() => "ended");
    const attached = Debugger.attach({ processId: child.pid!, port, isOpen: false });
    expect(await Promise.race([exited, attached.then(() => "attached")])).toBe("attached");
    const debug = await attached;
    expect(await debug.findThread("none")).toBeUndefined();
    await debug.close();
    expect(child.exitCode ?? child.signalCode).toBeNull();
  });

  it("does not wait for the answers of a process that is gone", async () => {
    const port = await findFreePort();
    const code = "process.stdout.write('ready'); setInterval(() => undefined, 1_000)";
    child = spawn(process.execPath, [`--inspect-port=${port}`, "--eval", code], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    await once(child.stdout!, "data");
    const debug = await Debugger.attach({ processId: child.pid!, port, isOpen: false });
    const finding = expect(debug.findThread("none")).rejects.toThrow("gone");
    child.kill("SIGKILL");
    await finding;
    await debug.close();
  });
});
