import { isMusterError, type MusterError } from "../../../core/errors.ts";
import { isSameEmoji } from "../../../roll-call/emoji.ts";
import type { EventRecord, EventState } from "../../../store/events.ts";
import { Refusal, type CommandAction, type CommandContext } from "../../command.ts";
import { goneThing } from "../../discord-errors.ts";
import { readEventChanges, type EventChanges } from "../../events/event-input.ts";
import { formatMoment } from "../../format-time.ts";
import type { Texts } from "../../texts/texts.ts";
import { createInputContext, readOptions, requireUsableEmoji } from "./create.ts";
import { requireManagedEvent } from "./event-access.ts";
import { describeEvent } from "./event-lines.ts";

export const editAction: CommandAction = {
  database: "write",
  async execute(context) {
    const { services, member, interaction } = context;
    const { refusals, replies } = services.texts.events;
    const event = await requireChosenEvent(context);
    if (event.state === "closed") throw new Refusal(refusals.closed.edit);
    const given = readEventChanges(readOptions(interaction), await createInputContext(context));
    const changes = keepDifferent(event, given);
    if (Object.keys(changes).length === 0) throw new Refusal(refusals.nothingToChange);
    await requireUsableEmoji(context, listAdded(event, changes));
    const edited = await services.events.edit(event, changes, member.id);
    const { title, link } = describeEvent(edited);
    return { content: replies.edited(title, link) };
  },
};

export const pauseAction = createTransition("paused");
export const resumeAction = createTransition("open");
export const closeAction = createTransition("closed");

export const remindAction: CommandAction = {
  database: "write",
  async execute(context) {
    const { services, member } = context;
    const { refusals, replies } = services.texts.events;
    const event = await requireChosenEvent(context);
    if (event.state === "closed") throw new Refusal(refusals.closed.remind);
    try {
      return { content: replies.reminded(await services.reminders.remindNow(event, member.id)) };
    } catch (error) {
      if (isMusterError(error, "CONFLICT")) throw new Refusal(explainConflict(error, refusals));
      const gone = goneThing(error);
      if (!gone) throw error;
      await services.events.closeGone(event, gone);
      throw new Refusal(refusals.gone);
    }
  },
};

function explainConflict({ details }: MusterError, refusals: Texts["events"]["refusals"]): string {
  if (details?.state === "closed") return refusals.closed.remind;
  const lastReminderAt = details?.lastReminderAt;
  if (typeof lastReminderAt === "number") return refusals.justReminded(formatMoment(lastReminderAt, "relative"));
  return refusals.reminderUnderWay;
}

function createTransition(to: EventState): CommandAction {
  return {
    database: "write",
    async execute(context) {
      const { services, member } = context;
      const { refusals, replies } = services.texts.events;
      const event = await requireChosenEvent(context);
      if (event.state === "closed") throw new Refusal(refusals.closed[to]);
      if (event.state === to) throw new Refusal(refusals.already[event.state]);
      await services.events.transition(event, to, member.id);
      return { content: replies.transitioned(describeEvent(event).title, to) };
    },
  };
}

function requireChosenEvent(context: CommandContext): Promise<EventRecord> {
  return requireManagedEvent(context, context.interaction.options.getString("event", true));
}

/** Without what is so already: the audit log is to tell of changes. */
function keepDifferent(event: EventRecord, changes: EventChanges): EventChanges {
  const current: EventChanges = { audienceRoleId: null, closesAt: null, ...event, reactions: [...event.reactions] };
  return Object.fromEntries(
    Object.entries(changes).filter(([field, value]) => {
      return JSON.stringify(value) !== JSON.stringify(current[field as keyof EventChanges]);
    }),
  );
}

function listAdded(event: EventRecord, { reactions = [] }: EventChanges): string[] {
  return reactions.filter((key) => !event.reactions.some((other) => isSameEmoji(key, other)));
}
