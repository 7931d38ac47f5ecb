/** What `npm test` looks at in part: every instant of every damage, and more kills of restores. */
process.env.RECOVERY_RUNS ??= "1";
await import("../database/backup/restore.test.ts");
await import("../database/backup/restore-kills.test.ts");

export {};
