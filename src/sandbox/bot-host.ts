/** What the program that runs sandbox and bot in one process lets the sandbox do to the bot. */
export interface BotHost {
  /** undefined = there is no file: the database is in memory. */
  readonly databasePath: string | undefined;
  /** Whether the database as it is now could be made anew from backups. */
  readonly hasBackup: () => boolean;
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
}

/** The bot's state, as whoever runs it tells it, while there is no bot to ask. */
export const BOT_AWAY_STATES: readonly string[] = ["stopping", "stopped", "starting"];
