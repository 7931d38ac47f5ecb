import { EventEmitter } from "node:events";
import { ChartDrawer } from "../../src/charts/chart-drawer.ts";
import type { Picture } from "../../src/charts/picture.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const PICTURE: Picture = { kind: "health", samples: [], span: {} };

/** A process that draws when it is told to. */
class FakeProcess extends EventEmitter {
  readonly asked: unknown[] = [];
  isEnded = false;

  send(picture: unknown): boolean {
    this.asked.push(picture);
    return true;
  }
  draw(text: string): void {
    this.emit("message", { png: new Uint8Array(Buffer.from(text)) });
  }
  kill(): boolean {
    this.isEnded = true;
    return true;
  }
}

function createRig() {
  const clock = new ManualClock();
  const processes: FakeProcess[] = [];
  const drawer = new ChartDrawer({
    ...{ clock, logger: silentLogger, idleMs: 60_000 },
    startProcess: () => processes[processes.push(new FakeProcess()) - 1] as never,
  });
  const draw = async (): Promise<string | undefined> => (await drawer.draw(PICTURE, 700))?.toString();
  return { clock, processes, drawer, draw };
}

describe("the chart drawer", () => {
  it("starts its process with the first picture, draws one after another and ends when idle", async () => {
    const { clock, processes, draw } = createRig();
    expect(processes).toHaveLength(0);
    const drawn = [draw(), draw()];
    expect(processes).toHaveLength(1);
    expect(processes[0]!.asked).toHaveLength(1);
    processes[0]!.draw("first");
    processes[0]!.draw("second");
    expect(await Promise.all(drawn)).toEqual(["first", "second"]);
    clock.advance(59_999);
    expect(processes[0]!.isEnded).toBe(false);
    clock.advance(1);
    expect(processes[0]!.isEnded).toBe(true);
    const again = draw();
    processes[1]!.draw("again");
    expect(await again).toBe("again");
  });

  it("gives none in time when the process hangs, and draws with another afterwards", async () => {
    const { clock, processes, draw } = createRig();
    const late = [draw(), draw()];
    clock.advance(700);
    expect(await Promise.all(late)).toEqual([undefined, undefined]);
    clock.advance(10_000);
    expect(processes[0]!.isEnded).toBe(true);
    const next = draw();
    processes[1]!.draw("next");
    expect(await next).toBe("next");
    // Nobody waits for the second one any more.
    expect(processes[1]!.asked).toHaveLength(1);
  });

  it("gives none where it cannot be drawn, or the process dies, and goes on", async () => {
    const { processes, draw } = createRig();
    const failed = draw();
    processes[0]!.emit("message", { error: "no font" });
    expect(await failed).toBeUndefined();
    const lost = [draw(), draw()];
    processes[0]!.emit("error", new Error("out of memory"));
    processes[1]!.draw("second");
    expect(await Promise.all(lost)).toEqual([undefined, "second"]);
  });

  it("takes no more than it can draw, and nothing after a stop", async () => {
    const { drawer, processes, draw } = createRig();
    const drawn = Array.from({ length: 18 }, draw);
    expect(await drawn.at(-1)).toBeUndefined();
    drawer.stop();
    expect(processes[0]!.isEnded).toBe(true);
    expect(new Set(await Promise.all([...drawn, draw()]))).toEqual(new Set([undefined]));
  });
});
