/** Property 17 with as many processes as an hour has room for (OPERATION_LOG_PROCESSES, 2,000 unless given). */
process.env.OPERATION_LOG_PROCESSES ??= "2000";
await import("../properties/property-17-operations-logged.test.ts");

export {};
