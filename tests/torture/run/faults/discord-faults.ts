import type { RestFault } from "../../../../src/sandbox/faults.ts";
import type { Random } from "../random.ts";
import type { Rig } from "../rig.ts";
import type { Fault, Heal } from "./fault.ts";

/** Discord's own bad days. */

function disturb({ world }: Rig, fault: RestFault): Heal {
  const id = world.sandbox.faults.add(fault);
  return () => void world.sandbox.faults.remove(id);
}

const onRequests = (name: string, create: (random: Random) => RestFault): Fault => ({
  ...{ name, weight: 1, maxMs: 4_000, troublesDiscord: true },
  begin: async (rig, random) => disturb(rig, create(random)),
});

export const discordFaults: readonly Fault[] = [
  {
    name: "gateway drops",
    weight: 2,
    maxMs: 4_000,
    async begin({ world }) {
      const { faults } = world.sandbox;
      faults.setGatewayAccepting(false);
      faults.cutGateway();
      return () => faults.setGatewayAccepting(true);
    },
  },
  {
    name: "session invalid",
    weight: 1,
    begin: async ({ world }, random) => void world.sandbox.faults.invalidateSessions(random.isTrue(0.5)),
  },
  {
    name: "gateway closes",
    weight: 1,
    begin: async ({ world }) => void world.sandbox.faults.closeGateway(4000),
  },
  onRequests("429 storm", (random) => ({
    effect: { kind: "rate-limit", scope: "bucket", retryAfterMs: random.between(100, 1_500) },
    path: "/channels/*",
  })),
  onRequests("5xx", (random) => ({
    effect: { kind: "error", status: random.pick([500, 502, 503]) },
    path: "/channels/*",
  })),
  onRequests("answers lost", () => ({ effect: { kind: "drop" }, when: "after", path: "/channels/*" })),
  onRequests("Discord slow", (random) => ({ effect: { kind: "delay", delayMs: random.between(200, 3_500) } })),
];
