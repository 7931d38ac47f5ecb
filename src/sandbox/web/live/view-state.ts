import type { BotStatus, ClockStatus, Snapshot } from "../../live/live-frames.ts";
import type { ChaosReport } from "./chaos-report.ts";

/** Something that only this page says, below the messages of a channel: that no answer came, for instance. */
export interface Notice {
  readonly id: number;
  readonly channelId: string;
  readonly userId: string;
  readonly kind: "sending" | "failed";
  readonly title: string;
  readonly text: string;
}

export interface Typing {
  readonly channelId: string;
  readonly userId: string;
  /** By this machine's clock. */
  readonly untilMs: number;
}

/** All that the page knows. */
export interface ViewState {
  readonly connection: "connecting" | "open" | "lost";
  /** What the person sees; undefined until the sandbox has told. */
  readonly world: Snapshot | undefined;
  readonly bot: BotStatus;
  /** The sandbox's time, as told at `toldAtMs` of this machine's monotonic clock. */
  readonly clock: ClockStatus & { readonly toldAtMs: number };
  readonly chaos: ChaosReport | undefined;
  readonly typing: readonly Typing[];
  readonly notices: readonly Notice[];
  /** Ephemeral messages that the person has put away. */
  readonly dismissedIds: ReadonlySet<string>;
  readonly unreadIds: ReadonlySet<string>;
}

export const INITIAL_STATE: ViewState = {
  connection: "connecting",
  world: undefined,
  bot: { isConnected: false },
  clock: { nowMs: Date.now(), rate: 1, toldAtMs: performance.now() },
  chaos: undefined,
  typing: [],
  notices: [],
  dismissedIds: new Set(),
  unreadIds: new Set(),
};
