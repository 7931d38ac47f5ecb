import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const entry = join(import.meta.dirname, "../../src/cli/main.ts");

async function muster(args: readonly string[], environment: Record<string, string> = {}) {
  try {
    const { stdout, stderr } = await run(process.execPath, [entry, ...args], {
      env: { PATH: process.env.PATH, ...environment },
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

describe("muster config check", () => {
  it("lists what is in effect, with secrets only as set", async () => {
    const { code, stdout } = await muster(["config", "check", "--json"], { DISCORD_TOKEN: "not-to-be-seen-anywhere" });
    const settings = JSON.parse(stdout) as { name: string; value: string; source: string }[];
    expect(code).toBe(0);
    expect(settings.find(({ name }) => name === "DISCORD_TOKEN")).toMatchObject({
      value: "set",
      source: "environment",
    });
    expect(stdout).not.toContain("not-to-be-seen-anywhere");
  });

  it("names every wrong variable and ends with 1", async () => {
    const { code, stderr } = await muster(["config", "check"], { DB_RETRY_DELAY: "soon", DB_MAX_CONNECTIONS: "0" });
    expect(code).toBe(1);
    expect(stderr).toContain("DB_RETRY_DELAY");
    expect(stderr).toContain("DB_MAX_CONNECTIONS");
  });

  it("ends with 2 for a verb that there is not", async () => {
    expect(await muster(["nonsense"])).toMatchObject({ code: 2 });
  });

  it("ends with 0 for help", async () => {
    expect(await muster(["--help"])).toMatchObject({ code: 0 });
  });
});
