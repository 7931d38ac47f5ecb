import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { systemClock } from "../../src/core/clock.ts";
import { createLogSink } from "../../src/core/logger.ts";
import { ErrorHandler, type DatabaseErrorRecord, type ErrorContext } from "../../src/database/error-handler.ts";
import { EXPECTED_FAULTS, FaultRig, FAULTS } from "../database/error-handler-faults.ts";
import { withFolder } from "../helpers/database.ts";

type Line = Readonly<Record<string, unknown>>;

/** What the handler makes of an error: its record, and the line in the log's file. */
async function handle(
  error: unknown,
  context: ErrorContext,
  isDebug: boolean,
): Promise<{ record: DatabaseErrorRecord; line: Line; text: string }> {
  return withFolder(async (folder) => {
    const logger = createLogSink({ level: isDebug ? "debug" : "info", folder, isConsoleEnabled: false, secrets: [] });
    const handler = new ErrorHandler({ clock: systemClock, logger, isDebug: () => isDebug });
    const record = handler.handle(error, context);
    await logger.close();
    expect(handler.recent()).toEqual([record]);
    const file = readdirSync(folder).find((name) => name.endsWith(".log"))!;
    const text = readFileSync(join(folder, file), "utf8").trim();
    return { record, line: JSON.parse(text) as Line, text };
  });
}

/** Marked, so that it is found wherever it went. */
const parameterValue = fc.string({ unit: fc.constantFrom(..."abcdefgh"), minLength: 4, maxLength: 10 });

describe("the log of a failure", () => {
  let folder: string;
  let rig: FaultRig;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "muster-"));
    rig = await FaultRig.open(folder);
  });
  afterAll(async () => {
    await rig.close();
    await rm(folder, { recursive: true });
  });

  it("Feature: database-reliability, Property 9: for any SQLite error the log has code, SQLite's code, operation and stack", async () => {
    const seen = new Set<string>();
    const attempt = fc.integer({ min: 1, max: 9 });
    const property = fc.asyncProperty(
      ...([fc.constantFrom(...FAULTS), parameterValue, attempt, fc.boolean()] as const),
      async (fault, suffix, attempt, isDebug) => {
        seen.add(fault);
        const value = `value-${suffix}-${seen.size}`;
        const expected = EXPECTED_FAULTS[fault];
        const error = await rig.provoke(fault, value);
        const context = { operation: `fault.${fault}`, operationId: `id-${suffix}`, attempt, parameters: { value } };
        const { record, line, text } = await handle(error, context, isDebug);

        expect(line).toMatchObject({
          ...{
            errorId: record.id,
            code: expected.code,
            operation: `fault.${fault}`,
            operationId: `id-${suffix}`,
            attempt,
          },
        });
        expect(line.level).toMatch(/^(error|warn|info)$/);
        expect(line.sqliteCode ?? "").toMatch(new RegExp(`^${expected.sqliteCode ?? "$"}`));
        const logged = line.error as { message: string; stack: string };
        expect(logged.message.length).toBeGreaterThan(5);
        expect(logged.stack).toMatch(/\n\s+at .+\.ts:\d+/);
        if (expected.constraint) expect(line.constraint).toMatch(/^(must|is) .+: .+/);

        const { id: _id, timestamp, ...rest } = record;
        expect(Math.abs(timestamp - systemClock.now())).toBeLessThan(60_000);
        expect(rest).toEqual({
          errorType: expect.stringMatching(/^(CONNECTION|QUERY|SCHEMA|TRANSACTION)$/) as string,
          ...(expected.sqliteCode === undefined ? {} : { sqliteCode: line.sqliteCode }),
          message: logged.message,
          stackTrace: logged.stack,
          ...(isDebug ? { parameters: { value } } : {}),
          resolved: false,
          retryCount: attempt - 1,
        });
        // The program's own mistakes may quote anything; SQLite never quotes a value.
        if (fault !== "program") expect(text.includes(value)).toBe(isDebug);
      },
    );
    // Each of them at least once, whatever chance brings.
    const examples = FAULTS.map((fault): [(typeof FAULTS)[number], string, number, boolean] => [
      fault,
      "abcd",
      1,
      false,
    ]);
    await fc.assert(property, { numRuns: 120, examples });
    expect(seen.size).toBe(FAULTS.length);
  });
});
