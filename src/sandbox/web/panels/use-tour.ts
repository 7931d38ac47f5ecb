import { useEffect, useState } from "react";
import { useLive, useWorld } from "../live/live-store.ts";
import { beginStep, findRollCall, TOUR_STEPS, type TourState } from "./tour-steps.ts";

const KEY = "muster-sandbox-tour";

export interface Tour {
  readonly isOpen: boolean;
  /** Undefined before it has begun. */
  readonly state: TourState | undefined;
  readonly isFinished: boolean;
  readonly begin: () => void;
  readonly close: () => void;
  readonly open: () => void;
}

interface Remembered {
  readonly isOpen: boolean;
  readonly state?: TourState | undefined;
}

function recall(): Remembered {
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? "null") as Remembered | null) ?? { isOpen: true };
  } catch {
    return { isOpen: true };
  }
}

/** Where the visitor is on the tour. Steps are done when what they ask for has happened. */
export function useTour(): Tour {
  const world = useWorld();
  const chaos = useLive((live) => live.chaos);
  const [{ isOpen, state }, setRemembered] = useState(recall);
  const isFinished = state !== undefined && state.step >= TOUR_STEPS.length;

  const remember = (next: Remembered): void => {
    localStorage.setItem(KEY, JSON.stringify(next));
    setRemembered(next);
  };
  useEffect(() => {
    if (!state || isFinished) return;
    const now = { world, chaos };
    // The sandbox was started again: the roll call went with its world.
    if (state.step > 0 && !findRollCall(now)) return remember({ isOpen, state: beginStep(0, now) });
    if (TOUR_STEPS[state.step]?.isDone(now, state) !== true) return;
    remember({ isOpen, state: beginStep(state.step + 1, now) });
  }, [world, chaos, state, isOpen, isFinished]);

  return {
    isOpen,
    state,
    isFinished,
    begin: () => remember({ isOpen: true, state: beginStep(0, { world, chaos }) }),
    close: () => remember({ isOpen: false, state }),
    open: () => remember({ isOpen: true, state }),
  };
}
