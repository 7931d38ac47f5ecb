import { MusterError, type ErrorCode } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { Availability } from "../../src/database/availability.ts";
import type { EngineState, EngineStatus, StorageEngine } from "../../src/database/engine.ts";
import { CircuitBreaker } from "../../src/resilience/circuit-breaker.ts";
import { GracefulDegradation } from "../../src/resilience/graceful-degradation.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

/** An engine that is in whatever state it is put. */
class FakeEngine implements StorageEngine {
  readonly reconnectedFor: MusterError[] = [];
  readonly #listeners = new Set<(state: EngineState) => void>();
  #state: EngineState = { kind: "starting" };

  enter(state: EngineState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
  start(): Promise<void> {
    return Promise.resolve();
  }
  stop(): Promise<void> {
    return Promise.resolve();
  }
  read(): Promise<unknown[]> {
    return Promise.resolve([]);
  }
  write(): Promise<unknown[]> {
    return Promise.resolve([]);
  }
  reconnect(cause: MusterError): void {
    this.reconnectedFor.push(cause);
  }
  status(): EngineStatus {
    const pool = { size: 0, inUse: 0, idle: 0, waiting: 0 };
    return { state: this.#state, pool, pendingWrites: 0, restartCount: 0, engineVersion: undefined };
  }
  statements(): readonly string[] {
    return [];
  }
  onStateChange(listener: (state: EngineState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

const THRESHOLD = 3;
const RESET_MS = 30_000;
const createFault = (code: ErrorCode): MusterError => new MusterError(code, `use the database: ${code}`);
const CAUSE = createFault("DATABASE_UNAVAILABLE");

class Rig {
  readonly clock = new ManualClock();
  readonly engine = new FakeEngine();
  readonly degradation = new GracefulDegradation();
  readonly breaker = new CircuitBreaker({
    ...{ name: "writes", clock: this.clock, threshold: () => THRESHOLD, resetMs: () => RESET_MS },
    isFailure: () => true,
    createOpenError: () => CAUSE,
  });
  probe: () => Promise<void> = () => Promise.resolve();
  probeCount = 0;
  normalRoundCount = 0;
  readonly availability = new Availability({
    ...{ engine: this.engine, degradation: this.degradation, breakers: [this.breaker], clock: this.clock },
    logger: silentLogger,
    probe: () => {
      this.probeCount++;
      return this.probe();
    },
    onNormalRound: () => void this.normalRoundCount++,
  });

  constructor() {
    this.availability.start();
    this.enterReady();
  }

  enterReady(): void {
    this.engine.enter({ kind: "ready", since: this.clock.now() });
  }

  get state(): string {
    return this.degradation.state.kind;
  }
  get reasonCode(): ErrorCode | undefined {
    return "reason" in this.degradation.state ? this.degradation.state.reason.code : undefined;
  }

  /** The next round of probing, with everything that follows from it. */
  async nextRound(): Promise<void> {
    this.clock.advance(1_000);
    await new Promise(setImmediate);
  }

  async openBreaker(): Promise<void> {
    for (let count = 0; count < THRESHOLD; count++) {
      await this.breaker.execute(() => Promise.reject(CAUSE)).catch(() => undefined);
    }
  }
}

describe("availability: what a fault of a call means", () => {
  it.each(["DATABASE_FULL", "DATABASE_READ_ONLY"] as const)("%s leaves reading", (code) => {
    const rig = new Rig();
    rig.availability.reportFault(createFault(code));
    expect([rig.state, rig.reasonCode]).toEqual(["read-only", code]);
  });

  it("DATABASE_CORRUPT leaves nothing", () => {
    const rig = new Rig();
    rig.availability.reportFault(createFault("DATABASE_CORRUPT"));
    expect([rig.state, rig.reasonCode]).toEqual(["offline", "DATABASE_CORRUPT"]);
  });

  it.each(["DATABASE_BUSY", "OPERATION_TIMEOUT", "DATABASE_UNAVAILABLE"] as const)("one %s changes nothing", (code) => {
    const rig = new Rig();
    rig.availability.reportFault(createFault(code));
    expect(rig.state).toBe("normal");
    expect(rig.engine.reconnectedFor).toEqual([]);
  });

  it("DATABASE_IO has the connection replaced", () => {
    const rig = new Rig();
    const fault = createFault("DATABASE_IO");
    rig.availability.reportFault(fault);
    expect(rig.engine.reconnectedFor).toEqual([fault]);
    expect(rig.state).toBe("normal");
  });

  it("no other code has it replaced", () => {
    const rig = new Rig();
    for (const code of ["DATABASE_FULL", "DATABASE_READ_ONLY", "DATABASE_CORRUPT", "DATABASE_BUSY"] as const)
      rig.availability.reportFault(createFault(code));
    expect(rig.engine.reconnectedFor).toEqual([]);
  });

  it("a later reason takes the place of the first, and read-only becomes offline when reading fails too", () => {
    const rig = new Rig();
    rig.availability.reportFault(createFault("DATABASE_FULL"));
    rig.availability.reportFault(createFault("DATABASE_READ_ONLY"));
    expect([rig.state, rig.reasonCode]).toEqual(["read-only", "DATABASE_READ_ONLY"]);
    rig.availability.reportFault(createFault("DATABASE_CORRUPT"));
    expect([rig.state, rig.reasonCode]).toEqual(["offline", "DATABASE_CORRUPT"]);
  });
});

describe("availability: the engine's state", () => {
  it("offline is offline, with its cause and since when", () => {
    const rig = new Rig();
    const since = rig.clock.now();
    rig.engine.enter({ kind: "offline", since, cause: CAUSE });
    expect(rig.degradation.state).toEqual({ kind: "offline", reason: CAUSE, since });
  });

  it("a restart that nobody may notice changes nothing; one that lasts is offline until the engine is ready", () => {
    const rig = new Rig();
    const recovering = { kind: "recovering", since: rig.clock.now(), attempt: 1, cause: CAUSE } as const;
    rig.engine.enter({ ...recovering, isLasting: false });
    expect(rig.state).toBe("normal");
    rig.engine.enter({ ...recovering, isLasting: true });
    expect(rig.state).toBe("offline");
    rig.enterReady();
    expect(rig.state).toBe("normal");
  });

  it("ready after a restart does not end a full disk", () => {
    const rig = new Rig();
    rig.availability.reportFault(createFault("DATABASE_FULL"));
    rig.engine.enter({ kind: "offline", since: rig.clock.now(), cause: CAUSE });
    expect(rig.state).toBe("offline");
    rig.enterReady();
    expect([rig.state, rig.reasonCode]).toEqual(["read-only", "DATABASE_FULL"]);
  });
});

describe("availability: probing", () => {
  it("tries a write each second as long as the disk is full, and is normal with the first that goes through", async () => {
    const rig = new Rig();
    rig.availability.reportFault(createFault("DATABASE_FULL"));
    rig.probe = () => Promise.reject(createFault("DATABASE_FULL"));
    rig.clock.advance(999);
    expect(rig.probeCount).toBe(0);
    rig.clock.advance(1);
    await new Promise(setImmediate);
    for (let round = 2; round <= 5; round++) {
      await rig.nextRound();
      expect([rig.probeCount, rig.state]).toEqual([round, "read-only"]);
    }
    rig.probe = () => Promise.resolve();
    await rig.nextRound();
    expect([rig.probeCount, rig.state]).toEqual([6, "normal"]);
    await rig.nextRound();
    expect(rig.probeCount).toBe(6);
  });

  it("learns a new reason from a probe that fails", async () => {
    const rig = new Rig();
    rig.availability.reportFault(createFault("DATABASE_FULL"));
    rig.probe = () => Promise.reject(createFault("DATABASE_IO"));
    await rig.nextRound();
    expect(rig.engine.reconnectedFor).toHaveLength(1);
    rig.probe = () => Promise.reject(createFault("DATABASE_READ_ONLY"));
    await rig.nextRound();
    expect(rig.reasonCode).toBe("DATABASE_READ_ONLY");
  });

  it("leaves the probe to the engine as long as that one is not ready", async () => {
    const rig = new Rig();
    rig.engine.enter({ kind: "offline", since: rig.clock.now(), cause: CAUSE });
    await rig.nextRound();
    expect([rig.probeCount, rig.normalRoundCount]).toEqual([0, 0]);
  });

  it("does not send a second probe before the first has answered", async () => {
    const rig = new Rig();
    const answer = Promise.withResolvers<undefined>();
    rig.availability.reportFault(createFault("DATABASE_FULL"));
    rig.probe = () => answer.promise;
    for (let round = 0; round < 3; round++) await rig.nextRound();
    expect(rig.probeCount).toBe(1);
    answer.resolve(undefined);
    await new Promise(setImmediate);
    expect(rig.state).toBe("normal");
  });

  it("says at each round that finds nothing wrong that it did, and at no other", async () => {
    const rig = new Rig();
    await rig.nextRound();
    await rig.nextRound();
    expect([rig.normalRoundCount, rig.probeCount]).toEqual([2, 0]);
    rig.availability.reportFault(createFault("DATABASE_FULL"));
    await rig.nextRound();
    expect([rig.normalRoundCount, rig.probeCount]).toEqual([2, 1]);
    await rig.nextRound();
    expect([rig.normalRoundCount, rig.probeCount]).toEqual([3, 1]);
  });

  it("ends when it is stopped", async () => {
    const rig = new Rig();
    await rig.availability.stop();
    await rig.nextRound();
    expect(rig.normalRoundCount).toBe(0);
  });
});

describe("availability: the breaker", () => {
  it("takes the service away when it opens, without a word from anybody else", async () => {
    const rig = new Rig();
    await rig.openBreaker();
    expect([rig.state, rig.reasonCode]).toEqual(["offline", "DATABASE_UNAVAILABLE"]);
  });

  it("is reset by a probe that goes through, long before its own time", async () => {
    const rig = new Rig();
    await rig.openBreaker();
    await rig.nextRound();
    expect([rig.breaker.state.kind, rig.state]).toEqual(["closed", "normal"]);
  });

  it("stays open while probes fail, and the fault that is behind it is the reason", async () => {
    const rig = new Rig();
    await rig.openBreaker();
    rig.probe = () => Promise.reject(createFault("DATABASE_BUSY"));
    await rig.nextRound();
    expect([rig.breaker.state.kind, rig.state, rig.reasonCode]).toEqual(["open", "offline", "DATABASE_BUSY"]);
    rig.probe = () => Promise.resolve();
    await rig.nextRound();
    expect([rig.breaker.state.kind, rig.state]).toEqual(["closed", "normal"]);
  });

  it("that lets a call through after its time and closes by itself ends it too", async () => {
    const rig = new Rig();
    await rig.availability.stop();
    await rig.openBreaker();
    rig.clock.advance(RESET_MS);
    await rig.breaker.execute(() => Promise.resolve());
    expect(rig.state).toBe("normal");
  });
});
