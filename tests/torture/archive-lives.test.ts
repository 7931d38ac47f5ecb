/** The archive's property with more lives of the log: ARCHIVE_RUNS, 500 unless given. */
process.env.ARCHIVE_RUNS ??= "500";
await import("../database/sqlite/wal-archive.property.test.ts");
export {};
