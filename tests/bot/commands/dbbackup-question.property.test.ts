import fc from "fast-check";
import { createButtonId, parseButtonId } from "../../../src/bot/command.ts";
import { showFinding } from "../../../src/bot/commands/dbbackup/backup-work.ts";
import {
  decodeQuestion,
  encodeQuestion,
  type RestoreQuestion,
} from "../../../src/bot/commands/dbbackup/restore-question.ts";
import { snowflake } from "../../arbitraries/roll-call.ts";

const moment = fc.integer({ min: 0, max: 253_402_300_799_999 });
const question: fc.Arbitrary<RestoreQuestion> = fc.record({
  userId: snowflake,
  expiresAt: moment,
  target: fc.oneof(
    fc.constant({ kind: "newest" } as const),
    fc.stringMatching(/^[0-9a-f]{8}$/).map((id) => ({ kind: "snapshot", id }) as const),
    moment.map((at) => ({ kind: "instant", at }) as const),
    moment.map((since) => ({ kind: "offer", since }) as const),
  ),
});

describe("the question before a restore", () => {
  it("comes back whole from its button", () => {
    fc.assert(
      fc.property(question, (given) => {
        const id = createButtonId("dbbackup", "restore", ...encodeQuestion(given));
        expect(decodeQuestion(parseButtonId(id).values)).toEqual(given);
      }),
    );
  });

  it.each([
    [[]],
    [["1"]],
    [["1", "a", "other", "b"]],
    [["1", "a", "snapshot", ""]],
    [["1", "!", "newest"]],
    [["1", "a", "instant", "!"]],
    [["1", "a", "offer", "!"]],
  ])("is none when the button carries %j", (values) => expect(decodeQuestion(values)).toBeUndefined());
});

describe("what a job has found", () => {
  it.each([
    ["read /srv/muster/backups/wal/00000001.wal: EIO", "read 00000001.wal: EIO"],
    ["find room in /srv/muster/backups: 2 GB are needed", "find room in backups: 2 GB are needed"],
    ["open C:\\Bots\\muster\\data\\muster.db failed", "open muster.db failed"],
    ["segment 3 and/or 4 is missing", "segment 3 and/or 4 is missing"],
  ])("is shown without folders: %j", (text, shown) => expect(showFinding(text).replaceAll("\\", "")).toBe(shown));
});
