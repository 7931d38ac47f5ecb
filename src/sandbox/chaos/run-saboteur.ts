import { fork } from "node:child_process";
import inspector from "node:inspector";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../core/clock.ts";
import { MusterError } from "../../core/errors.ts";
import { findFreePort } from "../free-port.ts";
import type { DebuggerTarget, SaboteurAnswer, SaboteurJob } from "./saboteur-job.ts";

export interface Saboteur {
  /** What was done, in words. */
  readonly text: string;
  /** Ends the process, and with it what it holds; resolves when it is gone. */
  readonly end: () => Promise<void>;
}

export type RunSaboteur = (job: SaboteurJob) => Promise<Saboteur>;

const ENTRY = fileURLToPath(new URL("./saboteur.ts", import.meta.url));
const ANSWER_LIMIT_MS = 15_000;

/** Starts a process for one job. Resolves when that is done, or held; throws CONFLICT when it could not be done. */
export async function runSaboteur(job: SaboteurJob, clock: Clock): Promise<Saboteur> {
  const child = fork(ENTRY, [], { env: {}, execArgv: [], stdio: ["ignore", "ignore", "ignore", "ipc"] });
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const end = (): Promise<void> => {
    child.kill("SIGKILL");
    return gone;
  };
  const answer = await new Promise<SaboteurAnswer>((resolve) => {
    const fail = (reason: string): void => resolve({ answer: "failed", reason });
    const cancel = clock.schedule(ANSWER_LIMIT_MS, () => fail(`it was not done within ${ANSWER_LIMIT_MS} ms`));
    child.once("message", (message) => resolve(message as SaboteurAnswer));
    child.once("error", (error) => fail(error.message));
    // The end of the channel comes behind all that was said over it; the end of the process may come before.
    child.once("disconnect", () => {
      cancel();
      fail("the saboteur ended without an answer");
    });
    child.send(job, (error) => {
      if (error) fail(error.message);
    });
  });
  if (answer.answer === "done") return { text: answer.text, end };
  await end();
  throw new MusterError("CONFLICT", `sabotage the bot: ${answer.reason}`);
}

/** Where this process's debugger is, or will be once it is asked to open: on a free port, so that none is in the way. */
export async function findDebugger(): Promise<DebuggerTarget> {
  const url = inspector.url();
  if (url !== undefined) return { processId: process.pid, port: Number(new URL(url).port), isOpen: true };
  const port = await findFreePort();
  process.debugPort = port;
  return { processId: process.pid, port, isOpen: false };
}
