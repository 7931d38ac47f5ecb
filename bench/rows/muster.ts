import { statSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "../harness.ts";
import type { BotOptions } from "../processes/bot.ts";
import type { Remote } from "../processes/rpc.ts";
import type { SandboxAddress } from "../processes/sandbox.ts";

export interface StartedBot {
  readonly bot: Remote;
  readonly sandbox: Remote;
  readonly address: SandboxAddress;
  readonly folder: string;
  readonly databasePath: string;
}

export interface BotStart {
  readonly name: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** One that was used before; default: a new one. */
  readonly folder?: string;
}

export async function startSandbox(
  bench: Bench,
  guildCount = 1,
): Promise<{ sandbox: Remote; address: SandboxAddress }> {
  const sandbox = bench.start("sandbox.ts");
  const address = await sandbox.call<SandboxAddress>("open", {
    guildCount,
    ...(guildCount > 1 ? { memberCount: 20 } : {}),
  });
  return { sandbox, address };
}

/** The bot in one process, its Discord in another. */
export async function startBot(bench: Bench, { name, settings = {}, ...start }: BotStart): Promise<StartedBot> {
  const folder = start.folder ?? (await bench.createFolder(name));
  const { sandbox, address } = await startSandbox(bench);
  const bot = bench.start("bot.ts");
  const { token, apiUrl, guildId } = address;
  await bot.call("open", { folder, access: { token, apiUrl }, guildId, settings } satisfies BotOptions);
  return { bot, sandbox, address, folder, databasePath: join(folder, "data", "muster.db") };
}

export async function stopBot(bench: Bench, { bot, sandbox }: StartedBot): Promise<void> {
  await bot.call("close");
  await bench.stop(bot);
  await bench.stop(sandbox);
}

/** A folder with a database of the bot's in which nothing runs, filled by another process to about so many bytes. */
export async function createFilledFolder(bench: Bench, bytes: number): Promise<string> {
  bench.progress(`filling a database of ${Math.round(bytes / 1e6)} MB`);
  const started = await startBot(bench, { name: "filled" });
  await stopBot(bench, started);
  const fill = bench.start("fill.ts");
  await fill.call("fillBytes", { path: started.databasePath, bytes });
  await bench.stop(fill);
  bench.progress(`filled ${Math.round(statSync(started.databasePath).size / 1e6)} MB`);
  return started.folder;
}

export const bytesOf = (path: string): number => statSync(path).size;
/** The size that the goals name, and the one that a quick run uses. */
export const BIG_BYTES = 1_000_000_000;
export const QUICK_BYTES = 100_000_000;
export const bigBytes = (bench: Bench): number => bench.choose(BIG_BYTES, QUICK_BYTES);
