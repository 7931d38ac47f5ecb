import type { RoundPlan } from "./plan.ts";
import type { Rig } from "./rig.ts";

export interface CheckContext {
  readonly rig: Rig;
  readonly plan: RoundPlan;
  /** Moments of the round up to which the bot said, when it was well, that it can be restored. */
  readonly restorableMoments: readonly number[];
}

/** Compares one thing after a round, while no bot runs. Returns what differs, in words. */
export interface Check {
  readonly name: string;
  readonly run: (context: CheckContext) => Promise<readonly string[]> | readonly string[];
}

/** What a member has who never said otherwise. */
export function defaultOf(key: string): string | undefined {
  return key.startsWith("mode ") ? "mention" : undefined;
}

export function compareValues(
  { model }: Pick<Rig, "model">,
  values: ReadonlyMap<string, string>,
  at = Infinity,
): string[] {
  return model.keys.flatMap((key) => {
    const stored = values.get(key) ?? defaultOf(key);
    const allowed = [...model.allowedAt(key, at)].map((value) => value ?? defaultOf(key));
    return allowed.includes(stored) ? [] : [`${key} is ${stored}, and ${allowed.join(" or ")} was acknowledged`];
  });
}
