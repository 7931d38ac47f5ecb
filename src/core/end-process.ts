import { spawn } from "node:child_process";

/**
 * `process.exit` joins the threads of Node's pool and waits for the program's own threads: a single one in a call that a
 * hanging disk does not answer holds it up for ever (measured, Node 24.21), and with it the supervisor that is to start
 * the program again. Nothing in this process can run by then, so another one waits beside it, and kills it.
 */

const LIMIT_MS = 2_000;
/** It goes when the pipe to it ends, with the process that it watches; the number of one that has gone may be another's. */
const GUARD = `
const pid = Number(process.argv[1]);
process.stdin.resume().on("end", () => process.exit());
setTimeout(() => {
  if (process.ppid === pid) process.kill(pid, "SIGKILL");
  process.exit();
}, Number(process.argv[2]));
`;

/** Ends the process within about two seconds, with this exit code unless it has to be killed. */
export function endProcess(exitCode: number): never {
  try {
    spawnGuard();
  } catch {
    // Linux may refuse the descriptors of a new process (EBUSY) in a race with a thread that opens one.
  }
  process.exit(exitCode);
}

/** Without it an end is still an end, as long as the disks answer. */
function spawnGuard(): void {
  const guard = spawn(process.execPath, ["-e", GUARD, String(process.pid), String(LIMIT_MS)], {
    stdio: ["pipe", "ignore", "ignore"],
    // A signal to the group of a terminal is not for it.
    detached: true,
  });
  guard.on("error", () => undefined);
}
