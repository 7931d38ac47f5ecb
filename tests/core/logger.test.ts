import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { MusterError } from "../../src/core/errors.ts";
import { createLogSink, type LogSink } from "../../src/core/logger.ts";
import { withFolder } from "../helpers/database.ts";
import { formatLogDate } from "../helpers/log-date.ts";

type Line = Readonly<Record<string, unknown>>;

/** What a logger writes to its file. */
async function writeLog(
  write: (log: LogSink) => void,
  secrets: readonly string[] = [],
): Promise<{ text: string; lines: Line[] }> {
  return withFolder(async (parent) => {
    const folder = join(parent, "logs");
    const log = createLogSink({ level: "info", folder, isConsoleEnabled: false, secrets });
    write(log);
    await log.close();
    const [file = ""] = readdirSync(folder).filter((name) => name.endsWith(".log"));
    expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const text = readFileSync(join(folder, file), "utf8");
    return {
      text,
      lines: text
        .trim()
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Line),
    };
  });
}

describe("the logger", () => {
  it("writes one JSON object a line, with the fields of its logger and of the call", async () => {
    const { lines } = await writeLog((log) => {
      log.with({ part: "database" }).info("opened", { version: 1n });
      log.debug("not at this level");
      log.setLevel("debug");
      log.debug("at this level");
    });
    expect(lines).toMatchObject([
      { level: "info", message: "opened", part: "database", version: "1", time: expect.any(String) as string },
      { level: "debug", message: "at this level" },
    ]);
  });

  it("says nothing after it was closed, and ends nothing", async () => {
    await withFolder(async (folder) => {
      const log = createLogSink({ level: "info", isConsoleEnabled: false, folder, secrets: [] });
      const part = log.with({ part: "one" });
      await log.close();
      log.error("too late");
      part.info("too late");
      await new Promise(setImmediate);
    });
  });

  it("has everything on disk when it is closed", async () => {
    const { lines } = await writeLog((log) => {
      for (let index = 0; index < 2_000; index++) log.info("line", { index });
    });
    expect(lines.map(({ index }) => index)).toEqual(Array.from({ length: 2_000 }, (_, index) => index));
  });

  it("writes errors with their stack, code and causes", async () => {
    const { lines } = await writeLog((log) => {
      const cause = new RangeError("inner");
      log.error("failed", { error: new MusterError("DATABASE_IO", "outer", { cause, details: { path: "x" } }) });
    });
    expect(lines[0]!.error).toMatchObject({
      message: "outer",
      code: "DATABASE_IO",
      stack: expect.stringContaining("logger.test") as string,
      cause: { message: "inner" },
    });
  });

  it("hides secrets and whatever looks like a bot's token, wherever they are", async () => {
    const token = `${"M".repeat(24)}.${"a".repeat(6)}.${"b".repeat(38)}`;
    const secrets = ["plain-secret", 'quote"and\\slash', "short"];
    const { text, lines } = await writeLog((log) => {
      log.info(`in the message ${token} plain-secret`, { field: `plain-secret`, list: [{ deep: token }] });
      log.error("in an error", { error: new Error("plain-secret", { cause: new Error(token) }) });
      log.with({ bound: 'quote"and\\slash' }).info("escaped");
      log.info("short");
    }, secrets);
    expect(text).not.toContain(token);
    expect(text).not.toContain("plain-secret");
    expect(text).not.toContain("and\\\\slash");
    expect(lines).toHaveLength(4);
    // Too short to be a secret, and to be found by chance everywhere.
    expect(lines[3]!.message).toBe("short");
  });

  it("hides what gives access in the addresses of interactions and webhooks", async () => {
    const token = `aW50ZXJhY3Rpb246${"Q".repeat(150)}`;
    const base = "https://discord.com/api/v10";
    const { text } = await writeLog((log) => {
      const url = `${base}/webhooks/1440000000000000000/${token}/messages/@original`;
      log.error("in an error", { error: Object.assign(new Error(`PATCH ${url}`), { url }) });
      log.info(`in the message ${base}/interactions/1440000000000000001/${token}/callback?with_response=true`);
      log.info("in a field", { address: `${base}/webhooks/1440000000000000002/${token}` });
    });
    expect(text).not.toContain("QQQQ");
    expect(text).toContain("/webhooks/1440000000000000000/[redacted]/messages/@original");
    expect(text).toContain("/interactions/1440000000000000001/[redacted]/callback?with_response=true");
  });

  it("keeps out of a line what an error repeats of a request, and its files", async () => {
    const file = { name: "audit-log.csv", data: Buffer.alloc(8_000_000, "A") };
    const error = Object.assign(new Error("Invalid Form Body"), {
      ...{ code: 50_035, status: 400, method: "PATCH", rawError: { message: "Invalid Form Body" } },
      requestBody: { files: [file], json: { content: "title of a member's event" } },
    });
    const startedAt = process.cpuUsage();
    const { text, lines } = await writeLog((log) => {
      log.error("not answered", { error: new Error("outer", { cause: error }) });
      log.error("elsewhere", { error: Object.assign(new Error("other"), { sent: file, at: new Date(0) }) });
    });
    expect(process.cpuUsage(startedAt).user).toBeLessThan(1_000_000);
    expect(text.length).toBeLessThan(10_000);
    expect(text).not.toContain("member's event");
    expect(lines[0]!.error).toMatchObject({ cause: { message: "Invalid Form Body", code: 50_035, status: 400 } });
    const sent = { name: "audit-log.csv", data: "[8000000 bytes]" };
    expect(lines[1]!.error).toMatchObject({ sent, at: "1970-01-01T00:00:00.000Z" });
  });

  it("writes a short line of an error however much it carries", async () => {
    const deep = (level: number): unknown => (level === 0 ? "end" : Array.from({ length: 60 }, () => deep(level - 1)));
    const circular = new Error("circular");
    circular.cause = Object.assign(new Error("cause"), { cause: circular });
    const errors = [
      new Error("m".repeat(5_000_000)),
      Object.assign(new Error("texts"), { details: { text: "t".repeat(5_000_000) } }),
      Object.assign(new Error("many"), Object.fromEntries(numbersTo(10_000).map((key) => [key, key.repeat(1_000)]))),
      Object.assign(new Error("deep"), { details: deep(3) }),
      circular,
    ];
    const { lines, text } = await writeLog((log) => errors.forEach((error) => log.error("failed", { error })));
    expect(lines).toHaveLength(errors.length);
    expect(Math.max(...text.split("\n").map(({ length }) => length))).toBeLessThan(60_000);
    expect(lines[0]!.error).toMatchObject({ message: expect.stringMatching(/^m{4000}… \(4996000 more/) as string });
    expect(lines[4]!.error).toMatchObject({ message: "circular", cause: { message: "cause" } });
  });

  it("hides secrets that it learns of later", async () => {
    const { text } = await writeLog((log) => {
      log.addSecrets(["a-new-passphrase"]);
      log.info("changed", { to: "a-new-passphrase" });
    });
    expect(text).toContain("changed");
    expect(text).not.toContain("a-new-passphrase");
  });

  it("writes a line even when a field refers to itself", async () => {
    const circle: Record<string, unknown> = { name: "circle" };
    circle.self = circle;
    const { lines } = await writeLog((log) => log.info("circular", { circle, other: 1 }));
    expect(lines[0]).toMatchObject({ level: "info", message: "circular" });
    expect(JSON.stringify(lines[0])).toContain("circle");
  });

  it("can be closed when it writes nowhere", async () => {
    const log = createLogSink({ level: "info", folder: undefined, isConsoleEnabled: false, secrets: [] });
    log.info("nobody hears this");
    await log.close();
  });
});

/** Messages in the files of a folder, in order. */
function readMessages(folder: string): unknown[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".log"))
    .flatMap((name) => readFileSync(join(folder, name), "utf8").trim().split("\n"))
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as Line).message);
}

async function withLogIn(name: string, body: (log: LogSink, parent: string) => Promise<void>): Promise<void> {
  await withFolder(async (parent) => {
    const log = createLogSink({ level: "info", folder: join(parent, name), isConsoleEnabled: false, secrets: [] });
    await body(log, parent);
    await log.close();
  });
}

const numbersTo = (count: number): string[] => Array.from({ length: count }, (_, index) => `line ${index}`);

describe("the folder of the log", () => {
  it("moves while lines are written: each is in one of the two, in order", async () => {
    await withLogIn("first", async (log, parent) => {
      const second = join(parent, "deep", "second");
      const moving = log.setFolder(second);
      let isMoved = false;
      void moving.then(() => (isMoved = true));
      let count = 0;
      const writeSome = (): void => {
        for (let index = 0; index < 50; index++) log.info(`line ${count++}`);
      };
      writeSome();
      while (!isMoved) {
        writeSome();
        await new Promise((resolve) => setImmediate(resolve));
      }
      // The former file is complete as soon as it has moved.
      const first = readMessages(join(parent, "first"));
      expect(first.length).toBeGreaterThan(0);
      writeSome();
      await log.close();
      expect([...first, ...readMessages(second)]).toEqual(numbersTo(count));
      expect(readMessages(join(parent, "first"))).toEqual(first);
      expect(statSync(second).mode & 0o777).toBe(0o700);
      expect(readdirSync(second).filter((name) => name.startsWith(".probe"))).toEqual([]);
    });
  });

  it("stays the former one when the new one cannot be written, and that is told", async () => {
    await withLogIn("first", async (log, parent) => {
      writeFileSync(join(parent, "a-file"), "");
      log.info("before");
      await expect(log.setFolder(join(parent, "a-file", "logs"))).rejects.toThrow("ENOTDIR");
      log.info("after");
      await log.close();
      expect(readMessages(join(parent, "first"))).toEqual(["before", "after"]);
    });
  });

  it("is the one that was asked for last", async () => {
    await withLogIn("first", async (log, parent) => {
      const [second, third] = [join(parent, "second"), join(parent, "third")];
      writeFileSync(join(parent, "a-file"), "");
      const refused = expect(log.setFolder(join(parent, "a-file"))).rejects.toThrow("EEXIST");
      await Promise.all([log.setFolder(second), refused, log.setFolder(third)]);
      log.info("at last");
      await log.close();
      expect(readMessages(third)).toEqual(["at last"]);
      expect(readMessages(second)).toEqual([]);
    });
  });

  it("is left as it is when it is named again, and may be named when there was none", async () => {
    await withFolder(async (parent) => {
      const folder = join(parent, "logs");
      const log = createLogSink({ level: "info", folder: undefined, isConsoleEnabled: false, secrets: [] });
      await log.setFolder(folder);
      log.info("one");
      await log.setFolder(folder);
      log.info("two");
      await log.close();
      expect(readMessages(folder)).toEqual(["one", "two"]);
    });
  });

  it("can be left, and the log closed, when its disk is full", async () => {
    await withFolder(async (parent) => {
      const full = join(parent, "full");
      mkdirSync(full);
      symlinkSync("/dev/full", join(full, `muster-${formatLogDate(new Date())}.log`));
      const log = createLogSink({ level: "info", folder: full, isConsoleEnabled: false, secrets: [] });
      log.info("does not fit");
      await new Promise((resolve) => setTimeout(resolve, 100));
      await log.setFolder(join(parent, "second"));
      log.info("fits");
      await log.close();
      await log.close();
      expect(readMessages(join(parent, "second"))).toEqual(["fits"]);
    });
  });

  it("does not keep the log from being closed when its disk hangs", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, `muster-${formatLogDate(new Date())}.log`);
      // Nobody reads from it, so opening it does not return.
      execFileSync("mkfifo", [path]);
      const log = createLogSink({ level: "info", folder, isConsoleEnabled: false, secrets: [] });
      log.error("the program ends");
      await log.close();
      closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
    });
  }, 10_000);
});
