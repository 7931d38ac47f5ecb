import { rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import {
  BACKUP_CORRUPTIONS,
  copyTemplate,
  corrupt,
  createTemplate,
  DATABASE_CORRUPTIONS,
  KEY,
  LOG_CORRUPTIONS,
  type CorruptionKind,
  type Template,
} from "../helpers/corruptible-database.ts";
import { withFolder } from "../helpers/database.ts";
import { keyOf, scenario, startOn, type Scenario } from "./recovery-scenarios.ts";

/** Torture runs more of them. */
const RUN_COUNT = Number(process.env.RECOVERY_RUNS ?? 100);

const isOnBackups = (kind: CorruptionKind): boolean => (BACKUP_CORRUPTIONS as readonly string[]).includes(kind);

describe("Feature: database-reliability, Property 13: recovery from any corruption", () => {
  it(
    "ends with every acknowledged row, or says what is missing; never wrong and never empty without a word",
    async () => {
      await withFolder(async (folder) => {
        const templates: Record<Scenario["template"], Template> = {
          killed: await createTemplateIn(folder, "killed", false),
          closed: await createTemplateIn(folder, "closed", true),
          encrypted: await createTemplateIn(folder, "encrypted", false, KEY),
        };
        let runCount = 0;
        const seen = new Set<CorruptionKind>();
        let completeCount = 0;
        const check = async (drawn: Scenario): Promise<void> => {
          const template = templates[drawn.template];
          const place = join(folder, `run-${++runCount}`);
          copyTemplate(template, place);
          for (const corruption of drawn.corruptions) {
            seen.add(corruption.kind);
            corruptIfThere(place, corruption);
          }
          const { content, statements, status } = await startOn(place, keyOf(drawn));
          const isWhole = content === template.content;
          if (isWhole) completeCount++;
          // Not whole, so people were told; and nobody was told that it is whole.
          if (!isWhole) expect([statements, drawn]).not.toEqual([[], drawn]);
          if (status.lastReport?.isComplete)
            expect([isWhole, status.lastReport.steps, drawn]).toEqual([true, status.lastReport.steps, drawn]);
          if (mustComeBack(drawn)) expect([isWhole, statements]).toEqual([true, statements]);
          rmSync(place, { recursive: true });
        };
        const wrongKey: Scenario = {
          template: "encrypted",
          corruptions: [{ kind: "garbage header", place: 0, bit: 1, pageCount: 1 }],
          isKeyWrong: true,
        };
        const kinds = [...DATABASE_CORRUPTIONS, ...LOG_CORRUPTIONS, ...BACKUP_CORRUPTIONS];
        const examples = kinds.map((kind): [Scenario] => [
          { template: "killed", corruptions: [{ kind, place: 0.5, bit: 3, pageCount: 2 }], isKeyWrong: false },
        ]);
        examples.push([wrongKey]);
        // Found by drawing: with the archive gone as well, nothing else tells of a log that is gone, or another.
        const together = [
          ["killed", "log deleted", "archive missing"],
          ["closed", "older log", "all snapshots missing", "archive missing"],
        ] as const;
        for (const [template, ...hits] of together) {
          const corruptions = hits.map((kind) => ({ kind, place: 0.5, bit: 1, pageCount: 3 }));
          examples.push([{ template, corruptions, isKeyWrong: true }]);
        }
        // No check finds a changed byte in a value, and a key that does not fit keeps the archive from telling.
        const unseen = { kind: "flipped bit", place: 0.5488, bit: 2, pageCount: 4 } as const;
        examples.push([{ template: "encrypted", corruptions: [unseen], isKeyWrong: true }]);
        await fc.assert(fc.asyncProperty(scenario, check), { numRuns: RUN_COUNT, endOnFailure: true, examples });
        expect([...seen]).toEqual(expect.arrayContaining(kinds));
        expect(completeCount).toBeGreaterThan(RUN_COUNT / 2);
      });
    },
    RUN_COUNT * 6_000,
  );
});

/**
 * One thing was hit after a crash, and the backups are sound: then nothing at all is lost. What was changed while the bot
 * was stopped may have been meant, as another database, or another's log, in the present one's place: that is said, and nothing undone.
 */
function mustComeBack({ template, corruptions: [first, ...others], isKeyWrong }: Scenario): boolean {
  const isMeant = first!.kind === "another database in its place" || first!.kind === "foreign log";
  return template !== "closed" && others.length === 0 && !isKeyWrong && !isMeant && !isOnBackups(first!.kind);
}

function createTemplateIn(folder: string, name: string, isClosed: boolean, key?: string): Promise<Template> {
  return createTemplate(join(folder, name), isClosed, key);
}

/** What an earlier one has taken away cannot be damaged any more. */
function corruptIfThere(place: string, corruption: Scenario["corruptions"][number]): void {
  try {
    corrupt(place, corruption);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && !(error instanceof TypeError)) throw error;
  }
}
