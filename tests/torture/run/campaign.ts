import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planRound, type PlanOptions } from "./plan.ts";
import { Rig } from "./rig.ts";
import { runRound, type RoundResult } from "./round.ts";

/** Rounds one after the other on the same data, until the time is over; after a failed one, and now and then, on new data. */

export interface CampaignOptions extends PlanOptions {
  /** Number of the first round. */
  readonly first: number;
  readonly maxRounds: number;
  /** No round begins after it. */
  readonly durationMs: number;
  readonly onRound: (result: CampaignRound) => void;
}

export interface CampaignRound extends RoundResult {
  readonly durationMs: number;
  /** Where everything of a failed round is kept. */
  readonly keptIn: string | undefined;
}

/** So that a database does not only grow. */
const ROUNDS_PER_LIFE = 20;

export class Campaign {
  readonly #options: CampaignOptions;
  #rig: Rig | undefined;
  #isStopping = false;

  constructor(options: CampaignOptions) {
    this.#options = options;
  }

  async run(): Promise<CampaignRound[]> {
    const { first, maxRounds, durationMs, onRound } = this.#options;
    const startedAt = performance.now();
    const rounds: CampaignRound[] = [];
    try {
      for (let round = first; round < first + maxRounds && !this.#isStopping; round++) {
        if (performance.now() - startedAt >= durationMs) break;
        const result = await this.#runOne(round, (round - first) % ROUNDS_PER_LIFE === 0);
        if (this.#isStopping) break;
        rounds.push(result);
        onRound(result);
      }
    } finally {
      await this.#endLife(false);
    }
    return rounds;
  }

  /** Ends every process at once; the round in progress counts for nothing. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#endLife(false);
  }

  async #runOne(round: number, isNewLife: boolean): Promise<CampaignRound> {
    if (isNewLife) await this.#endLife(false);
    this.#rig ??= await Rig.open(mkdtempSync(join(tmpdir(), "muster-torture-")));
    const rig = this.#rig;
    const startedAt = performance.now();
    const result = await runRound(rig, planRound(round, this.#options));
    const isFailed = result.findings.length > 0;
    if (isFailed) await this.#endLife(true);
    // The next round could destroy the database, and there would be nothing to make it anew from.
    else if (result.plan.faults.some(({ fault }) => fault.destroys === "backups")) await this.#endLife(false);
    return { ...result, durationMs: performance.now() - startedAt, keptIn: isFailed ? rig.folder : undefined };
  }

  async #endLife(isKept: boolean): Promise<void> {
    const rig = this.#rig;
    if (!rig) return;
    this.#rig = undefined;
    await rig.close();
    if (!isKept) rmSync(rig.folder, { recursive: true, force: true });
  }
}
