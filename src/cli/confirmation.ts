import { createInterface } from "node:readline/promises";

export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/** Whether there is somebody to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Asks for the word itself, since what follows is not undone by a slip of a finger. Rejects when `signal` is aborted. */
export async function askForYes(
  question: string,
  signal: AbortSignal,
  { input, output }: Terminal = { input: process.stdin, output: process.stderr },
): Promise<boolean> {
  // Not as a terminal: there, readline would take Ctrl-C for itself.
  const lines = createInterface({ input, output, terminal: false });
  // The end may come with the answer, and before readline hands that over.
  const ended = new Promise<string>((resolve) => lines.once("close", () => setImmediate(resolve, "")));
  try {
    const answer = await Promise.race([lines.question(`${question} `, { signal }), ended]);
    return answer.trim().toLowerCase() === "yes";
  } finally {
    lines.close();
  }
}
