import type { WriteTransaction } from "../../../src/database/operation.ts";
import {
  OperationStatements,
  StatementRecorder,
  type NewStatements,
} from "../../../src/database/sqlite/operation-statements.ts";
import { withCounterDatabase } from "../../helpers/database.ts";

const transaction: WriteTransaction = {
  get: () => Promise.resolve(undefined),
  all: () => Promise.resolve([]),
  run: () => Promise.resolve({ changes: 0 }),
};

function createRecorder() {
  const told: NewStatements[] = [];
  const recorder = new StatementRecorder((statements) => void told.push(statements));
  const recorded = recorder.record(transaction);
  const run = async (operation: string, ...statements: readonly string[]): Promise<void> => {
    recorder.begin(operation);
    for (const sql of statements) await recorded.all(sql);
    recorder.end(operation);
  };
  return { told, recorder, recorded, run };
}

describe("the statements of operations", () => {
  it("are told when an operation first uses them, also when another has used them before", async () => {
    const { told, recorder, recorded, run } = createRecorder();
    await run("events.find", "SELECT 1", "SELECT 2", "SELECT 1");
    await run("events.find", "SELECT 1", "SELECT 2");
    await run("events.list", "SELECT 1");
    await run("events.find", "SELECT 3", "SELECT 1");
    expect(told).toEqual([
      { operation: "events.find", sql: ["SELECT 1", "SELECT 2"] },
      { operation: "events.list", sql: ["SELECT 1"] },
      { operation: "events.find", sql: ["SELECT 3"] },
    ]);
    expect(recorder.record(transaction)).toBe(recorded);
  });

  it("are bounded in number", async () => {
    const { told, run } = createRecorder();
    await run("a", ...Array.from({ length: 200 }, (_, index) => `SELECT ${index}`));
    await run("a", "SELECT 201");
    expect(told).toHaveLength(1);
    expect(told[0]!.sql).toHaveLength(50);
    const statements = new OperationStatements();
    statements.add(told[0]!);
    statements.add({ operation: "a", sql: ["SELECT 201"] });
    expect(statements.list("a")).toEqual(told[0]!.sql);
  });

  it("are kept once each, whichever thread tells of them", () => {
    const statements = new OperationStatements();
    statements.add({ operation: "a", sql: ["SELECT 1"] });
    statements.add({ operation: "a", sql: ["SELECT 2", "SELECT 1"] });
    expect(statements.list("a")).toEqual(["SELECT 1", "SELECT 2"]);
    expect(statements.list("b")).toEqual([]);
  });

  it("are known when the first call of an operation is answered, from the writer and from a reader", async () => {
    await withCounterDatabase({}, async ({ manager, engine }) => {
      expect(engine.statements("counter.get")).toEqual([]);
      await manager.call("counter.get", { name: "a" });
      expect(engine.statements("counter.get")).toEqual(["SELECT value FROM counter WHERE name = ?"]);
      await expect(manager.call("counter.transfer", { from: "a", to: "b", amount: 1 })).rejects.toThrow();
      expect(engine.statements("counter.transfer")).toEqual(["UPDATE counter SET value = value + ? WHERE name = ?"]);
    });
  });
});
