import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { drawResults } from "./chart.ts";
import { Bench, type RowResult } from "./harness.ts";
import { formatResult, formatVerdicts } from "./report.ts";
import { allRows } from "./rows/all-rows.ts";

/** `npm run bench -- [row…]`: measures, prints tables, and leaves nothing behind but what it was asked for. */

const HERE = import.meta.dirname;
/** Of statfs(2): a folder in memory would make every fsync free. */
const TMPFS_MAGIC = 0x01021994;
const FULL_REPETITIONS = 7;
const QUICK_REPETITIONS = 3;

interface Options {
  readonly quick: boolean;
  readonly list: boolean;
  readonly json?: string;
  readonly picture?: string;
  readonly repeat?: string;
  readonly folder: string;
}

const program = new Command("bench")
  .description("Measures Muster beside plain better-sqlite3 and others, on this machine")
  .argument("[rows...]", "rows to measure; all when none is named")
  .option("--quick", "small and few: to see that it works, not to quote", false)
  .option("--list", "names the rows", false)
  .option("--json <file>", "writes every sample to a file")
  .option("--picture <file>", "draws ratios to an .svg")
  .option(
    "--repeat <count>",
    `repetitions of each measurement (default ${FULL_REPETITIONS}, quick ${QUICK_REPETITIONS})`,
  )
  .option("--folder <path>", "a folder on the disk to measure on", HERE)
  .parse();

await run(program.args, program.opts<Options>());

async function run(names: readonly string[], options: Options): Promise<void> {
  if (options.list) {
    for (const { name, title } of allRows) console.log(`${name.padEnd(22)} ${title}`);
    return;
  }
  const rows = names.length === 0 ? allRows : allRows.filter(({ name }) => names.includes(name));
  const unknown = names.filter((name) => !allRows.some((row) => row.name === name));
  if (unknown.length > 0) return refuse(`there is no row ${unknown.join(", ")}; --list names them`);
  const repetitions = Number(options.repeat ?? (options.quick ? QUICK_REPETITIONS : FULL_REPETITIONS));
  if (!Number.isInteger(repetitions) || repetitions < 1) return refuse("--repeat takes a whole number from 1 on");
  if (statfsSync(resolve(options.folder)).type === TMPFS_MAGIC)
    return refuse(`${options.folder} is in memory: --folder`);
  if (rows.some(({ usesPeers }) => usesPeers)) installPeers();

  const results: RowResult[] = [];
  const failures: string[] = [];
  let open: string | undefined;
  process.on("exit", () => {
    if (open !== undefined) rmSync(open, { recursive: true, force: true });
  });
  // Its processes end with their channel.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
  for (const row of rows) {
    const obstacle = row.findObstacle?.();
    if (obstacle !== undefined) {
      console.error(`\n${row.name} is left out: ${obstacle}`);
      continue;
    }
    console.error(`\n${row.name}: ${row.title}`);
    const folder = mkdtempSync(join(resolve(options.folder), "run-"));
    open = folder;
    const bench = new Bench({ folder, isQuick: options.quick, repetitions, onProgress });
    try {
      const result = await bench.measure(row);
      results.push(result);
      console.log(`\n${formatResult(result)}`);
    } catch (error) {
      failures.push(row.name);
      console.error(`${row.name} failed:`, error);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    // After each row: a run of hours that is interrupted has not been for nothing.
    if (options.json !== undefined)
      writeFileSync(options.json, JSON.stringify(describe(options, results), undefined, 2));
  }
  if (options.picture !== undefined) writeFileSync(options.picture, drawResults(results));
  console.log(formatVerdicts(results));
  if (failures.length > 0) refuse(`failed: ${failures.join(", ")}`);
}

function describe({ quick }: Options, results: readonly RowResult[]): object {
  const [processor] = cpus();
  return {
    ...{ at: new Date().toISOString(), isQuick: quick, node: process.versions.node, platform: process.platform },
    ...{ cores: cpus().length, processor: processor?.model.trim() },
    results,
  };
}

/** The others are not the bot's dependencies: they are fetched when somebody wants to compare. */
function installPeers(): void {
  if (existsSync(join(HERE, "node_modules", ".package-lock.json"))) return;
  console.error("installing what Muster is compared with (npm ci --prefix bench), which can take minutes");
  execFileSync("npm", ["ci", "--prefix", HERE, "--no-audit", "--no-fund"], { stdio: "inherit" });
}

function onProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K  ${text}`);
  else console.error(`  ${text}`);
}

function refuse(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
