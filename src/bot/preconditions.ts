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
  readonly #readyAt = new Map<string, number>();
  static readonly #SWEEP_SIZE = 10_000;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws a Refusal that says when, or starts the member's cooldown. */
  require(action: string, userId: string, cooldownMs: number | undefined, texts: Texts): void {
    if (!cooldownMs) return;
    const now = this.#clock.now();
    const key = `${action} ${userId}`;
    const readyAt = this.#readyAt.get(key) ?? 0;
    if (readyAt > now) throw new Refusal(texts.general.cooldown(formatMoment(readyAt, "relative")));
    if (this.#readyAt.size >= Cooldowns.#SWEEP_SIZE) this.#sweep(now);
    this.#readyAt.set(key, now + cooldownMs);
  }

  #sweep(now: number): void {
    for (const [key, readyAt] of this.#readyAt) if (readyAt <= now) this.#readyAt.delete(key);
  }
}
