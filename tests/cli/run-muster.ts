import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { runCommandLine } from "../../src/cli/program.ts";
import { JobsHere } from "../helpers/jobs-here.ts";

const ENTRY = join(import.meta.dirname, "../../src/cli/main.ts");

export interface MusterResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningMuster {
  readonly child: ChildProcess;
  readonly result: Promise<MusterResult>;
}

type Environment = Readonly<Record<string, string>>;

function environmentOf(folder: string, environment: Environment): Environment {
  return { DATABASE_PATH: join(folder, "muster.db"), DB_BACKUP_DIR: join(folder, "backups"), ...environment };
}

/** The command line as a process of its own, without a terminal, on the data in `folder`. */
export function startMuster(folder: string, args: readonly string[], environment: Environment = {}): RunningMuster {
  const child = spawn(process.execPath, [ENTRY, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH, ...environmentOf(folder, environment) },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const result = new Promise<MusterResult>((resolve) => {
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { child, result };
}

export function runMuster(folder: string, args: readonly string[], environment?: Environment): Promise<MusterResult> {
  return startMuster(folder, args, environment).result;
}

/**
 * The command line and its jobs in this process, which costs a twentieth of processes of their own. Where a bot runs in
 * this process, or where it is signals, file modes or the end of the process that matter, `runMuster` has to do.
 */
export async function runMusterHere(
  folder: string,
  args: readonly string[],
  environment: Environment = {},
): Promise<MusterResult> {
  let [stdout, stderr] = ["", ""];
  const spies = [
    jest.spyOn(process.stdout, "write").mockImplementation((text) => ((stdout += String(text)), true)),
    jest.spyOn(process.stderr, "write").mockImplementation((text) => ((stderr += String(text)), true)),
    jest.spyOn(console, "error").mockImplementation((text) => void (stderr += `${String(text)}\n`)),
    jest.spyOn(console, "log").mockImplementation((text) => void (stdout += `${String(text)}\n`)),
  ];
  const { env, exitCode, stdin, stderr: terminal } = process;
  const terminals = [stdin, terminal].map((stream) => ({ stream, isTTY: stream.isTTY }));
  process.env = { ...environmentOf(folder, environment) };
  process.exitCode = undefined;
  // Nobody is to be asked, whoever runs the tests.
  for (const { stream } of terminals) stream.isTTY = false;
  try {
    const code = await runCommandLine(args, { folder, createMaintenance: () => new JobsHere() });
    return { code: Number(code ?? process.exitCode ?? 0), stdout, stderr };
  } finally {
    process.env = env;
    process.exitCode = exitCode;
    for (const { stream, isTTY } of terminals) stream.isTTY = isTTY;
    for (const spy of spies) spy.mockRestore();
  }
}
