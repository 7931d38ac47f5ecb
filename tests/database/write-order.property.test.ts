import fc from "fast-check";
import { WriteOrder, type WritePlace } from "../../src/database/write-order.ts";

/** What becomes of a write, turn by turn. */
type Fate = "applied" | "retried" | "saved";

interface Write {
  readonly place: WritePlace;
  readonly fate: Fate;
}

async function turn(): Promise<void> {
  for (let count = 0; count < 4; count++) await Promise.resolve();
}

describe("the order of writes", () => {
  it("has none sent before one that is held up, and none saved before one that is on its way", async () => {
    const fates = fc.constantFrom<Fate>("applied", "applied", "applied", "retried", "saved");
    const schedule = fc.array(fc.record({ fate: fates, picks: fc.array(fc.nat({ max: 9 }), { maxLength: 3 }) }), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(schedule, async (steps) => {
        const order = new WriteOrder();
        const underWay: Write[] = [];
        const finishers = new Map<Write, () => void>();
        const run = async (write: Write): Promise<void> => {
          const { place, fate } = write;
          const before = (): Write[] => underWay.slice(0, underWay.indexOf(write));
          if (place.state === "waiting") {
            await order.whenClear(place);
            order.send(place);
          }
          expect(before().filter((other) => other.place.state !== "sent")).toEqual([]);
          await new Promise<void>((resolve) => finishers.set(write, resolve));
          if (fate !== "applied") {
            order.hold(place);
            await order.whenFirst(place);
            expect(before()).toEqual([]);
          }
          underWay.splice(underWay.indexOf(write), 1);
          order.leave(place);
        };
        const finish = async (pick: number): Promise<void> => {
          const [write, resolve] = [...finishers][pick % Math.max(1, finishers.size)] ?? [];
          if (!write || !resolve) return;
          finishers.delete(write);
          resolve();
          await turn();
        };
        const runs: Promise<void>[] = [];
        for (const { fate, picks } of steps) {
          const write = { place: order.enter(), fate };
          underWay.push(write);
          runs.push(run(write));
          await turn();
          for (const pick of picks) await finish(pick);
        }
        // Nobody waits for ever.
        for (let round = 0; round < 2 * steps.length; round++) await finish(0);
        await Promise.all(runs);
        expect(underWay).toEqual([]);
      }),
    );
  });
});
