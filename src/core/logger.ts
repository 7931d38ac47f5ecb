import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import winston from "winston";
import DailyRotateFile from "winston-daily-rotate-file";
import { FILE_MODE, FOLDER_MODE } from "./durable-file.ts";

export type LogLevel = "error" | "warn" | "info" | "debug";
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A logger whose lines carry `fields` as well. */
  with(fields: LogFields): Logger;
}

export interface LogSink extends Logger {
  /** Applies at once. */
  setLevel(level: LogLevel): void;
  /** More values that never appear in a line: a changed setting brings a new one. */
  addSecrets(secrets: readonly string[]): void;
  /** Resolves when everything logged so far is written. */
  close(): Promise<void>;
}

export interface LogSinkOptions {
  readonly level: LogLevel;
  /** Folder for daily files, kept 14 days; undefined = none. */
  readonly folder: string | undefined;
  /** Lines on standard output, readable rather than JSON. */
  readonly isConsoleEnabled: boolean;
  /** Values that never appear in a line, whoever logs them: tokens, keys. */
  readonly secrets: readonly string[];
}

const REDACTED = "[redacted]";
/** The shape of a Discord bot token: user id, timestamp and HMAC, each base64url. */
const TOKEN_SHAPE = /[\w-]{23,28}\.[\w-]{6}\.[\w-]{27,}/g;

/** Errors as plain data with their chain of causes, so that a log line has the stack and JSON can hold it. */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack, cause, ...own } = error as Error & Record<string, unknown>;
  return { name, message, stack, ...own, ...(cause === undefined ? {} : { cause: describeError(cause) }) };
}

class Redactor {
  readonly #known = new Set<string>();

  /** Too short ones would take ordinary words out of the log. */
  add(secrets: readonly string[]): void {
    for (const secret of secrets.filter(({ length }) => length >= 6)) {
      // In JSON a quote or a backslash is written otherwise.
      this.#known.add(secret).add(JSON.stringify(secret).slice(1, -1));
    }
  }

  redact(line: string): string {
    let clean = line.replace(TOKEN_SHAPE, REDACTED);
    for (const secret of this.#known) clean = clean.replaceAll(secret, REDACTED);
    return clean;
  }
}

/** Epoch or not, an error or not: what a field becomes in JSON. */
function toJsonValue(_key: string, value: unknown): unknown {
  if (value instanceof Error) return describeError(value);
  if (typeof value === "bigint") return value.toString();
  return value;
}

/** What JSON cannot hold (a value that refers to itself) costs its structure, never the line or its caller. */
function toJson(value: unknown): string {
  try {
    // A function has no JSON: the library returns undefined for it, whatever its type says.
    return JSON.stringify(value, toJsonValue) ?? "null";
  } catch {
    return JSON.stringify(inspect(value));
  }
}

/** ` key=value` for each field; an error as its message, with its stack on lines of its own. */
function formatFields(fields: Readonly<Record<string, unknown>>): string {
  let [pairs, stacks] = ["", ""];
  for (const [key, value] of Object.entries(fields)) {
    if (value instanceof Error) {
      pairs += ` ${key}=${JSON.stringify(value.message)}`;
      stacks += `\n    ${value.stack ?? value.message}`;
    } else {
      pairs += ` ${key}=${typeof value === "string" && /^[\w.:/-]+$/.test(value) ? value : toJson(value)}`;
    }
  }
  return pairs + stacks;
}

function createFileTransport(folder: string): DailyRotateFile {
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  const transport = new DailyRotateFile({
    dirname: folder,
    filename: "muster-%DATE%.log",
    auditFile: join(folder, ".rotation.json"),
    maxFiles: "14d",
    maxSize: "50m",
    options: { flags: "a", mode: FILE_MODE },
  });
  // Without a listener a full disk would end the program over its log.
  transport.logStream.on("error", (error: Error) =>
    process.stderr.write(`the log file cannot be written: ${error.message}\n`),
  );
  return transport;
}

/** Resolves when the file has what was written to it; the transport says that it has finished before. */
function awaitWritten({ logStream }: DailyRotateFile): Promise<void> {
  return new Promise((resolve) => logStream.once("finish", resolve).once("error", () => resolve()));
}

export function createLogSink(options: LogSinkOptions): LogSink {
  const redactor = new Redactor();
  redactor.add(options.secrets);
  const redact = (line: string): string => redactor.redact(line);
  const MESSAGE = Symbol.for("message");
  const json = winston.format((info) => {
    const { level, message, timestamp, ...fields } = info;
    const own = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `,${JSON.stringify(key)}:${toJson(value)}`);
    info[MESSAGE] = redact(`${toJson({ time: timestamp, level, message }).slice(0, -1)}${own.join("")}}`);
    return info;
  });
  const readable = winston.format((info) => {
    const { level, message, timestamp, ...fields } = info;
    info[MESSAGE] = redact(`${String(timestamp)} ${level.padEnd(5)} ${String(message)}${formatFields(fields)}`);
    return info;
  });
  const stamped = winston.format.timestamp();
  const transports: winston.transport[] = [];
  if (options.isConsoleEnabled) {
    transports.push(new winston.transports.Console({ format: winston.format.combine(stamped, readable()) }));
  }
  const file = options.folder === undefined ? undefined : createFileTransport(options.folder);
  if (file) {
    file.format = winston.format.combine(stamped, json());
    transports.push(file);
  }
  const root = winston.createLogger({ level: options.level, transports, silent: transports.length === 0 });

  const wrap = (logger: winston.Logger): Logger => ({
    error: (message, fields) => void logger.error(message, fields),
    warn: (message, fields) => void logger.warn(message, fields),
    info: (message, fields) => void logger.info(message, fields),
    debug: (message, fields) => void logger.debug(message, fields),
    with: (fields) => wrap(logger.child(fields)),
  });

  return {
    ...wrap(root),
    addSecrets: (secrets) => redactor.add(secrets),
    setLevel(level) {
      root.level = level;
    },
    async close() {
      const finished = new Promise<void>((resolve) => root.once("finish", resolve));
      const written = file && awaitWritten(file);
      root.end();
      await finished;
      await written;
    },
  };
}

/** A logger that drops everything. */
export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  with: () => silentLogger,
};
