import fc from "fast-check";
import { anyCharacter } from "./character.ts";

/** What people and Discord put into the store. */

export const USERS = ["200000000000000001", "200000000000000002", "200000000000000003"] as const;
export const EMOJI = ["✅", "❌", "❓", "custom:123456789012345678"] as const;

export const userId = fc.constantFrom(...USERS);
export const emoji = fc.constantFrom(...EMOJI);
export const reactionSet = fc.uniqueArray(emoji, { maxLength: 3 });
/** Any text, control characters included, without NUL. */
export const anyText = fc
  .string({ unit: anyCharacter, minLength: 1, maxLength: 40 })
  .filter((text) => !text.includes("\0"));

/** A change of one of a few events, by its number. */
export type StoreCommand =
  | { readonly kind: "create"; readonly event: number; readonly reactions: readonly string[]; readonly title: string }
  | { readonly kind: "edit"; readonly event: number; readonly reactions?: readonly string[]; readonly title?: string }
  | { readonly kind: "transition"; readonly event: number; readonly to: "open" | "paused" | "closed" }
  | { readonly kind: "delete"; readonly event: number }
  | { readonly kind: "record" | "withdraw"; readonly event: number; readonly userId: string; readonly emoji: string }
  | { readonly kind: "withdrawAll"; readonly event: number; readonly emoji?: string }
  | {
      readonly kind: "reconcile";
      readonly event: number;
      readonly reactions: readonly { readonly userId: string; readonly emoji: string }[];
    };

const event = fc.nat({ max: 2 });

export const storeCommand: fc.Arbitrary<StoreCommand> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("create" as const), event, reactions: reactionSet, title: anyText }),
  },
  {
    weight: 2,
    arbitrary: fc.record(
      { kind: fc.constant("edit" as const), event, reactions: reactionSet, title: anyText },
      { requiredKeys: ["kind", "event"] },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("transition" as const),
      event,
      to: fc.constantFrom("open" as const, "paused" as const, "closed" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), event }) },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constantFrom("record" as const, "withdraw" as const), event, userId, emoji }),
  },
  {
    weight: 1,
    arbitrary: fc.record(
      { kind: fc.constant("withdrawAll" as const), event, emoji },
      { requiredKeys: ["kind", "event"] },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("reconcile" as const),
      event,
      reactions: fc.uniqueArray(fc.record({ userId, emoji }), {
        maxLength: 6,
        selector: (reaction) => `${reaction.userId} ${reaction.emoji}`,
      }),
    }),
  },
);
