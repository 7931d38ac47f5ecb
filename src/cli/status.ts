import type { Command } from "commander";
import { loadSettingsFromDisk } from "../config/load-settings.ts";
import type { Settings } from "../config/settings.ts";
import { formatSizeBytes } from "../core/units.ts";
import type { HealthReport } from "../database/health/health-types.ts";
import { MonitorError } from "../monitor/client/monitor-error.ts";
import { MonitorClient } from "../monitor/client.ts";
import { formatLocal } from "./format-moment.ts";
import { printResult, type OutputOptions, type VerbResult } from "./verb.ts";
import type { Workplace } from "./workplace.ts";

/** Longer than any answer of a bot that is well; three tries are made. */
const TIMEOUT_MS = 3_000;

/** `status`: how a running bot is, asked of its monitor. Failed when it is not there, critical, or not on Discord. */
export function registerStatusVerb(program: Command, { folder }: Workplace): void {
  program
    .command("status")
    .description("how a running bot is, as its monitor says; ends with 1 when it is not there or not well")
    .option("--url <url>", "where its monitor is (default: by MONITOR_HOST and MONITOR_PORT)")
    .option("--json", "print JSON")
    .action(async ({ url, ...output }: OutputOptions & { url?: string }, command: Command) => {
      if (url !== undefined && !/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
        command.error("error: --url has to be an http:// or https:// address");
      }
      const settings = loadSettingsFromDisk(folder);
      if (url === undefined && settings.MONITOR_PORT === 0) {
        command.error("error: MONITOR_PORT is 0, so the bot has no monitor; name another with --url");
      }
      printResult(await askMonitor(url ?? urlOf(settings), settings.MONITOR_TOKEN), output);
    });
}

function urlOf({ MONITOR_HOST: host, MONITOR_PORT: port }: Settings): string {
  // What listens on every address of the machine is reached at its own.
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}/`;
}

/** What the monitor at this address says, or that it says nothing. */
export async function askMonitor(url: string, token: string): Promise<VerbResult> {
  const client = new MonitorClient({ url, token: () => token, timeoutMs: TIMEOUT_MS });
  try {
    return describeHealth(url, await client.health());
  } catch (error) {
    if (!(error instanceof MonitorError)) throw error;
    const { code, message, hint, status } = error;
    return {
      data: { url, isAnswering: status !== 0, error: { code, message, hint } },
      lines: [`${url}: ${message}`, ...(hint === undefined ? [] : [hint])],
      isFailed: true,
    };
  }
}

function describeHealth(url: string, report: HealthReport): VerbResult {
  const { status, problems, database, backups, system, gateway, at } = report;
  const { lastMinute, files, queue } = database;
  const { lagMs, status: archive } = backups.archive;
  return {
    data: { url, isAnswering: true, ...report },
    lines: [
      `${url}: ${status}`,
      ...problems.map(({ severity, message }) => `  ${severity}: ${message}`),
      `Discord:  ${gateway.isConnected ? `connected, ${gateway.guildCount} servers` : "not connected"}`,
      `Database: ${database.state}${database.reason === undefined ? "" : ` (${database.reason})`}` +
        `${files ? `, ${formatSizeBytes(files.databaseBytes)}` : ", in memory"}; ` +
        `last minute ${lastMinute.count} calls, ${lastMinute.errorCount} failed, 99 % within ${Math.ceil(lastMinute.p99Ms)} ms`,
      `Queue:    ${queue.size} waiting, ${queue.deadLetterCount} given up`,
      `Backups:  ${backups.lastBackupAt === undefined ? "none" : `the newest of ${formatLocal(backups.lastBackupAt)}`}; ` +
        `archive ${archive}${lagMs === undefined ? "" : `, ${lagMs} ms behind`}`,
      `Program:  ${system.version}, since ${formatLocal(at - system.uptimeMs)}, ${formatSizeBytes(system.memory.residentBytes)}`,
    ],
    isFailed: status === "critical" || !gateway.isConnected,
  };
}
