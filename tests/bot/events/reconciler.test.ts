import type { Client } from "discord.js";
import { Reconciler } from "../../../src/bot/events/reconciler.ts";
import type { EventRecord } from "../../../src/store/events.ts";
import type { Store } from "../../../src/store/store.ts";

const EVENT = {
  id: "event",
  guildId: "1",
  channelId: "2",
  messageId: "3",
  reactions: ["✅", "❌"],
} as unknown as EventRecord;
const [ANNA, BEN, CLEO, DAN] = ["11", "12", "13", "14"] as const;

type Meanwhile = (reconciler: Reconciler) => void;

/**
 * What is stored in the end of a message on which Anna and Ben have answered ✅; `whileReading` is done between its
 * requests, and `whileWriting` while what was read is stored: that may take several tries.
 */
async function reconcile(whileReading: Meanwhile, whileWriting: Meanwhile = () => undefined): Promise<string[]> {
  const stored: string[] = [];
  let writeCount = 0;
  const rest = {
    async get(route: string) {
      if (!route.includes("/reactions/")) {
        const kind = { emoji: { id: null, name: "✅" }, count_details: { normal: 2, burst: 0 } };
        return { reactions: [kind] };
      }
      whileReading(reconciler);
      return [ANNA, BEN].map((id) => ({ id, username: `user ${id}` }));
    },
  };
  const reactions = {
    async reconcile(input: { reactions: readonly { userId: string; emoji: string }[] }) {
      if (writeCount++ === 0) whileWriting(reconciler);
      stored.length = 0;
      stored.push(...input.reactions.map(({ userId, emoji }) => `${userId} ${emoji}`));
      return { added: 0, removed: 0 };
    },
  };
  const reconciler = new Reconciler({ rest } as unknown as Client, { reactions } as unknown as Store);
  await reconciler.reconcile(EVENT);
  return stored.sort();
}

describe("reading an event's reactions", () => {
  it.each<[string, (reconciler: Reconciler) => void, string[]]>([
    ["nothing happens", () => undefined, [`${ANNA} ✅`, `${BEN} ✅`]],
    [
      "somebody reacts",
      (it) => it.noteAddition(EVENT.id, { userId: CLEO, username: "Cleo", emoji: "❌" }),
      [`${ANNA} ✅`, `${BEN} ✅`, `${CLEO} ❌`],
    ],
    ["somebody withdraws", (it) => it.noteWithdrawal(EVENT.id, ANNA, "✅"), [`${BEN} ✅`]],
    [
      "somebody reacts, and withdraws",
      (it) => {
        it.noteAddition(EVENT.id, { userId: DAN, username: "Dan", emoji: "✅" });
        it.noteWithdrawal(EVENT.id, DAN, "✅");
      },
      [`${ANNA} ✅`, `${BEN} ✅`],
    ],
    [
      "somebody withdraws, and reacts again",
      (it) => {
        it.noteWithdrawal(EVENT.id, ANNA, "✅");
        it.noteAddition(EVENT.id, { userId: ANNA, username: "Anna", emoji: "✅" });
      },
      [`${ANNA} ✅`, `${BEN} ✅`],
    ],
    [
      "a moderator clears an emoji, and then somebody reacts",
      (it) => {
        it.noteAddition(EVENT.id, { userId: DAN, username: "Dan", emoji: "✅" });
        it.noteAddition(EVENT.id, { userId: DAN, username: "Dan", emoji: "❌" });
        it.noteWithdrawal(EVENT.id, undefined, "✅");
        it.noteAddition(EVENT.id, { userId: CLEO, username: "Cleo", emoji: "✅" });
      },
      [`${CLEO} ✅`, `${DAN} ❌`],
    ],
    ["a moderator clears everything", (it) => it.noteWithdrawal(EVENT.id, undefined, undefined), []],
    [
      "somebody reacts to another event",
      (it) => it.noteAddition("other", { userId: CLEO, username: "Cleo", emoji: "❌" }),
      [`${ANNA} ✅`, `${BEN} ✅`],
    ],
  ])("gives what is there at the end when %s meanwhile", async (_what, whileReading, expected) => {
    expect(await reconcile(whileReading)).toEqual(expected);
  });

  it("is followed by another write when something comes while it is stored", async () => {
    const react: Meanwhile = (it) => it.noteAddition(EVENT.id, { userId: CLEO, username: "Cleo", emoji: "❌" });
    expect(await reconcile(() => undefined, react)).toEqual([`${ANNA} ✅`, `${BEN} ✅`, `${CLEO} ❌`]);
    const withdraw: Meanwhile = (it) => it.noteWithdrawal(EVENT.id, ANNA, "✅");
    expect(await reconcile(() => undefined, withdraw)).toEqual([`${BEN} ✅`]);
  });
});
