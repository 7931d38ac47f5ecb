import type { Logger } from "../../core/logger.ts";
import type { Actor } from "../actor/actor.ts";
import type { Chaos } from "../chaos/chaos.ts";
import type { CommandRegistry } from "../commands.ts";
import type { Faults } from "../faults.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { LiveServer } from "../live/live-server.ts";
import type { RestCounters } from "../rest/context.ts";
import type { SandboxClock } from "../sandbox-clock.ts";
import type { World } from "../world/world.ts";

/** What the control routes work on. */
export interface ControlContext {
  readonly world: World;
  readonly commands: CommandRegistry;
  readonly gateway: Gateway;
  readonly faults: Faults;
  readonly live: LiveServer;
  readonly chaos: Chaos;
  /** undefined: the sandbox was given a clock that is not its own. */
  readonly time: SandboxClock | undefined;
  readonly counters: RestCounters;
  readonly logger: Logger;
  readonly getApiUrl: () => string;
  /** Throws NOT_FOUND for an id that is nobody's. */
  readonly as: (userId: string) => Actor;
}

const TYPES = {
  text: { type: "string" },
  flag: { type: "boolean" },
  number: { type: "number" },
  list: { type: "array", items: { type: "string" } },
  object: { type: "object" },
  objects: { type: "array", items: { type: "object" } },
} as const;

/**
 * A JSON schema for a flat body: `{ title: "text", count: "number?" }`. A question mark makes a field optional; other
 * fields are refused, so that a mistyped name does not go unnoticed.
 */
export function bodyOf(fields: Readonly<Record<string, keyof typeof TYPES | `${keyof typeof TYPES}?`>>): object {
  const properties = Object.fromEntries(
    Object.entries(fields).map(([name, kind]) => [name, TYPES[kind.replace("?", "") as keyof typeof TYPES]]),
  );
  const required = Object.entries(fields)
    .filter(([, kind]) => !kind.endsWith("?"))
    .map(([name]) => name);
  return { body: { type: "object", properties, required, additionalProperties: false } };
}
