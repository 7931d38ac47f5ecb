import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import winston from "winston";
import DailyRotateFile from "winston-daily-rotate-file";
import { FILE_MODE, FOLDER_MODE } from "./durable-file.ts";
import { describeError, shorten } from "./error-description.ts";
import { requireWritableFolder } from "./writable-folder.ts";

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
  /**
   * Writes the daily files to this folder from now on; no line is lost or doubled by it. Resolves when the former file is
   * complete. Rejects, and goes on in the former folder, when this one cannot be written.
   */
  setFolder(folder: string): Promise<void>;
  /** Resolves when everything logged so far is written, or after 2 s: a disk that hangs never says. Further calls wait for the same end. */
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

/** Of the 10 s that a stop has. */
const CLOSE_LIMIT_MS = 2_000;
const REDACTED = "[redacted]";
/** The shape of a Discord bot token: user id, timestamp and HMAC, each base64url. */
const TOKEN_SHAPE = /[\w-]{23,28}\.[\w-]{6}\.[\w-]{27,}/g;
/** In an address of Discord's, what whoever has it may answer an interaction with, or post by a webhook. */
const ADDRESS_TOKEN = /((?:webhooks|interactions)\/\d+\/)[^/\s"'?\\]+/g;

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
    let clean = line.replace(TOKEN_SHAPE, REDACTED).replace(ADDRESS_TOKEN, `$1${REDACTED}`);
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
      pairs += ` ${key}=${JSON.stringify(shorten(value.message))}`;
      stacks += `\n    ${shorten(value.stack ?? value.message)}`;
    } else {
      pairs += ` ${key}=${typeof value === "string" && /^[\w.:/-]+$/.test(value) ? value : toJson(value)}`;
    }
  }
  return pairs + stacks;
}

interface LogFile {
  readonly transport: DailyRotateFile;
  /** Its stream is destroyed, and neither takes nor reports anything more until it is rotated. */
  isBroken: boolean;
}

function openLogFile(folder: string, format: winston.Logform.Format): LogFile {
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  const transport = new DailyRotateFile({
    dirname: folder,
    format,
    filename: "muster-%DATE%.log",
    auditFile: join(folder, ".rotation.json"),
    maxFiles: "14d",
    maxSize: "50m",
    options: { flags: "a", mode: FILE_MODE },
  });
  const file: LogFile = { transport, isBroken: false };
  // Without a listener a full disk would end the program over its log.
  transport.logStream.on("error", (error: Error) => {
    file.isBroken = true;
    process.stderr.write(`the log file cannot be written: ${error.message}\n`);
  });
  transport.on("new", () => (file.isBroken = false));
  return file;
}

/** Resolves when the file has what was written to it; the transport says that it has finished before. */
function awaitWritten({ transport, isBroken }: LogFile): Promise<void> {
  if (isBroken) return Promise.resolve();
  return new Promise((resolve) => transport.logStream.once("finish", resolve).once("error", () => resolve()));
}

async function awaitAtMost(limitMs: number, end: Promise<void>): Promise<void> {
  const { promise: limit, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, limitMs);
  await Promise.race([end, limit]);
  clearTimeout(timer);
}

/** The daily files, which can move from one folder to another while lines are written. */
class LogFiles {
  readonly #root: winston.Logger;
  readonly #format: winston.Logform.Format;
  #folder: string | undefined;
  #file: LogFile | undefined;
  #lastMove: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(root: winston.Logger, format: winston.Logform.Format) {
    this.#root = root;
    this.#format = format;
  }

  /** Nothing is taken any more. */
  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  open(folder: string): void {
    this.#file = openLogFile(folder, this.#format);
    this.#folder = folder;
    this.#root.add(this.#file.transport);
    this.#root.silent = false;
  }

  /** One move after another, so that the last one asked for is the one that stands. */
  move(folder: string): Promise<void> {
    const move = this.#lastMove.then(() => this.#move(folder));
    this.#lastMove = move.catch(() => undefined);
    return move;
  }

  /** Ends the root logger, then resolves when the files have everything that was logged, or after the limit. */
  close(): Promise<void> {
    this.#closing ??= awaitAtMost(CLOSE_LIMIT_MS, this.#close());
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#lastMove;
    const finished = new Promise<void>((resolve) => this.#root.once("finish", resolve));
    const written = this.#file && awaitWritten(this.#file);
    this.#root.end();
    await finished;
    await written;
  }

  async #move(folder: string): Promise<void> {
    if (folder === this.#folder || this.#closing) return;
    await requireWritableFolder(folder);
    const former = this.#file;
    this.open(folder);
    if (!former) return;
    // In the same turn, so that each line goes to one of the two; what the former has taken, it still writes.
    const written = awaitWritten(former);
    this.#root.remove(former.transport);
    await written;
  }
}

function createFormats(redact: (line: string) => string): {
  json: () => winston.Logform.Format;
  readable: () => winston.Logform.Format;
} {
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
  return {
    json: () => winston.format.combine(stamped, json()),
    readable: () => winston.format.combine(stamped, readable()),
  };
}

export function createLogSink(options: LogSinkOptions): LogSink {
  const redactor = new Redactor();
  redactor.add(options.secrets);
  const { json, readable } = createFormats((line) => redactor.redact(line));
  const { level, isConsoleEnabled } = options;
  const transports = isConsoleEnabled ? [new winston.transports.Console({ format: readable() })] : [];
  // The transports have formats of their own; the default one would turn all of each line into JSON once more, for nobody.
  const format = winston.format((info) => info)();
  const root = winston.createLogger({ level, format, transports, silent: transports.length === 0 });
  const files = new LogFiles(root, json());
  if (options.folder !== undefined) files.open(options.folder);

  // Whoever still has something to say after the end must not end the program with it.
  const wrap = (logger: winston.Logger): Logger => ({
    error: (message, fields) => void (files.isClosing || logger.error(message, fields)),
    warn: (message, fields) => void (files.isClosing || logger.warn(message, fields)),
    info: (message, fields) => void (files.isClosing || logger.info(message, fields)),
    debug: (message, fields) => void (files.isClosing || logger.debug(message, fields)),
    with: (fields) => wrap(logger.child(fields)),
  });

  return {
    ...wrap(root),
    addSecrets: (secrets) => redactor.add(secrets),
    setLevel(level) {
      root.level = level;
    },
    setFolder: (folder) => files.move(folder),
    close: () => files.close(),
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
