import { emojiIdentity } from "./emoji.ts";

export interface AudienceMember {
  readonly id: string;
  readonly isBot: boolean;
  readonly roleIds: readonly string[];
  readonly canSeeChannel: boolean;
}

export interface ExpectedInput {
  readonly members: Iterable<AudienceMember>;
  /** Undefined = everyone. */
  readonly audienceRoleId: string | undefined;
  readonly excused: { readonly memberIds: ReadonlySet<string>; readonly roleIds: ReadonlySet<string> };
}

/** One reaction of one member. The emoji `""` means "answered, choice unknown", as legacy data has it. */
export interface Answer {
  readonly userId: string;
  readonly emoji: string;
}

export interface AnswerSummary {
  /** Every emoji of the event in its order, or each that was used when any counts; user ids in order of answering. */
  readonly byEmoji: ReadonlyMap<string, readonly string[]>;
  /** Who answered, and of whom no choice is known. */
  readonly unknownIds: readonly string[];
  readonly answeredIds: ReadonlySet<string>;
}

/**
 * Ids, in member order, of those who are expected to answer: the audience role's members (all members without one), but
 * never a bot, nobody who cannot see the channel, and nobody excused, be it the member or one of the roles.
 */
export function listExpected({ members, audienceRoleId, excused }: ExpectedInput): string[] {
  const expectedIds = new Set<string>();
  for (const member of members) {
    if (member.isBot || !member.canSeeChannel) continue;
    if (audienceRoleId !== undefined && !member.roleIds.includes(audienceRoleId)) continue;
    if (excused.memberIds.has(member.id) || member.roleIds.some((id) => excused.roleIds.has(id))) continue;
    expectedIds.add(member.id);
  }
  return [...expectedIds];
}

/** Those of `listExpected` who have not answered. */
export function listMissing(input: ExpectedInput & { readonly answeredIds: ReadonlySet<string> }): string[] {
  return listExpected(input).filter((id) => !input.answeredIds.has(id));
}

/** Whether a reaction answers the event: any does when the event lists none, and so does one whose choice is unknown. */
export function isAnswer(emoji: string, eventEmoji: readonly string[]): boolean {
  if (emoji === "" || eventEmoji.length === 0) return true;
  const identity = emojiIdentity(emoji);
  return eventEmoji.some((candidate) => emojiIdentity(candidate) === identity);
}

/** Sorts answers by emoji. Reactions that do not answer the event are left out, and so are repeated ones. */
export function summarizeAnswers(input: {
  /** The keys of the event's set; empty = any reaction counts. */
  readonly emoji: readonly string[];
  readonly answers: Iterable<Answer>;
}): AnswerSummary {
  const columns = new Map<string, { readonly emoji: string; readonly userIds: Set<string> }>();
  for (const emoji of input.emoji) columns.set(emojiIdentity(emoji), { emoji, userIds: new Set() });
  const doesAnyCount = input.emoji.length === 0;
  const withChoiceIds = new Set<string>();
  const withoutChoiceIds = new Set<string>();
  const answeredIds = new Set<string>();

  for (const { userId, emoji } of input.answers) {
    if (emoji === "") {
      withoutChoiceIds.add(userId);
      answeredIds.add(userId);
      continue;
    }
    const identity = emojiIdentity(emoji);
    if (doesAnyCount && !columns.has(identity)) columns.set(identity, { emoji, userIds: new Set() });
    const column = columns.get(identity);
    if (!column) continue;
    column.userIds.add(userId);
    withChoiceIds.add(userId);
    answeredIds.add(userId);
  }

  return {
    byEmoji: new Map([...columns.values()].map(({ emoji, userIds }) => [emoji, [...userIds]])),
    unknownIds: [...withoutChoiceIds].filter((id) => !withChoiceIds.has(id)),
    answeredIds,
  };
}
