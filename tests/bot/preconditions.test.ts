import { Cooldowns } from "../../src/bot/preconditions.ts";
import { english } from "../../src/bot/texts/texts.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const COOLDOWN_MS = 10_000;

describe("cooldowns", () => {
  function createRig() {
    const clock = new ManualClock(1_750_000_000_000);
    const wall = { setBackMs: 0 };
    const cooldowns = new Cooldowns({
      now: () => clock.now() - wall.setBackMs,
      monotonic: () => clock.monotonic(),
      schedule: (delayMs, callback) => clock.schedule(delayMs, callback),
    });
    const use = (userId: string, action = "ping"): void => cooldowns.require(action, userId, COOLDOWN_MS, english);
    return { clock, wall, use };
  }

  it("let each member use each action again when they are over, and say when that is", () => {
    const { clock, use } = createRig();
    use("1");
    use("2");
    use("1", "help");
    expect(() => use("1")).toThrow("<t:1750000010:R>");
    clock.advance(COOLDOWN_MS - 1);
    expect(() => use("1")).toThrow("<t:1750000010:R>");
    clock.advance(1);
    use("1");
    expect(() => use("1")).toThrow("<t:1750000020:R>");
  });

  it("are no longer because the machine's clock was set back", () => {
    const { clock, wall, use } = createRig();
    use("1");
    wall.setBackMs = 3_600_000;
    expect(() => use("1")).toThrow("<t:1749996410:R>");
    clock.advance(COOLDOWN_MS);
    expect(() => use("1")).not.toThrow();
  });
});
