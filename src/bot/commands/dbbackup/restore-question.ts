import type { RestoreTarget } from "../../../database/backup/restore-facts.ts";

/** What a restore may bring: also what was recovered from a damaged database, offered since then (epoch milliseconds). */
export type QuestionTarget = RestoreTarget | { readonly kind: "offer"; readonly since: number };

/** What the button of a restore carries: who was asked, until when, and what is restored. */
export interface RestoreQuestion {
  readonly userId: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly target: QuestionTarget;
}

/** Values for `createButtonId`: short enough beside the names of command and button. */
export function encodeQuestion({ userId, expiresAt, target }: RestoreQuestion): string[] {
  return [userId, expiresAt.toString(36), target.kind, encodeTarget(target)];
}

function encodeTarget(target: QuestionTarget): string {
  switch (target.kind) {
    case "newest":
      return "";
    case "snapshot":
      return target.id;
    case "instant":
      return target.at.toString(36);
    case "offer":
      return target.since.toString(36);
  }
}

/** undefined when they are not a question's. */
export function decodeQuestion([userId = "", expires = "", kind, value = ""]: readonly string[]):
  RestoreQuestion | undefined {
  const expiresAt = parseInt(expires, 36);
  const target = decodeTarget(kind, value);
  return userId === "" || Number.isNaN(expiresAt) || !target ? undefined : { userId, expiresAt, target };
}

function decodeTarget(kind: string | undefined, value: string): QuestionTarget | undefined {
  if (kind === "newest") return { kind };
  if (kind === "snapshot" && value !== "") return { kind, id: value };
  const at = parseInt(value, 36);
  if (Number.isNaN(at)) return undefined;
  if (kind === "instant") return { kind, at };
  return kind === "offer" ? { kind, since: at } : undefined;
}
