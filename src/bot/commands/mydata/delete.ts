import type { MemberEvent } from "../../../store/member-data.ts";
import { Refusal, type ButtonContext, type CommandContext, type Reply } from "../../command.ts";
import { joinWithin } from "../../events/embed-limits.ts";
import type { Texts } from "../../texts/texts.ts";
import { describeEvent } from "../event/event-lines.ts";
import {
  createDeletionButtons,
  createDeletionEmbed,
  decodeDeletionQuestion,
  readRetention,
  type DeletionQuestion,
} from "./deletion-question.ts";
import { readMemberEvents } from "./member-events.ts";
import { withdrawReactions, type ReactionWithdrawal } from "./withdraw-reactions.ts";

const CONFIRMATION_MS = 5 * 60_000;
/** Discord lets old messages be edited slowly. */
const MAX_CLOSED_CARDS = 50;
/** Of a message's 2,000, the rest is for the other lines. */
const MAX_LIST_LENGTH = 1_000;

/** Says what would be deleted and what not, and asks. Nothing is changed yet. */
export function askForDeletion({ services, member }: CommandContext): Promise<Reply> {
  const { clock, backups, settings, texts } = services;
  const question = { userId: member.id, expiresAt: clock.now() + CONFIRMATION_MS };
  return Promise.resolve({
    embeds: [createDeletionEmbed(question, backups && readRetention(settings), texts)],
    components: [createDeletionButtons(question, texts)],
  });
}

/**
 * The press that does it. First the database and then Discord: the other way round, a deletion that fails would have taken
 * answers away.
 */
export async function confirmDeletion(context: ButtonContext): Promise<Reply> {
  const { services, guildId, member, logger } = context;
  const { store, flags, clock, client, texts } = services;
  const { userId, expiresAt } = requireOwnQuestion(context);
  const words = texts.myData;
  if (clock.now() >= expiresAt) return replaceQuestion(words.expired);
  const events = await findAnswered(context);
  const deletion = await flags.change(guildId, () => store.memberData.delete({ guildId, userId }));
  const withdrawal = events && (await withdrawReactions(client, { guild: member.guild, userId, logger }, events));
  if (deletion && events) await refreshClosedCards(context, events);
  return replaceQuestion(
    [
      deletion ? words.deleted(deletion) : words.deletionWaits,
      ...describeWithdrawal(withdrawal, { guildId, texts }),
    ].join("\n"),
  );
}

export function cancelDeletion(context: ButtonContext): Promise<Reply> {
  requireOwnQuestion(context);
  return Promise.resolve(replaceQuestion(context.services.texts.myData.cancelled));
}

/** Throws a Refusal for anybody else than who asked. */
function requireOwnQuestion({ values, member, services: { texts } }: ButtonContext): DeletionQuestion {
  const question = decodeDeletionQuestion(values);
  if (!question) throw new Refusal(texts.general.unknownButton);
  if (question.userId !== member.id) throw new Refusal(texts.myData.notYours);
  return question;
}

function replaceQuestion(content: string): Reply {
  return { content, embeds: [], components: [] };
}

/** The events that they have reacted to; undefined while the database cannot say: the deletion can wait for it all the same. */
async function findAnswered({ services, guildId, member, logger }: ButtonContext): Promise<MemberEvent[] | undefined> {
  const events: MemberEvent[] = [];
  try {
    for await (const event of readMemberEvents(services.store, { guildId, userId: member.id })) {
      if (event.answers.length > 0) events.push(event);
    }
    return events;
  } catch (error) {
    logger.warn("answers could not be looked up before their deletion", { error });
    return undefined;
  }
}

/** Cards name who answered, and nothing else ever brings those of closed events up to date: the newest of them. */
async function refreshClosedCards(
  { services, guildId, logger }: ButtonContext,
  events: readonly MemberEvent[],
): Promise<void> {
  const { store, cards } = services;
  const closed = events.filter(({ state }) => state === "closed").slice(0, MAX_CLOSED_CARDS);
  try {
    for (const { id } of closed) {
      const event = await store.events.find({ guildId, id });
      if (event) cards.refresh(event);
    }
  } catch (error) {
    logger.warn("cards not refreshed after a deletion", { error });
  }
}

function describeWithdrawal(
  withdrawal: ReactionWithdrawal | undefined,
  { guildId, texts: { myData: words } }: { readonly guildId: string; readonly texts: Texts },
): string[] {
  if (!withdrawal) return [words.reactionsUnknown];
  const { count, remaining } = withdrawal;
  const list = joinWithin(remaining, {
    separator: "\n",
    maxLength: MAX_LIST_LENGTH,
    format: (event) => words.remainingLine(describeEvent({ ...event, guildId })),
    more: words.more,
  });
  return [
    ...(count > 0 ? [words.withdrawn(count)] : []),
    ...(remaining.length > 0 ? [words.reactionsRemain, list] : []),
  ];
}
