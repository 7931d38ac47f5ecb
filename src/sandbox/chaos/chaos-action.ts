import type { Logger } from "../../core/logger.ts";
import type { BotHost } from "../bot-host.ts";
import type { Faults } from "../faults.ts";
import type { RunSaboteur } from "./run-saboteur.ts";

export interface ChaosParameter {
  readonly name: string;
  readonly kind: "integer";
  /** In words, for people: "seconds". */
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

/** What actions work on. */
export interface ChaosContext {
  readonly faults: Faults;
  /** undefined: some other program's bot plays here, of which the sandbox sees no more than Discord would. */
  readonly host: BotHost | undefined;
  /** One of `BOT_AWAY_STATES`, or what the bot says of its database; undefined = nobody tells. */
  readonly botState: () => string | undefined;
  readonly runSaboteur: RunSaboteur;
  readonly logger: Logger;
}

export interface BegunAction {
  /** What happened, for the log. */
  readonly text: string;
  /** Takes back what was begun, and says what happened for the log; absent = it does not last. */
  readonly end?: () => Promise<string | void> | string | void;
}

/** One thing that can be done to the bot. What lasts has a parameter `seconds` and ends by itself after them. */
export interface ChaosAction {
  readonly id: string;
  readonly title: string;
  /** What is done, in plain words. */
  readonly description: string;
  /** What should happen, in plain words: what a visitor may look for. */
  readonly expectation: string;
  readonly parameters: readonly ChaosParameter[];
  /** Why it cannot be done at the moment; undefined = it can. */
  readonly findObstacle?: (context: ChaosContext) => string | undefined;
  readonly begin: (
    context: ChaosContext,
    parameters: Readonly<Record<string, number>>,
  ) => Promise<BegunAction> | BegunAction;
}

export function seconds(fallback: number, max = 60): ChaosParameter {
  return { name: "seconds", kind: "integer", unit: "seconds", min: 1, max, default: fallback };
}
