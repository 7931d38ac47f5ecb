/** Property 13 with as many corruptions as an hour has room for; RECOVERY_RUNS says how many, 10,000 unless given. */
process.env.RECOVERY_RUNS ??= "10000";
await import("../properties/property-13-recovery.test.ts");
export {};
