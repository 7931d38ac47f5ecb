import type { APIMessage } from "discord-api-types/v10";
import type { Snapshot } from "../../live/live-frames.ts";
import type { ChaosReport } from "../live/chaos-report.ts";

/** What the tour remembers: the step, and how the world was when the step began. */
export interface TourState {
  readonly step: number;
  /** Only what is newer counts. */
  readonly sinceId: string;
  readonly answerCount: number;
  readonly chaosCount: number;
}

export interface WhatIs {
  readonly world: Snapshot;
  readonly chaos: ChaosReport | undefined;
}

export type TourTarget = "compose" | "people" | "chaos" | "messages" | "time";

export interface TourStep {
  readonly title: string;
  readonly text: string;
  readonly target: TourTarget;
  /** Whether it has happened, whoever did it and however. */
  readonly isDone: (now: WhatIs, tour: TourState) => boolean;
}

const REPLY_TO_COMMAND = 2;

function isAfter(id: string, sinceId: string): boolean {
  return BigInt(id) > BigInt(sinceId);
}

function botMessages({ world }: WhatIs): APIMessage[] {
  return Object.values(world.messages)
    .flat()
    .filter(({ author }) => author.id === world.botUserId);
}

/** The newest roll call: a card of the bot that can be answered. */
export function findRollCall(now: WhatIs, sinceId = "0"): APIMessage | undefined {
  return botMessages(now)
    .filter(({ id, embeds, reactions = [] }) => isAfter(id, sinceId) && embeds.length > 0 && reactions.length > 0)
    .sort((a, b) => (isAfter(a.id, b.id) ? 1 : -1))
    .at(-1);
}

/** Reactions of people: the bot's own, which offer the answers, are not counted. */
export function countAnswers(now: WhatIs): number {
  const reactions = findRollCall(now)?.reactions ?? [];
  return reactions.reduce((sum, { count }) => sum + Math.max(count - 1, 0), 0);
}

/** How things are now, for a step that begins. */
export function beginStep(step: number, now: WhatIs): TourState {
  const ids = Object.values(now.world.messages).flatMap((messages) => messages.map(({ id }) => id));
  const sinceId = ids.reduce((newest, id) => (isAfter(id, newest) ? id : newest), "0");
  return { step, sinceId, answerCount: countAnswers(now), chaosCount: now.chaos?.log.length ?? 0 };
}

export const TOUR_STEPS: readonly TourStep[] = [
  {
    title: "Call the roll",
    text: "Ask the crew something. Type /event create, give it a title, and press Enter.",
    target: "compose",
    isDone: (now, { sinceId }) => findRollCall(now, sinceId) !== undefined,
  },
  {
    title: "Answer as a member",
    text: "Become somebody else with one click on their picture, then react to the card.",
    target: "people",
    isDone: (now, { answerCount }) => countAnswers(now) > answerCount,
  },
  {
    title: "Skip a day",
    text: "Whoever has not answered is reminded every 24 hours. You need not wait for that.",
    target: "time",
    isDone: (now, { sinceId }) =>
      botMessages(now).some(({ id, mentions }) => mentions.length > 0 && isAfter(id, sinceId)),
  },
  {
    title: "Pull the plug",
    text: "Delete the bot's database in the Chaos panel, or lock it. Then answer as another member.",
    target: "chaos",
    isDone: (now, { answerCount, chaosCount }) =>
      (now.chaos?.log.length ?? 0) > chaosCount && countAnswers(now) > answerCount,
  },
  {
    title: "Nothing is lost",
    text: "Look for yourself: /event show lists every answer, and /dbhealth (as the owner) says how the bot saved them.",
    target: "compose",
    isDone: (now, { sinceId }) =>
      botMessages(now).some(
        ({ id, embeds, interaction_metadata: by }) =>
          Number(by?.type) === REPLY_TO_COMMAND && embeds.length > 0 && isAfter(id, sinceId),
      ),
  },
];
