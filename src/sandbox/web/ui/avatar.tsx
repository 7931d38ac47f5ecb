import type { ReactNode } from "react";
import type { PresenceStatus } from "../../world/state.ts";
import { useWorld } from "../live/live-store.ts";
import { nameOf } from "./names.ts";

const COLOR_COUNT = 8;
const ID_TIME_SHIFT = 22n;

/** The same colour for the same person, everywhere. */
export function colorIndexOf(userId: string): number {
  // The lower bits of an id are a counter that is mostly zero.
  return Number((BigInt(userId) >> ID_TIME_SHIFT) % BigInt(COLOR_COUNT));
}

function initialsOf(name: string): string {
  const words = name.split(/\s+/).filter((word) => word !== "");
  const letters = words.length > 1 ? words[0]![0]! + words.at(-1)![0]! : (words[0]?.slice(0, 1) ?? "?");
  return letters.toUpperCase();
}

/** A round picture drawn from name and id; the bot has one of its own. */
export function Avatar({
  userId,
  presence,
}: {
  readonly userId: string;
  readonly presence?: PresenceStatus;
}): ReactNode {
  const world = useWorld();
  const isBot = userId === world.botUserId;
  return (
    <span className={`avatar color-${isBot ? "bot" : colorIndexOf(userId)}`} aria-hidden="true">
      {isBot ? (
        <svg viewBox="0 0 24 24" className="avatar-check">
          <path d="M6 12.500 10.500 17 18.500 8" />
        </svg>
      ) : (
        initialsOf(nameOf(world, userId))
      )}
      {presence !== undefined && <span className={`presence is-${presence}`} />}
    </span>
  );
}
