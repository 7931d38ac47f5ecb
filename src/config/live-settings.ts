import { DEFINITION_LIST, type SettingName } from "./definitions.ts";
import { hasSecret, HIDDEN_VALUE, listSecrets } from "./secrets.ts";
import { compareSettings, type Settings, type SettingsChange, takeOverLive } from "./settings.ts";

/**
 * Settings of a running program. Two versions are kept: `written`, the newest valid one of the sources, and `current`,
 * what is in effect: the live settings as written, the others as they were at the start. Where the two differ, a value
 * waits for a restart.
 */

/** One setting as people write it; a secret only says whether it is set. */
export interface SettingDifference {
  readonly name: SettingName;
  readonly from: string;
  readonly to: string;
}

/** A change as plain data without secrets, for the audit log and for people. */
export interface DescribedChange extends SettingDifference {
  /** "live": in effect now; "restart": waits for a restart; "withdrawn": waited, and is again what is in effect. */
  readonly effect: "live" | "restart" | "withdrawn";
}

/** Has secrets in it: show `describeSettingsChange` of it, never the change itself. */
export interface LiveChange extends SettingsChange {
  /** Settings that waited for a restart and were changed back to what is in effect. */
  readonly withdrawn: readonly SettingName[];
  /** What was, and what is now in effect. */
  readonly before: Settings;
  readonly after: Settings;
  /** What the sources said, and say now; differs from what is in effect where a value waits for a restart. */
  readonly writtenBefore: Settings;
  readonly written: Settings;
  /** What a description of the change must not show: `LiveSettings.secrets`. */
  readonly secrets: readonly string[];
}

export type LiveChangeListener = (change: LiveChange) => void;

export class LiveSettings {
  readonly #listeners = new Set<LiveChangeListener>();
  readonly #onListenerError: (error: unknown) => void;
  readonly #secrets: Set<string>;
  #current: Settings;
  #written: Settings;

  /** A listener that throws is reported, and stops neither the change nor the other listeners. */
  constructor(initial: Settings, onListenerError: (error: unknown) => void) {
    this.#current = takeOverLive(initial, initial);
    this.#written = initial;
    this.#secrets = new Set(listSecrets(initial));
    this.#onListenerError = onListenerError;
  }

  /** What is in effect, frozen. Ask anew each time: a change replaces it. */
  get current(): Settings {
    return this.#current;
  }

  /** The newest valid settings of the sources. */
  get written(): Settings {
    return this.#written;
  }

  /** What waits for a restart, from the value in effect to the one that will be. */
  get pendingRestart(): readonly SettingDifference[] {
    return compareSettings(this.#current, this.#written).restart.map((name) =>
      describeDifference(name, this.#current, this.#written, this.secrets),
    );
  }

  /** Every secret since the start: one that was replaced, or moved to the wrong variable, is a secret still. */
  get secrets(): readonly string[] {
    return [...this.#secrets];
  }

  /** Takes valid settings over; listeners are told when any value is another one than in those before. */
  apply(next: Settings): LiveChange {
    const [before, writtenBefore] = [this.#current, this.#written];
    this.#written = next;
    for (const secret of listSecrets(next)) this.#secrets.add(secret);
    this.#current = takeOverLive(before, next);
    const { live, restart } = compareSettings(writtenBefore, next);
    const waiting = new Set(compareSettings(this.#current, next).restart);
    const change: LiveChange = {
      live,
      restart: restart.filter((name) => waiting.has(name)),
      withdrawn: restart.filter((name) => !waiting.has(name)),
      before,
      after: this.#current,
      writtenBefore,
      written: next,
      secrets: this.secrets,
    };
    if (hasChange(change)) this.#tell(change);
    return change;
  }

  /** Returns a function that ends it. */
  onChange(listener: LiveChangeListener): () => void {
    // Wrapped, so that a function that listens twice also ends twice.
    const own: LiveChangeListener = (change) => listener(change);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  #tell(change: LiveChange): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(change);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }
}

export function hasChange({ live, restart, withdrawn }: LiveChange): boolean {
  return live.length + restart.length + withdrawn.length > 0;
}

/** Each changed setting with what the sources said before and say now, in the order of the documentation. */
export function describeSettingsChange(change: LiveChange): readonly DescribedChange[] {
  const { writtenBefore, written, secrets } = change;
  const effectOf = (name: SettingName): DescribedChange["effect"] | undefined =>
    (["live", "restart", "withdrawn"] as const).find((effect) => change[effect].includes(name));
  return DEFINITION_LIST.flatMap(({ name }) => {
    const effect = effectOf(name);
    return effect ? [{ ...describeDifference(name, writtenBefore, written, secrets), effect }] : [];
  });
}

function describeDifference(
  name: SettingName,
  before: Settings,
  after: Settings,
  secrets: readonly string[],
): SettingDifference {
  const { kind, isSecret } = DEFINITION_LIST.find((definition) => definition.name === name)!;
  const [from, to] = [kind.format(before[name]), kind.format(after[name])];
  if (isSecret) return { name, from: from === "" ? "not set" : "set", to: describeSecret(to, from) };
  const show = (text: string): string => (hasSecret(text, secrets) ? HIDDEN_VALUE : text);
  return { name, from: show(from), to: show(to) };
}

function describeSecret(text: string, before: string): string {
  if (text === "") return "not set";
  return before === "" ? "set" : "set to another value";
}
