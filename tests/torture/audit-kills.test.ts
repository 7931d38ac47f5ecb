/** The audit logs of a process that is killed, more often: AUDIT_KILLS, 100 unless given. */
process.env["AUDIT_KILLS"] ??= "100";
await import("../store/audit-kill.test.ts");
export {};
