import { summarizeAnswers, type Answer } from "./missing.ts";

export interface CardEvent {
  /** Keys of the event's reactions; empty = any reaction counts. */
  readonly emoji: readonly string[];
  readonly state: "open" | "paused" | "closed";
  /** When the next reminder is planned, as stored; undefined = none. */
  readonly nextReminderAt: number | undefined;
}

export interface EventCard {
  /** Of those expected, how many have answered: `answeredCount + missingCount === expectedCount`. */
  readonly answeredCount: number;
  readonly expectedCount: number;
  readonly missingCount: number;
  readonly missingIds: readonly string[];
  /** In the event's order; whoever answered counts, expected or not. */
  readonly perEmoji: readonly { readonly emoji: string; readonly count: number; readonly userIds: readonly string[] }[];
  /** Answered, choice unknown. */
  readonly unknownCount: number;
  readonly unknownIds: readonly string[];
  /** Answered without being expected to: outside the audience, excused, or gone. */
  readonly unexpectedCount: number;
  /** Someone is expected and nobody is missing. */
  readonly isComplete: boolean;
  /** Undefined when no reminder will be sent: paused, closed, or nobody is missing. */
  readonly nextReminderAt: number | undefined;
}

/** What an event card and `/event show` say, without Discord's types and without texts. */
export function createEventCard(input: {
  readonly event: CardEvent;
  readonly answers: Iterable<Answer>;
  /** From `listExpected`. */
  readonly expectedIds: readonly string[];
}): EventCard {
  const { event, answers, expectedIds } = input;
  const { byEmoji, unknownIds, answeredIds } = summarizeAnswers({ emoji: event.emoji, answers });
  const missingIds = expectedIds.filter((id) => !answeredIds.has(id));
  const answeredCount = expectedIds.length - missingIds.length;
  return {
    answeredCount,
    expectedCount: expectedIds.length,
    missingCount: missingIds.length,
    missingIds,
    perEmoji: [...byEmoji].map(([emoji, userIds]) => ({ emoji, count: userIds.length, userIds })),
    unknownCount: unknownIds.length,
    unknownIds,
    unexpectedCount: answeredIds.size - answeredCount,
    isComplete: expectedIds.length > 0 && missingIds.length === 0,
    nextReminderAt: event.state === "open" && missingIds.length > 0 ? event.nextReminderAt : undefined,
  };
}
