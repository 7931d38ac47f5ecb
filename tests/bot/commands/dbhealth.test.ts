import type { APIEmbed } from "discord.js";
import fc from "fast-check";
import { createHealthEmbed, dbhealthCommand } from "../../../src/bot/commands/dbhealth.ts";
import { english } from "../../../src/bot/texts/texts.ts";
import { ERROR_CODES, MusterError, type ErrorCode } from "../../../src/core/errors.ts";
import type { DatabaseHealth } from "../../../src/database/database-manager.ts";
import type { EngineState } from "../../../src/database/engine.ts";
import type { DegradationState } from "../../../src/resilience/graceful-degradation.ts";

const NOW = 1_750_000_000_000;
const SECRETS = "/srv/data/muster.db: SELECT * FROM flag: SQLITE_IOERR_WRITE at Object.run (file.ts:1:2)";

function createHealth(changes: Partial<DatabaseHealth> & { state?: EngineState } = {}): DatabaseHealth {
  const { state = { kind: "ready", since: NOW - 60_000 }, ...rest } = changes;
  return {
    ...{
      isConnected: state.kind === "ready",
      queryCount: 200,
      errorCount: 3,
      averageQueryTime: 0.4567,
      lastHealthCheck: NOW,
    },
    breaker: { kind: "closed", consecutiveFailures: 0 },
    cache: { size: 0, hitCount: 0, missCount: 0 },
    queue: { size: 0, oldestAt: undefined },
    ...rest,
    engine: {
      state,
      pool: { size: 2, inUse: 1, idle: 1, waiting: 0 },
      pendingWrites: 5,
      restartCount: 4,
      engineVersion: "3.53.0",
    },
  };
}

function show(health: DatabaseHealth, state: DegradationState, hasDetails = false): APIEmbed {
  return createHealthEmbed(health, state, { texts: english, hasDetails });
}

const valueOf = ({ fields }: APIEmbed, name: string): string | undefined =>
  fields?.find((field) => field.name === name)?.value;

describe("/dbhealth", () => {
  it("needs no database", () => expect(dbhealthCommand.actions[""]?.database).toBe("none"));

  it("shows a healthy database with its figures", () => {
    const embed = show(createHealth(), { kind: "normal" });
    expect(embed.title).toBe("🟢 Normal");
    expect(embed.description).toBe(`Everything works.\nSince <t:1749999940:f> (<t:1749999940:R>)`);
    expect(Object.fromEntries(embed.fields!.map(({ name, value }) => [name, value]))).toEqual({
      Connections: "3 open",
      Queries: "200",
      Errors: "3 (1.5 %)",
      "Average time": "0.46 ms",
      "Restarts of connections": "4",
    });
  });

  it("shows pool, waiting writes and version only when details are asked for", () => {
    expect(valueOf(show(createHealth(), { kind: "normal" }), "Readers")).toBeUndefined();
    const embed = show(createHealth(), { kind: "normal" }, true);
    expect(valueOf(embed, "Readers")).toBe("2 in all: 1 at work, 1 free. 0 waiting for one.");
    expect(valueOf(embed, "Writes waiting")).toBe("5");
    expect(valueOf(embed, "Version of the engine")).toBe("3.53.0");
  });

  it("says since when and why it is limited, and that it reconnects", () => {
    const reason = new MusterError("DATABASE_UNAVAILABLE", SECRETS);
    const health = createHealth({
      state: { kind: "recovering", since: NOW, attempt: 2, isLasting: true, cause: reason },
      lastError: SECRETS,
    });
    const embed = show(health, { kind: "offline", reason, since: NOW });
    expect(embed.title).toBe("🔴 Offline");
    expect(embed.description!.split("\n").slice(1)).toEqual([
      "The connection to the database was lost.",
      "Since <t:1750000000:f> (<t:1750000000:R>)",
      "Reconnecting: attempt 2.",
    ]);
    expect(valueOf(embed, "Connections")).toBe("none");
  });

  it("has a colour of its own for each state", () => {
    const reason = new MusterError("DATABASE_FULL", "full");
    const states: DegradationState[] = [
      { kind: "normal" },
      { kind: "read-only", reason, since: NOW },
      { kind: "offline", reason, since: NOW },
    ];
    expect(new Set(states.map((state) => show(createHealth(), state).color)).size).toBe(3);
  });

  it("does not call a database normal that is only being opened, or is closed", () => {
    expect(show(createHealth({ state: { kind: "starting" } }), { kind: "normal" }).title).toBe("🟡 Starting");
    expect(show(createHealth({ state: { kind: "closed" } }), { kind: "normal" }).title).toBe("⚪ Closed");
  });

  it("counts no errors where there were no queries", () => {
    const embed = show(createHealth({ queryCount: 0, errorCount: 0, averageQueryTime: 0 }), { kind: "normal" });
    expect(valueOf(embed, "Errors")).toBe("0 (0 %)");
  });

  it("shows no path, SQL, code or stack, whatever failed", () => {
    const codes = fc.constantFrom(...(Object.keys(ERROR_CODES) as ErrorCode[]));
    const kinds = fc.constantFrom("read-only" as const, "offline" as const);
    fc.assert(
      fc.property(codes, kinds, fc.boolean(), (code, kind, hasDetails) => {
        const reason = new MusterError(code, SECRETS, { hint: SECRETS });
        const state: EngineState = { kind: "offline", since: NOW, cause: reason };
        const text = JSON.stringify(
          show(createHealth({ state, lastError: SECRETS }), { kind, reason, since: NOW }, hasDetails),
        );
        expect(text).not.toMatch(/muster\.db|SELECT|SQLITE_|file\.ts|[A-Z]{3,}_[A-Z]{2,}/);
      }),
    );
  });
});
