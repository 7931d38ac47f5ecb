/** Property 13 with as many corruptions as an hour has room for (RECOVERY_RUNS, 10,000 unless given), and a whole bot through each kind. */
process.env.RECOVERY_RUNS ??= "10000";
await import("../properties/property-13-recovery.test.ts");
await import("../database/backup/recovery-bot.test.ts");
export {};
