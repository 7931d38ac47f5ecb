import { isMusterError, toError } from "../core/errors.ts";

/** What a verb has to say: as one JSON document, or as lines for people. */
export interface VerbResult {
  readonly data: unknown;
  readonly lines: readonly string[];
  /** Done, and what was found is not as it should be. Default false. */
  readonly isFailed?: boolean;
}

export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

export interface OutputOptions {
  /** Absent = for people. */
  readonly json?: boolean;
}

export function printResult({ data, lines, isFailed = false }: VerbResult, { json = false }: OutputOptions): void {
  console.log(json ? JSON.stringify(data, undefined, 2) : lines.join("\n"));
  if (isFailed) process.exitCode = EXIT_FAILED;
}

/** Message and hint on stderr, for people; as the JSON document on stdout too, for a program that waits for one. */
export function printError(thrown: unknown, { json = false }: OutputOptions): void {
  const { message } = toError(thrown);
  const known = isMusterError(thrown) ? thrown : undefined;
  console.error(message);
  if (known?.hint !== undefined) console.error(known.hint);
  if (json) printJsonError({ code: known?.code ?? "INTERNAL", message, hint: known?.hint });
}

export function printJsonError(error: {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
}): void {
  console.log(JSON.stringify({ error }, undefined, 2));
}
