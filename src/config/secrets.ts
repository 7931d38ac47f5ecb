import { DEFINITION_LIST, type SettingValues } from "./definitions.ts";

/** What stands where a value would tell a secret. */
export const HIDDEN_VALUE = "a value that is not shown";

/** Shorter ones would be found in any text. */
const MIN_SECRET_LENGTH = 6;

/** Whether a text has a secret in it, such as a token pasted into the wrong variable. */
export function hasSecret(text: string, secrets: readonly string[]): boolean {
  return secrets.some((secret) => secret.length >= MIN_SECRET_LENGTH && text.includes(secret));
}

/** The secrets that are set. */
export function listSecrets(settings: SettingValues): readonly string[] {
  return DEFINITION_LIST.filter(({ isSecret }) => isSecret)
    .map(({ name, kind }) => kind.format(settings[name]))
    .filter((text) => text !== "");
}
