import { MusterError } from "../../core/errors.ts";
import type { FileValue, OptionValue, OptionValues } from "../actor/command-options.ts";

/** A file within JSON. */
export interface SentFile {
  readonly filename: string;
  readonly contentType?: string;
  readonly dataBase64: string;
}

export type SentOptions = Readonly<Record<string, Exclude<OptionValue, FileValue> | SentFile>>;

export function readFiles(files: readonly SentFile[] = []): FileValue[] {
  return files.map(readFile);
}

export function readOptions(options: SentOptions): OptionValues {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, isFile(value) ? readFile(value) : value]),
  );
}

function isFile(value: SentOptions[string]): value is SentFile {
  return typeof value === "object" && value !== null;
}

function readFile({ filename, contentType, dataBase64 }: SentFile): FileValue {
  if (typeof filename !== "string" || typeof dataBase64 !== "string") {
    throw new MusterError("INPUT_INVALID", "a file needs filename and dataBase64");
  }
  const data = Buffer.from(dataBase64, "base64");
  return { filename, data, ...(contentType === undefined ? {} : { contentType }) };
}
