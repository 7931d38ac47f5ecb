import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { formatLogDate } from "../helpers/log-date.ts";

const entry = join(import.meta.dirname, "../../src/main.ts");

interface RunningBot {
  readonly child: ChildProcess;
  output(): string;
  waitFor(text: string): Promise<void>;
  readonly exitCode: Promise<number | null>;
}

let folder: string;
let sandbox: Sandbox;
const children: ChildProcess[] = [];

beforeAll(async () => {
  sandbox = await Sandbox.start({ port: 0 });
});
afterAll(() => sandbox.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "muster-process-"));
});
afterEach(() => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

function startProcess(settings: Record<string, string> = {}): RunningBot {
  const child = spawn(process.execPath, [entry], {
    env: {
      PATH: process.env.PATH,
      DISCORD_TOKEN: sandbox.botToken,
      DISCORD_API_URL: sandbox.apiUrl,
      DATABASE_PATH: join(folder, "data/muster.db"),
      DB_BACKUP_DIR: join(folder, "backups"),
      LOG_DIR: join(folder, "logs"),
      LOG_LEVEL: "debug",
      MONITOR_PORT: "0",
      ...settings,
    },
  });
  children.push(child);
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exitCode = once(child, "exit").then(([code]) => code as number | null);
  return {
    child,
    output: () => output,
    exitCode,
    async waitFor(text) {
      await sandbox.waitFor(() => output.includes(text) || child.exitCode !== null, 40_000);
      if (!output.includes(text)) throw new Error(`ended without "${text}":\n${output}`);
    },
  };
}

function loggedText(): string {
  return globSync("logs/*", { cwd: folder })
    .map((path) => readFileSync(join(folder, path), "utf8"))
    .join("\n");
}

describe("the process", () => {
  it("becomes ready, refuses a second bot on the same data, keeps the token out of every log, and stops on SIGTERM with 0", async () => {
    const bot = startProcess();
    await bot.waitFor("ready");
    const outcome = await sandbox
      .as(sandbox.world.state.guilds.values().next().value!.ownerId)
      .command(
        "ping",
        {},
        { channelId: [...sandbox.world.state.channels.values()].find(({ name }) => name === "general")!.id },
      );
    expect(outcome.status).toBe("replied");
    const second = startProcess();
    expect(await second.exitCode).toBe(78);
    // It names who holds the data.
    expect(second.output()).toContain(String(bot.child.pid));
    bot.child.kill("SIGTERM");
    expect(await bot.exitCode).toBe(0);
    expect(bot.output()).toContain("stopped");
    expect(loggedText()).toContain("ready");
    expect(bot.output() + loggedText()).not.toContain(sandbox.botToken);
    expect(statSync(join(folder, "data/muster.db")).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "data")).mode & 0o777).toBe(0o700);
  });

  it("names every wrong setting and ends with 78", async () => {
    const bot = startProcess({ DB_RETRY_DELAY: "soon", MONITOR_HOST: "0.0.0.0", MONITOR_PORT: "3000" });
    expect(await bot.exitCode).toBe(78);
    expect(bot.output()).toMatch(/DB_RETRY_DELAY[^]*MONITOR_TOKEN|MONITOR_TOKEN[^]*DB_RETRY_DELAY/);
  });

  it("ends with 78 when Discord refuses the token, without showing it", async () => {
    const token = `${sandbox.botToken.slice(0, -4)}AAAA`;
    const bot = startProcess({ DISCORD_TOKEN: token });
    expect(await bot.exitCode).toBe(78);
    expect(bot.output()).toContain("token was refused");
    expect(bot.output() + loggedText()).not.toContain(token);
  });

  it("says that the sandbox's port is in use", async () => {
    const bot = startProcess({ DISCORD_TOKEN: "", SANDBOX_PORT: String(sandbox.port) });
    expect(await bot.exitCode).toBe(78);
    expect(bot.output()).toContain(`port ${sandbox.port} is in use`);
  });

  it("waits for a data folder that cannot be locked yet, with nothing else to do meanwhile", async () => {
    const lockPath = join(folder, "data/muster.lock");
    mkdirSync(lockPath, { recursive: true });
    const bot = startProcess();
    await bot.waitFor("the data folder cannot be locked, trying again");
    rmdirSync(lockPath);
    await bot.waitFor("ready");
    bot.child.kill("SIGTERM");
    expect(await bot.exitCode).toBe(0);
  });

  it("ends also when the disk of its log hangs, and has threads to spare for the calls that hang", async () => {
    // Nobody reads from it, so opening it does not return.
    mkdirSync(join(folder, "logs"));
    execFileSync("mkfifo", [join(folder, "logs", `muster-${formatLogDate(new Date())}.log`)]);
    const bot = startProcess();
    await bot.waitFor("ready");
    const tasks = join("/proc", String(bot.child.pid), "task");
    const names = readdirSync(tasks).map((task) => readFileSync(join(tasks, task, "comm"), "utf8").trim());
    expect(names.filter((name) => name === "libuv-worker").length).toBeGreaterThanOrEqual(32);
    bot.child.kill("SIGTERM");
    await bot.exitCode;
    expect(bot.output()).toContain("stopped");
  });

  it("waits for a Discord that is out of reach, and stops meanwhile on SIGINT", async () => {
    const bot = startProcess({ DISCORD_API_URL: "http://127.0.0.1:9/api" });
    await bot.waitFor("trying again");
    bot.child.kill("SIGINT");
    expect(await bot.exitCode).toBe(0);
  });
});
