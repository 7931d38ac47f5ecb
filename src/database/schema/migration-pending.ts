import { MusterError } from "../../core/errors.ts";
import type { PlannedChange } from "./schema-validator.ts";

/** What waits, as plain data: it goes from the thread that finds out to the program that decides. */
export interface PendingMigrations {
  readonly from: number;
  readonly to: number;
  /** Each with its number. */
  readonly descriptions: readonly string[];
}

export function createPendingError({ from, to, versions }: PlannedChange): MusterError {
  const descriptions = versions.map(({ version, description }) => `${version}: ${description}`);
  return createWaitingError({ from, to, descriptions }, "a backup is made first");
}

/** `why` completes "migrate the database from version 1 to 2: …". */
export function createWaitingError(pending: PendingMigrations, why: string, cause?: MusterError): MusterError {
  return new MusterError(
    "MIGRATION_PENDING",
    `migrate the database from version ${pending.from} to ${pending.to}: ${why}`,
    {
      ...(cause === undefined ? {} : { cause }),
      hint: cause?.hint ?? "It goes on by itself.",
      details: { ...pending },
    },
  );
}

/** What an error made here is about; undefined for any other. */
export function getPending({ code, details }: MusterError): PendingMigrations | undefined {
  if (code !== "MIGRATION_PENDING" || typeof details?.from !== "number" || typeof details.to !== "number")
    return undefined;
  return { from: details.from, to: details.to, descriptions: (details.descriptions ?? []) as string[] };
}
