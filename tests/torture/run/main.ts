import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { SingleBar } from "cli-progress";
import { Command, InvalidArgumentError } from "commander";
import { Campaign, type CampaignRound } from "./campaign.ts";
import { listPossibleFaults } from "./faults/all-faults.ts";
import { findFaults, MAX_FAULTS } from "./plan.ts";
import { describeFailure, formatTable, toJson } from "./report.ts";

/** `npm run torture`: random faults against the running bot, with a model beside it that knows what was acknowledged. */

interface Options {
  readonly hours?: number;
  readonly rounds?: number;
  readonly seed: number;
  readonly first: number;
  readonly load: number;
  readonly most: number;
  readonly faults?: readonly string[];
  readonly json?: string;
}

const DEFAULT_HOURS = 1 / 6;
const MS_PER_HOUR = 3_600_000;
const MAX_SEED = 2 ** 31;
const EXIT_INTERRUPTED = 130;

const options = new Command("torture")
  .description("Breaks everything around a running bot, and looks whether it keeps what it said")
  .option("--hours <number>", "how long (default: ten minutes, or as many rounds as are given)", readNumber)
  .option("--rounds <number>", "how many rounds", readNumber)
  .option("--seed <number>", "repeats a run", readNumber, randomInt(MAX_SEED))
  .option("--first <number>", "number of the first round", readNumber, 1)
  .option("--load <seconds>", "how long people use the bot in a round", readNumber, 6)
  .option("--most <number>", "most faults in a round", readNumber, MAX_FAULTS)
  .option("--faults <names>", "only these, by the begin of their names, separated by commas", (text) => text.split(","))
  .option("--json <file>", "write all figures there")
  .parse()
  .opts<Options>();

function readNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === "" || !(number >= 0)) throw new InvalidArgumentError("a number is needed");
  return number;
}

function describe({ plan }: CampaignRound): string {
  const counts = Map.groupBy(plan.faults, ({ fault }) => fault.name);
  return [...counts].map(([name, { length }]) => (length === 1 ? name : `${length} × ${name}`)).join(", ");
}

const { faults: possible, leftOut } = listPossibleFaults();
const wanted = options.faults === undefined ? possible : findFaults(options.faults);
const faults = wanted.filter((fault) => possible.includes(fault));
if (faults.length === 0) throw new Error(`none of these faults can be done here: ${leftOut.join("; ")}`);

const { seed, first } = options;
const durationMs = (options.hours ?? (options.rounds === undefined ? DEFAULT_HOURS : Infinity)) * MS_PER_HOUR;
const extraOptions =
  (options.load === 6 ? "" : ` --load ${options.load}`) +
  (options.most === MAX_FAULTS ? "" : ` --most ${options.most}`) +
  (options.faults === undefined ? "" : ` --faults "${options.faults.join(",")}"`);
const heading = `Seed ${seed}. Left out: ${leftOut.length === 0 ? "nothing" : leftOut.join("; ")}.`;
console.log(heading);

const rounds: CampaignRound[] = [];
const startedAt = performance.now();
const isTerminal = process.stdout.isTTY;
const bar = new SingleBar({
  format:
    "{bar} {percentage}% | round {round} | {acknowledged} acknowledged | {kills} kills | {failed} failed | {last}",
  hideCursor: true,
});

/** By whichever of the two limits is nearer. */
function progress(): number {
  const byTime = (performance.now() - startedAt) / durationMs;
  return Math.min(1, Math.max(byTime, rounds.length / (options.rounds ?? Infinity)));
}

function show(result: CampaignRound): void {
  rounds.push(result);
  const isFailed = result.findings.length > 0;
  if (isTerminal) {
    bar.update(Math.round(progress() * 1_000), {
      round: result.plan.round,
      acknowledged: rounds.reduce((sum, { acknowledgedCount }) => sum + acknowledgedCount, 0),
      kills: rounds.reduce((sum, { killCount }) => sum + killCount, 0),
      failed: rounds.filter(({ findings }) => findings.length > 0).length,
      last: describe(result),
    });
  } else {
    const seconds = (result.durationMs / 1_000).toFixed(0);
    const missed = result.missed.length === 0 ? "" : ` [not done: ${result.missed.join("; ")}]`;
    const verdict = isFailed ? "FAILED" : "ok";
    console.log(
      `${verdict} round ${result.plan.round}, ${seconds} s, ${result.acknowledgedCount} acknowledged, ${result.reminderCount} reminders: ${describe(result)}${missed}`,
    );
  }
  if (isFailed) console.error(`\n${describeFailure(result, extraOptions)}\n`);
}

function finish(): void {
  bar.stop();
  console.log(`\n${formatTable(rounds)}\n\n${heading}`);
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(toJson(seed, rounds, leftOut), null, 2));
}

const campaign = new Campaign({
  ...{ seed, first, faults, durationMs, onRound: show },
  loadMs: options.load * 1_000,
  maxFaults: options.most,
  maxRounds: options.rounds ?? Infinity,
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void campaign.stop().finally(() => {
      finish();
      process.exit(EXIT_INTERRUPTED);
    });
  });
}

if (isTerminal) bar.start(1_000, 0, { round: first, acknowledged: 0, kills: 0, failed: 0, last: "" });
await campaign.run();
finish();
process.exit(rounds.some(({ findings }) => findings.length > 0) ? 1 : 0);
