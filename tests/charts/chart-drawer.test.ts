import { EventEmitter } from "node:events";
import { ChartDrawer } from "../../src/charts/chart-drawer.ts";
import type { Picture } from "../../src/charts/picture.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const PICTURE: Picture = { kind: "health", samples: [], span: {} };

/** A thread that draws when it is told to. */
class FakeThread extends EventEmitter {
  readonly asked: unknown[] = [];
  isEnded = false;

  postMessage(picture: unknown): void {
    this.asked.push(picture);
  }
  draw(text: string): void {
    this.emit("message", { png: new Uint8Array(Buffer.from(text)) });
  }
  async terminate(): Promise<number> {
    this.isEnded = true;
    return 0;
  }
}

function createRig() {
  const clock = new ManualClock();
  const threads: FakeThread[] = [];
  const drawer = new ChartDrawer({
    ...{ clock, logger: silentLogger, idleMs: 60_000 },
    startThread: () => threads[threads.push(new FakeThread()) - 1] as never,
  });
  const draw = async (): Promise<string | undefined> => (await drawer.draw(PICTURE, 700))?.toString();
  return { clock, threads, drawer, draw };
}

describe("the chart drawer", () => {
  it("starts its thread with the first picture, draws one after another and ends when idle", async () => {
    const { clock, threads, draw } = createRig();
    expect(threads).toHaveLength(0);
    const drawn = [draw(), draw()];
    expect(threads).toHaveLength(1);
    expect(threads[0]!.asked).toHaveLength(1);
    threads[0]!.draw("first");
    threads[0]!.draw("second");
    expect(await Promise.all(drawn)).toEqual(["first", "second"]);
    clock.advance(59_999);
    expect(threads[0]!.isEnded).toBe(false);
    clock.advance(1);
    expect(threads[0]!.isEnded).toBe(true);
    const again = draw();
    threads[1]!.draw("again");
    expect(await again).toBe("again");
  });

  it("gives none in time when the thread hangs, and draws with another afterwards", async () => {
    const { clock, threads, draw } = createRig();
    const late = [draw(), draw()];
    clock.advance(700);
    expect(await Promise.all(late)).toEqual([undefined, undefined]);
    clock.advance(10_000);
    expect(threads[0]!.isEnded).toBe(true);
    const next = draw();
    threads[1]!.draw("next");
    expect(await next).toBe("next");
    // Nobody waits for the second one any more.
    expect(threads[1]!.asked).toHaveLength(1);
  });

  it("gives none where it cannot be drawn, or the thread dies, and goes on", async () => {
    const { threads, draw } = createRig();
    const failed = draw();
    threads[0]!.emit("message", { error: "no font" });
    expect(await failed).toBeUndefined();
    const lost = [draw(), draw()];
    threads[0]!.emit("error", new Error("out of memory"));
    threads[1]!.draw("second");
    expect(await Promise.all(lost)).toEqual([undefined, "second"]);
  });

  it("takes no more than it can draw, and nothing after a stop", async () => {
    const { drawer, threads, draw } = createRig();
    const drawn = Array.from({ length: 18 }, draw);
    expect(await drawn.at(-1)).toBeUndefined();
    await drawer.stop();
    expect(threads[0]!.isEnded).toBe(true);
    expect(new Set(await Promise.all([...drawn, draw()]))).toEqual(new Set([undefined]));
  });
});
