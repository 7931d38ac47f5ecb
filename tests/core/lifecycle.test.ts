import { Lifecycle, type Part } from "../../src/core/lifecycle.ts";

function createParts(names: string, behaviour: { failStart?: string; failStop?: string } = {}) {
  const log: string[] = [];
  const parts = [...names].map((name): Part => ({
    name,
    async start() {
      log.push(`start ${name}`);
      await Promise.resolve();
      if (behaviour.failStart === name) throw new Error(`${name} does not start`);
    },
    async stop() {
      log.push(`stop ${name}`);
      await Promise.resolve();
      if (behaviour.failStop?.includes(name)) throw new Error(`${name} does not stop`);
    },
  }));
  return { log, lifecycle: new Lifecycle(parts) };
}

describe("Lifecycle", () => {
  it("starts in order and stops in reverse, each once", async () => {
    const { log, lifecycle } = createParts("abc");
    await Promise.all([lifecycle.start(), lifecycle.start()]);
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    expect(log).toEqual(["start a", "start b", "start c", "stop c", "stop b", "stop a"]);
  });

  it("stops what was started, the failing part included, when one fails to start, and says why", async () => {
    const { log, lifecycle } = createParts("abc", { failStart: "b", failStop: "a" });
    await expect(lifecycle.start()).rejects.toThrow("b does not start");
    expect(log).toEqual(["start a", "start b", "stop b", "stop a"]);
  });

  it("goes through all parts when some fail to stop, and names each", async () => {
    const { log, lifecycle } = createParts("abc", { failStop: "ac" });
    await lifecycle.start();
    await expect(lifecycle.stop()).rejects.toThrow(
      "stopping c failed: c does not stop; stopping a failed: a does not stop",
    );
    expect(log.slice(3)).toEqual(["stop c", "stop b", "stop a"]);
  });

  it("starts nothing more once it is stopped", async () => {
    const { log, lifecycle } = createParts("abc");
    const starting = lifecycle.start();
    await lifecycle.stop();
    await starting;
    expect(log).toEqual(["start a", "stop a"]);
  });

  it("takes parts that need no start or stop", async () => {
    const lifecycle = new Lifecycle([{ name: "quiet" }]);
    await lifecycle.start();
    await lifecycle.stop();
  });
});
