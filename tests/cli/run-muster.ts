import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { runCommandLine } from "../../src/cli/program.ts";

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

/** The command line as a process of its own, without a terminal, on the data in `folder`. */
export function startMuster(
  folder: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): RunningMuster {
  const child = spawn(process.execPath, [ENTRY, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      DATABASE_PATH: join(folder, "muster.db"),
      DB_BACKUP_DIR: join(folder, "backups"),
      ...environment,
    },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const result = new Promise<MusterResult>((resolve) => {
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { child, result };
}

export function runMuster(
  folder: string,
  args: readonly string[],
  environment?: Readonly<Record<string, string>>,
): Promise<MusterResult> {
  return startMuster(folder, args, environment).result;
}

/**
 * The command line in this process, which costs a hundredth of one of its own: for what ends before there is anything to
 * work on, such as arguments that are not understood.
 */
export async function runMusterHere(args: readonly string[]): Promise<MusterResult> {
  let [stdout, stderr] = ["", ""];
  const spies = [
    import.meta.jest.spyOn(process.stderr, "write").mockImplementation((text) => ((stderr += String(text)), true)),
    import.meta.jest.spyOn(console, "error").mockImplementation((text) => void (stderr += `${String(text)}\n`)),
    import.meta.jest.spyOn(console, "log").mockImplementation((text) => void (stdout += `${String(text)}\n`)),
  ];
  try {
    return { code: (await runCommandLine(args, "/nowhere")) ?? 0, stdout, stderr };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
