import { join } from "node:path";
import type Database from "better-sqlite3";
import fc from "fast-check";
import { systemClock } from "../../src/core/clock.ts";
import { SchemaValidator } from "../../src/database/schema/schema-validator.ts";
import type { SchemaVersion } from "../../src/database/schema/schema-version.ts";
import { migrations as ownMigrations } from "../../src/store/data-module.ts";
import { history } from "../arbitraries/schemas.ts";
import { withFolder, withRawConnection } from "../helpers/database.ts";
import { createEngineAt, dumpOf, versionsOf, withFile } from "../helpers/schema-rig.ts";
import { commit, listObjects, listSabotages, type Sabotage } from "./schema-sabotage.ts";

const ENGINE_RUN_EVERY = 20;

const draw = fc.record({
  versions: fc.oneof(fc.constant<readonly SchemaVersion[]>(ownMigrations), history.map(versionsOf)),
  object: fc.nat(999),
  way: fc.nat(999),
  place: fc.nat(999),
});

/** What a start of the bot says: "ready", or the code and message with which it stays without the database. */
async function startThroughEngine(path: string, versions: readonly SchemaVersion[]): Promise<string> {
  const database = createEngineAt(path, versions);
  try {
    await database.manager.start().catch(() => undefined);
    const { state } = database.degradation;
    return state.kind === "offline"
      ? `${state.reason.code} ${state.reason.message}`
      : database.engine.status().state.kind;
  } finally {
    await database.close();
  }
}

function startDirectly(raw: Database.Database, versions: readonly SchemaVersion[]): string {
  try {
    new SchemaValidator(versions, systemClock).applyMigrations(raw);
    return "ready";
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code} ${message}`;
  }
}

function drawSabotage(raw: Database.Database, object: number, way: number, place: number): Sabotage {
  const objects = listObjects(raw);
  const ways = listSabotages(raw, objects[object % objects.length]!);
  // What is added is as likely as what is rewritten, of which there are many more ways.
  const kinds = [...new Set(ways.map(({ kind }) => kind))];
  const ofKind = ways.filter(({ kind }) => kind === kinds[way % kinds.length]);
  return ofKind[place % ofKind.length]!;
}

describe("the validation of the schema at the start", () => {
  it("Feature: database-reliability, Property 3: finds whatever differs in any object, repairs it, keeps it or refuses the database", async () => {
    await withFolder(async (folder) => {
      let run = 0;
      const seen = new Set<string>();
      const property = fc.asyncProperty(draw, async ({ versions, object, way, place }) => {
        const path = join(folder, `${++run}.db`);
        const validator = new SchemaValidator(versions, systemClock);
        await withFile(path, async (own) => {
          validator.applyMigrations(own);
          expect(validator.validateSchema(own)).toEqual([]);
          const sabotage = drawSabotage(own, object, way, place);
          const sound = dumpOf(own);
          withRawConnection(path, (raw) => commit(raw, sabotage));
          const { type, name, kind, remedy } = sabotage;
          seen.add(`${type} ${kind} ${remedy}`);

          // Another connection, which has not seen the schema as it was.
          await withFile(path, async (raw) => {
            const sabotaged = dumpOf(raw);
            expect(validator.validateSchema(raw)).toContainEqual(expect.objectContaining({ type, name, kind }));

            const said =
              run % ENGINE_RUN_EVERY === 0 ? await startThroughEngine(path, versions) : startDirectly(raw, versions);
            if (remedy === "refused") {
              expect(said).toMatch(/^SCHEMA_MISMATCH /);
              expect(said).toContain(`${type} ${name} is ${kind}`);
            } else expect(said).toBe("ready");
            expect(dumpOf(raw)).toEqual(remedy === "repaired" ? sound : sabotaged);
          });
        });
      });
      await fc.assert(property, { numRuns: 120 });
      expect(seen.size).toBeGreaterThan(8);
    });
  });
});
