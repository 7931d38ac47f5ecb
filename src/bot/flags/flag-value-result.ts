/** What is stored for a value as a person wrote it, or why it cannot be. */
export type FlagValueResult =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly problem: "not-understood" }
  /** It names a channel in which the bot lacks these permissions, a bit field. */
  | { readonly ok: false; readonly problem: "missing-permissions"; readonly permissions: bigint };

export const NOT_UNDERSTOOD: FlagValueResult = { ok: false, problem: "not-understood" };

/** What autocomplete offers. */
export interface FlagChoice {
  readonly name: string;
  readonly value: string;
}
