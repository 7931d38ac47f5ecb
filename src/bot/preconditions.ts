import { PermissionFlagsBits, type GuildMember } from "discord.js";
import type { Clock } from "../core/clock.ts";
import { Refusal } from "./command.ts";
import { formatMoment } from "./format-time.ts";
import type { Texts } from "./texts/texts.ts";

/** Names of permissions as Discord's own settings show them: `ManageGuild` → `Manage Guild`. */
export function permissionNames(permissions: bigint): string[] {
  return Object.entries(PermissionFlagsBits)
    .filter(([, bit]) => (permissions & bit) === bit)
    .map(([name]) => name.replace(/(?<=[a-z])(?=[A-Z])/g, " "));
}

/**
 * Throws a Refusal that names what is missing. Discord's own check of `default_member_permissions` can be changed in a
 * server's settings, so it is not relied upon.
 */
export function requirePermissions(member: GuildMember, permissions: bigint | undefined, texts: Texts): void {
  if (permissions === undefined || member.permissions.has(permissions)) return;
  const missing = permissions & ~member.permissions.bitfield;
  throw new Refusal(texts.general.missingPermissions(permissionNames(missing)));
}

/** When each member may use which action again. Forgets what is over. */
export class Cooldowns {
  readonly #clock: Clock;
  /** Monotonic. */
  readonly #readyAtMs = new Map<string, number>();
  static readonly #SWEEP_SIZE = 10_000;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws a Refusal that says when, or starts the member's cooldown. */
  require(action: string, userId: string, cooldownMs: number | undefined, texts: Texts): void {
    if (!cooldownMs) return;
    const nowMs = this.#clock.monotonic();
    const key = `${action} ${userId}`;
    const waitMs = (this.#readyAtMs.get(key) ?? nowMs) - nowMs;
    if (waitMs > 0) throw new Refusal(texts.general.cooldown(formatMoment(this.#clock.now() + waitMs, "relative")));
    if (this.#readyAtMs.size >= Cooldowns.#SWEEP_SIZE) this.#sweep(nowMs);
    this.#readyAtMs.set(key, nowMs + cooldownMs);
  }

  #sweep(nowMs: number): void {
    for (const [key, readyAtMs] of this.#readyAtMs) if (readyAtMs <= nowMs) this.#readyAtMs.delete(key);
  }
}
