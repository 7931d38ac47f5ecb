import { acceptOffer, putReplacementInPlace, usePrepared, type ReplacementResult } from "../sqlite/replacement.ts";

/** The job that puts a complete database in the present one's place. Nobody may have either open. */
export interface ExchangeDatabaseJob {
  readonly kind: "exchange-database";
  readonly databasePath: string;
  /** Where the present one is kept. */
  readonly quarantineFolder: string;
  /** Takes what a restore has prepared; default: what a recovery offers. */
  readonly isPrepared?: boolean;
}

export interface ExchangeDatabaseResult extends ReplacementResult {
  /** What a recovery offered is kept in the folder as well. */
  readonly hadOffer: boolean;
}

/** Throws BACKUP_NOT_FOUND when nothing is offered. Interrupted, it is finished by the next start. */
export function exchangeDatabase({
  databasePath,
  quarantineFolder,
  isPrepared = false,
}: ExchangeDatabaseJob): ExchangeDatabaseResult {
  if (!isPrepared) acceptOffer(databasePath);
  const { hadOffer } = isPrepared ? usePrepared(databasePath, quarantineFolder) : { hadOffer: false };
  return { ...putReplacementInPlace(databasePath, quarantineFolder), hadOffer };
}
