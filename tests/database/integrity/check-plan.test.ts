import { findDamagedTables, planNextStep } from "../../../src/database/integrity/check-plan.ts";
import type { IntegrityReport } from "../../../src/database/maintenance/integrity-check.ts";

const report = (lines: readonly string[], depth: IntegrityReport["depth"] = "full"): IntegrityReport => ({
  ...{ depth, lines, durationMs: 1 },
  foreignKeyViolations: lines[0] === "ok" ? [{ table: "note", parent: "team", rowCount: 1 }] : [],
});
const INDEX = "row 7 missing from index note_team";
const RULE = "CHECK constraint failed in note";
const AUDIT = "NULL value in audit_log.hash";
const PAGE = "Tree 5 page 9: btreeInitPage() returns error code 11";

describe("planNextStep", () => {
  it.each([
    [[INDEX, RULE, AUDIT], { kind: "rebuild", indexes: ["note_team"] }],
    [[RULE, RULE, AUDIT], { kind: "quarantine-damaged", tables: ["note"] }],
    [[AUDIT, "CHECK constraint failed in audit_chain"], { kind: "report" }],
    [["ok"], { kind: "quarantine-orphans", tables: ["note"] }],
    [[INDEX, RULE, PAGE], { kind: "give-up" }],
    [[], { kind: "give-up" }],
  ])("mends indexes first, then rows, then references, and leaves evidence: %j", (lines, step) => {
    expect(planNextStep(report(lines))).toEqual(step);
  });

  it.each([[[INDEX]], [[RULE]], [[AUDIT]], [["ok"]]])("looks closer before anything is mended: %j", (lines) => {
    expect(planNextStep(report(lines, "quick"))).toEqual({ kind: "look-closer" });
  });
});

describe("findDamagedTables", () => {
  it.each([
    ["NULL value in note.text", ["note"]],
    ["non-INTEGER value in note.id", ["note"]],
    ["NUMERIC value in note.text", ["note"]],
    ["NULL value in my.own.column", ["my", "my.own"]],
    ["CHECK constraint failed in my.own", ["my.own"]],
    [INDEX, undefined],
    [PAGE, undefined],
  ])("tells the table that may be meant: %s", (line, tables) => {
    expect(findDamagedTables(line)).toEqual(tables);
  });
});
