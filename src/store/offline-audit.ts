import type { Clock } from "../core/clock.ts";
import { createId } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import { AuditFallback } from "./audit-fallback.ts";
import { recordedEntry, SYSTEM_CHAIN, type NewAuditEntry, type RecordedEntry } from "./audit.ts";
import { SYSTEM_ACTOR } from "./inputs.ts";

export interface OfflineAuditOptions {
  /** `<data>/audit-fallback.ndjson`. */
  readonly fallbackPath: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Records what was done to the database while no bot runs: the entry waits in the fallback file, and the next start
 * brings it to the table. Only while the caller holds the instance lock.
 */
export async function recordOffline(
  entry: Omit<NewAuditEntry, "guildId" | "actorId">,
  { fallbackPath, clock, logger }: OfflineAuditOptions,
): Promise<void> {
  const identify = (content: Omit<NewAuditEntry, "guildId" | "actorId">): RecordedEntry =>
    recordedEntry.parse({
      ...{ guildId: SYSTEM_CHAIN, actorId: SYSTEM_ACTOR, id: createId(clock.now()), at: clock.now() },
      ...content,
    });
  const fallback = new AuditFallback({
    ...{ path: fallbackPath, logger },
    createDamageEntry: (lineCount, keptIn) =>
      identify({ action: "audit.fallback-damaged", target: keptIn, details: { lineCount }, outcome: "failure" }),
  });
  await fallback.append([identify(entry)]);
}
