import type { Clock } from "../../core/clock.ts";
import { MusterError, toError } from "../../core/errors.ts";
import { botActions } from "./bot-actions.ts";
import type { BegunAction, ChaosAction, ChaosContext, ChaosParameter } from "./chaos-action.ts";
import { databaseActions } from "./database-actions.ts";
import { discordActions } from "./discord-actions.ts";
import { runSaboteur } from "./run-saboteur.ts";

export interface ChaosActionReport extends Pick<ChaosAction, "id" | "title" | "description" | "expectation"> {
  readonly parameters: readonly ChaosParameter[];
  readonly isAvailable: boolean;
  /** Why it is not available. */
  readonly reason?: string;
}

export interface RunningAction {
  readonly id: string;
  /** In the sandbox's time, as are the log's. */
  readonly startedAt: number;
  readonly endsAt?: number;
  /** Real milliseconds until it ends. */
  readonly remainingMs: number;
}

export interface ChaosReport {
  readonly actions: readonly ChaosActionReport[];
  readonly running: readonly RunningAction[];
  /** Oldest first. */
  readonly log: readonly { readonly at: number; readonly text: string }[];
}

export interface ChaosOptions extends Omit<ChaosContext, "runSaboteur"> {
  readonly clock: Clock;
}

interface Running {
  readonly begun: BegunAction;
  readonly startedAt: number;
  readonly durationMs: number;
  /** Monotonic milliseconds. */
  readonly deadline: number;
  readonly cancelTimer: () => void;
}

const ACTIONS: readonly ChaosAction[] = [...databaseActions, ...discordActions, ...botActions];
const MAX_LOG_ENTRIES = 100;

/** What a visitor can do to the bot: each action once at a time, begun and ended one after another, each with its end. */
export class Chaos {
  readonly #context: ChaosContext;
  readonly #clock: Clock;
  readonly #running = new Map<string, Running>();
  readonly #log: { readonly at: number; readonly text: string }[] = [];
  readonly #listeners = new Set<() => void>();
  /** Two debuggers at once would close each other's connection. */
  #last: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  constructor({ clock, ...rest }: ChaosOptions) {
    this.#clock = clock;
    this.#context = { ...rest, runSaboteur: (job) => runSaboteur(job, clock) };
  }

  describe(): ChaosReport {
    return {
      actions: ACTIONS.map((action) => this.#describeAction(action)),
      running: [...this.#running].map(([id, { startedAt, durationMs, deadline }]) => ({
        id,
        startedAt,
        endsAt: startedAt + durationMs,
        remainingMs: Math.max(0, Math.round(deadline - this.#clock.monotonic())),
      })),
      log: [...this.#log],
    };
  }

  /**
   * Resolves when the action has begun. Throws NOT_FOUND for an unknown id, INPUT_INVALID for parameters out of bounds,
   * CONFLICT with the reason when it cannot be done now or runs already.
   */
  async begin(id: string, given: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const action = requireAction(id);
    const parameters = readParameters(action, given);
    await this.#inTurn(async () => {
      if (this.#isStopped) throw new MusterError("SHUTTING_DOWN", "begin chaos: the sandbox is stopping");
      if (this.#running.has(id)) throw new MusterError("CONFLICT", `"${action.title}" is being done already`);
      const obstacle = action.findObstacle?.(this.#context);
      if (obstacle !== undefined) throw new MusterError("CONFLICT", obstacle);
      const begun = await action.begin(this.#context, parameters);
      if (begun.end) this.#add(id, parameters["seconds"]!, begun);
      this.#note(`${action.title}: ${begun.text}`);
    });
  }

  /** Ends one before its time. Throws NOT_FOUND when it is not being done. */
  async end(id: string): Promise<void> {
    const { title } = requireAction(id);
    await this.#inTurn(async () => {
      if (!this.#running.has(id)) throw new MusterError("NOT_FOUND", `"${title}" is not being done`);
      await this.#end(id);
    });
  }

  /** Called whenever the report is another one; returns what ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends everything; nothing can be begun after it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#inTurn(async () => {
      for (const id of [...this.#running.keys()]) await this.#end(id);
    });
  }

  #describeAction(action: ChaosAction): ChaosActionReport {
    const { id, title, description, expectation, parameters } = action;
    const reason = action.findObstacle?.(this.#context);
    return {
      ...{ id, title, description, expectation, parameters, isAvailable: reason === undefined },
      ...(reason === undefined ? {} : { reason }),
    };
  }

  #add(id: string, seconds: number, begun: BegunAction): void {
    const durationMs = seconds * 1_000;
    const cancelTimer = this.#clock.schedule(durationMs, () => {
      void this.#inTurn(() => this.#end(id));
    });
    const deadline = this.#clock.monotonic() + durationMs;
    this.#running.set(id, { begun, startedAt: this.#clock.now(), durationMs, deadline, cancelTimer });
  }

  async #end(id: string): Promise<void> {
    const running = this.#running.get(id);
    if (!running) return;
    running.cancelTimer();
    this.#running.delete(id);
    const { title } = requireAction(id);
    try {
      const text = await running.begun.end?.();
      this.#note(`${title}: ${text ?? "over"}`);
    } catch (error) {
      this.#context.logger.error("chaos could not be ended", { id, error });
      this.#note(`${title}: could not be ended: ${toError(error).message}`);
    }
  }

  #inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => undefined);
    return result;
  }

  #note(text: string): void {
    this.#context.logger.info(`chaos: ${text}`);
    this.#log.push({ at: this.#clock.now(), text });
    if (this.#log.length > MAX_LOG_ENTRIES) this.#log.shift();
    for (const listener of this.#listeners) listener();
  }
}

function requireAction(id: string): ChaosAction {
  const action = ACTIONS.find((each) => each.id === id);
  if (!action) throw new MusterError("NOT_FOUND", `there is no chaos "${id}"`);
  return action;
}

function readParameters(action: ChaosAction, given: Readonly<Record<string, unknown>>): Record<string, number> {
  const unknown = Object.keys(given).find((name) => !action.parameters.some((parameter) => parameter.name === name));
  if (unknown !== undefined) throw new MusterError("INPUT_INVALID", `"${action.title}" has no parameter "${unknown}"`);
  return Object.fromEntries(
    action.parameters.map((parameter) => [parameter.name, readParameter(parameter, given[parameter.name])]),
  );
}

function readParameter({ name, unit, min, max, default: fallback }: ChaosParameter, value: unknown): number {
  if (value === undefined) return fallback;
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new MusterError("INPUT_INVALID", `${name} is a whole number of ${unit} from ${min} to ${max}`);
}
