import { join } from "node:path";
import winston from "winston";
import DailyRotateFile from "winston-daily-rotate-file";
import { FILE_MODE } from "./durable-file.ts";

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

function createRedactor(secrets: readonly string[]): (line: string) => string {
  const known = secrets.filter((secret) => secret.length >= 6);
  return (line) => {
    let clean = line.replace(TOKEN_SHAPE, REDACTED);
    for (const secret of known) clean = clean.replaceAll(secret, REDACTED);
    return clean;
  };
}

/** Epoch or not, an error or not: what a field becomes in JSON. */
function toJsonValue(_key: string, value: unknown): unknown {
  if (value instanceof Error) return describeError(value);
  if (typeof value === "bigint") return value.toString();
  return value;
}

/** ` key=value` for each field; an error as its message, with its stack on lines of its own. */
function formatFields(fields: Readonly<Record<string, unknown>>): string {
  let [pairs, stacks] = ["", ""];
  for (const [key, value] of Object.entries(fields)) {
    if (value instanceof Error) {
      pairs += ` ${key}=${JSON.stringify(value.message)}`;
      stacks += `\n    ${value.stack ?? value.message}`;
    } else {
      pairs += ` ${key}=${typeof value === "string" && /^[\w.:/-]+$/.test(value) ? value : JSON.stringify(value, toJsonValue)}`;
    }
  }
  return pairs + stacks;
}

export function createLogSink(options: LogSinkOptions): LogSink {
  const redact = createRedactor(options.secrets);
  const MESSAGE = Symbol.for("message");
  const json = winston.format((info) => {
    const { level, message, timestamp, ...fields } = info;
    info[MESSAGE] = redact(JSON.stringify({ time: timestamp, level, message, ...fields }, toJsonValue));
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
  if (options.folder !== undefined) {
    transports.push(
      new DailyRotateFile({
        dirname: options.folder,
        filename: "muster-%DATE%.log",
        auditFile: join(options.folder, ".rotation.json"),
        maxFiles: "14d",
        maxSize: "50m",
        options: { flags: "a", mode: FILE_MODE },
        format: winston.format.combine(stamped, json()),
      }),
    );
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
    setLevel(level) {
      root.level = level;
    },
    async close() {
      const finished = new Promise<void>((resolve) => root.once("finish", resolve));
      root.end();
      await finished;
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
