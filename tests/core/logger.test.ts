import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { MusterError } from "../../src/core/errors.ts";
import { createLogSink, type LogSink } from "../../src/core/logger.ts";
import { withFolder } from "../helpers/database.ts";

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
