import type { RestoreTarget } from "../../../database/backup/restore-facts.ts";

/** What the button of a restore carries: who was asked, until when, and what is restored. */
export interface RestoreQuestion {
  readonly userId: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly target: RestoreTarget;
}

/** Values for `createButtonId`: short enough beside the names of command and button. */
export function encodeQuestion({ userId, expiresAt, target }: RestoreQuestion): string[] {
  const what = { newest: "", snapshot: target.kind === "snapshot" ? target.id : "" };
  const value = target.kind === "instant" ? target.at.toString(36) : what[target.kind];
  return [userId, expiresAt.toString(36), target.kind, value];
}

/** undefined when they are not a question's. */
export function decodeQuestion([userId = "", expires = "", kind, value = ""]: readonly string[]):
  RestoreQuestion | undefined {
  const expiresAt = parseInt(expires, 36);
  const target = decodeTarget(kind, value);
  return userId === "" || Number.isNaN(expiresAt) || !target ? undefined : { userId, expiresAt, target };
}

function decodeTarget(kind: string | undefined, value: string): RestoreTarget | undefined {
  if (kind === "newest") return { kind };
  if (kind === "snapshot" && value !== "") return { kind, id: value };
  const at = parseInt(value, 36);
  return kind === "instant" && !Number.isNaN(at) ? { kind, at } : undefined;
}
