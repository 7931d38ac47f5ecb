import { acceptOffer, putReplacementInPlace, type ReplacementResult } from "../sqlite/replacement.ts";

/** The job that puts an offered database in the present one's place. Nobody may have either open. */
export interface ExchangeDatabaseJob {
  readonly kind: "exchange-database";
  readonly databasePath: string;
  /** Where the present one is kept. */
  readonly quarantineFolder: string;
}

/** Throws BACKUP_NOT_FOUND when nothing is offered. Interrupted, it is finished by the next start. */
export function exchangeDatabase({ databasePath, quarantineFolder }: ExchangeDatabaseJob): ReplacementResult {
  acceptOffer(databasePath);
  return putReplacementInPlace(databasePath, quarantineFolder);
}
