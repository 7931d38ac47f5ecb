import { MusterError } from "../../src/core/errors.ts";
import {
  GracefulDegradation,
  type DatabaseNeed,
  type DegradationState,
} from "../../src/resilience/graceful-degradation.ts";

const reason = new MusterError("DATABASE_IO", "write: the disk is gone");
const STATES = {
  normal: { kind: "normal" },
  "read-only": { kind: "read-only", reason, since: 10 },
  offline: { kind: "offline", reason, since: 10 },
} as const satisfies Record<string, DegradationState>;

/** Who is allowed what, as the design says. */
const TABLE: readonly [keyof typeof STATES, DatabaseNeed, "run" | "degraded"][] = [
  ["normal", "none", "run"],
  ["normal", "read", "run"],
  ["normal", "write", "run"],
  ["read-only", "none", "run"],
  ["read-only", "read", "run"],
  ["read-only", "write", "degraded"],
  ["offline", "none", "run"],
  ["offline", "read", "degraded"],
  ["offline", "write", "degraded"],
];

describe("GracefulDegradation", () => {
  it.each(TABLE)("when %s, what needs %s is %s", (kind, need, decision) => {
    const degradation = new GracefulDegradation();
    degradation.transition(STATES[kind]);
    expect(degradation.decide(need)).toBe(decision);
    let thrown: unknown;
    try {
      degradation.require(need);
    } catch (error) {
      thrown = error;
    }
    if (decision === "run") expect(thrown).toBeUndefined();
    else {
      const code = kind === "read-only" ? "DATABASE_READ_ONLY" : "DATABASE_UNAVAILABLE";
      expect(thrown).toMatchObject({ code, cause: reason });
    }
  });

  it("tells of every change, with what was before, and of nothing else", () => {
    const degradation = new GracefulDegradation();
    const changes: string[] = [];
    const end = degradation.onChange((state, previous) => void changes.push(`${previous.kind} → ${state.kind}`));
    degradation.transition(STATES.normal);
    degradation.transition(STATES.offline);
    degradation.transition({ ...STATES.offline, since: 99 });
    degradation.transition(STATES["read-only"]);
    degradation.transition(STATES.normal);
    end();
    degradation.transition(STATES.offline);
    expect(changes).toEqual(["normal → offline", "offline → read-only", "read-only → normal"]);
  });

  it("keeps since when it is degraded while the reason is renewed", () => {
    const degradation = new GracefulDegradation();
    const newer = new MusterError("DATABASE_CORRUPT", "read: damaged");
    degradation.transition(STATES.offline);
    degradation.transition({ kind: "offline", reason: newer, since: 99 });
    expect(degradation.state).toEqual({ kind: "offline", reason: newer, since: 10 });
  });
});
