import type { EventCard } from "../../roll-call/card.ts";
import type { EventState } from "../../store/events.ts";
import { formatDuration } from "../format-time.ts";

/** Of event cards, the /event and /mine commands, and why they refuse. Titles and moments come in ready to be shown. */

const STATE_NAMES: Readonly<Record<EventState, string>> = { open: "open", paused: "paused", closed: "closed" };

const andMore = (count: number): string => `… and ${formatCount(count)} more`;

function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

function listNames(names: readonly string[]): string {
  return names.map((name) => `**${name}**`).join(", ");
}

const card = {
  preparing: "⏳ This is being set up. It counts as soon as the reactions are here.",
  reactHere: "React to this message to answer.",
  reactThere: (link: string): string => `React to ${link} to answer.`,
  paused: "⏸️ Paused: nobody is reminded for the time being.",
  closed: "🔒 Closed: answers do not count any more.",
  footer: (eventId: string): string => `Event ${eventId}`,
  answers: (emoji: string, count: number): string => `${emoji} ${formatCount(count)}`,
  otherAnswers: (emojiCount: number): string => `${emojiCount} other emoji`,
  unknownAnswers: (count: number): string => `❔ Choice unknown ${formatCount(count)}`,
  nobody: "–",
  missingField: "Missing",
  missing({ expectedCount, missingCount }: EventCard, isAudienceComplete: boolean): string {
    const of = isAudienceComplete ? "" : " seen so far";
    if (expectedCount === 0) return isAudienceComplete ? "Nobody is asked." : "Nobody who is asked was seen so far.";
    if (missingCount === 0) return `Nobody: all ${formatCount(expectedCount)}${of} have answered.`;
    return `${formatCount(missingCount)} of ${formatCount(expectedCount)}${of}`;
  },
  nextReminderField: "Next reminder",
  noReminderPaused: "None while paused",
  noReminderOff: "None: reminders are off in this server",
  noReminderNeeded: "None: nobody is missing",
  noReminderBeforeClosing: "None before it closes",
  closesField: "Closes",
  closedField: "Closed",
  audienceField: "Asked",
  everyone: "Everyone here",
};

const refusals = {
  notAllowedToCreate:
    "In this server, only members with the permission **Manage Events** may do this. " +
    "Administrators change that with `/admin-set-flag set flag:event-creators value:everyone`.",
  notYourEvent:
    "Only the person who created this event, or someone with the permission **Manage Events**, may do this.",
  titleEmpty: "A title needs at least one letter, digit or symbol.",
  titleTooLong: (length: number, maxLength: number): string =>
    `The title is ${length} characters long. At most ${maxLength} are allowed.`,
  descriptionTooLong: (length: number, maxLength: number): string =>
    `The description is ${formatCount(length)} characters long. At most ${formatCount(maxLength)} are allowed.`,
  intervalNotUnderstood: (text: string): string =>
    `"${text}" is not understood as an interval. Write for instance \`24h\`, \`90m\`, \`2 days\` or \`weekly\`.`,
  intervalNoUnit: (text: string): string => `"${text}" needs a unit. Write for instance \`${text}h\` or \`${text}m\`.`,
  intervalTooShort: (minMs: number): string => `Reminders may come every ${formatDuration(minMs)} at most.`,
  intervalTooLong: (maxMs: number): string => `Reminders must come at least every ${formatDuration(maxMs)}.`,
  notAnEmoji: (text: string): string =>
    `"${text}" is not an emoji. Write emoji one after the other, for instance ✅ ❌ ❓, or \`any\` if every reaction counts.`,
  emojiTwice: (emoji: string): string => `${emoji} is there twice.`,
  tooManyEmoji: (max: number): string => `A message can have ${max} different reactions at most.`,
  noEmoji: "There is no emoji in `reactions`. Write for instance ✅ ❌ ❓, or `any` if every reaction counts.",
  emojiUnusable: (name: string): string =>
    `I cannot use the emoji **:${name}:**. It has to be from this server, or from another one that I am in.`,
  closingNotUnderstood: (text: string): string =>
    `"${text}" is not understood as a time. Write for instance \`tomorrow 8pm\`, \`friday 18:00\`, \`in 3 days\` or \`2026-12-24 18:00\`.`,
  closingPast: "That time to close is over already.",
  closingTooFar: "An event can close two years from now at the latest.",
  notAChannel: "Events can be posted in text and announcement channels only.",
  botLacks: (channelId: string, permissions: readonly string[]): string =>
    `I lack permissions in <#${channelId}>: ${listNames(permissions)}. Ask an administrator to grant them, then try again.`,
  memberLacks: (channelId: string, permissions: readonly string[]): string =>
    `You lack permissions in <#${channelId}>: ${listNames(permissions)}.`,
  postingRefused: (channelId: string): string =>
    `Discord does not let me post in <#${channelId}>. Check my permissions there, then try again.`,
  reactionUnknown: (emoji: string): string => `Discord does not let me use ${emoji} as a reaction.`,
  reactionForbidden: (channelId: string): string =>
    `Discord does not let me add reactions in <#${channelId}>. Check my permissions **Add Reactions** and **Read Message History** there.`,
  reactionBlocked: "The author of that message blocked me, so I cannot react to it.",
  reactionsFull: (max: number): string =>
    `That message would have more than ${max} different reactions, which Discord does not allow.`,
  reactionOnGone: "The message was deleted meanwhile.",
  nothingCreated: "Nothing was created.",
  nothingChanged: "Nothing was changed.",
  notAMessage:
    "That is not a message. Copy its link (right-click or long-press the message, then **Copy Message Link**) and paste it here.",
  messageElsewhere: "That message is in another server.",
  messageNotFound:
    "There is no such message in this channel, or you cannot see it. A link to the message finds it anywhere in this server.",
  messageIsMine: "That is one of my own messages. To start a roll call, use `/event create`.",
  alreadyWatched: (title: string, eventId: string): string =>
    `That message is watched already: **${title}** (\`${eventId}\`).`,
  onceWatched:
    "That message belongs to an event already, perhaps to a closed one. Delete that event first, then it can be watched again.",
  eventNotFound: "There is no such event here. Choose one from the list that appears while you type.",
  eventAmbiguous: (title: string): string =>
    `Several events may be meant by "${title}". Choose one from the list that appears while you type.`,
  justReminded: (moment: string): string => `The last reminder went out ${moment}. Please wait a few seconds.`,
  reminderUnderWay: "A reminder of this event is on its way already.",
  gone: "The message of this event was deleted, so the event is closed now.",
  nothingToChange: "Nothing would be different. Name at least one thing to change.",
  closed: {
    edit: "This event is closed, and a closed event cannot be changed.",
    paused: "This event is closed, so there is nothing to pause.",
    open: "This event is closed, and a closed event cannot be reopened. Create a new one instead.",
    closed: "This event is closed already.",
    remind: "This event is closed, so nobody is reminded any more.",
  },
  already: {
    open: "This event is open already.",
    paused: "This event is paused already.",
  },
};

const replies = {
  created: (title: string, link: string): string => `✅ **${title}** is posted: ${link}`,
  watching: (title: string, link: string): string => `✅ **${title}** is watched: ${link}`,
  eventId: (eventId: string): string => `Event id: \`${eventId}\``,
  nextReminder: (moment: string): string => `Next reminder: ${moment}`,
  noReminder: "No reminder comes before it closes.",
  audienceIncomplete:
    "⚠️ I may not read this server's member list, so only members whom I have seen so far are counted. " +
    "An administrator can enable the Server Members intent.",
  edited: (title: string, link: string): string => `✅ **${title}** is changed: ${link}`,
  transitioned: (title: string, to: EventState): string =>
    ({
      open: `▶️ **${title}** is open again.`,
      paused: `⏸️ **${title}** is paused. Answers still count, but nobody is reminded.`,
      closed: `🔒 **${title}** is closed. Answers do not count any more.`,
    })[to],
  reminded({ notifiedCount, silentCount }: { notifiedCount: number; silentCount: number }): string {
    const silent = silentCount === 0 ? "" : ` Left alone, as they asked: ${formatCount(silentCount)}.`;
    if (notifiedCount === 0)
      return `Nobody was reminded, because nobody ${silentCount === 0 ? "is missing" : "else is missing"}.${silent}`;
    return `🔔 Reminded: ${formatCount(notifiedCount)}.${silent}`;
  },
  confirmDelete: (title: string, isAdopted: boolean): string =>
    `Delete **${title}** with all its answers? This cannot be undone.\n` +
    (isAdopted ? "The message itself stays; my card goes." : "Its message goes, too."),
  deleteButton: "Delete",
  cancelButton: "Cancel",
  kept: (title: string): string => `**${title}** was kept.`,
  deleted: (title: string): string => `🗑️ **${title}** is deleted.`,
  messageStays: "Its message could not be deleted; a moderator can do that.",
};

const list = {
  title: (state: EventState | "all"): string => (state === "all" ? "All events" : `${capitalize(state)} events`),
  empty: (state: EventState | "all"): string =>
    state === "all" ? "There are no events yet. `/event create` starts one." : `There are no ${state} events.`,
  line: (event: { title: string; link: string; state: string; moment: string | undefined }): string =>
    `**${event.title}** · ${event.state}${event.moment === undefined ? "" : ` · ${event.moment}`}\n${event.link}`,
  nextReminder: (moment: string): string => `next reminder ${moment}`,
  closed: (moment: string): string => `closed ${moment}`,
  newer: "Newer",
  older: "Older",
};

const show = {
  missing: (count: number): string => `Missing (${formatCount(count)})`,
  history: "Last reminders",
  noHistory: "None were sent yet.",
  refresh: "Refresh",
  reminder: (reminder: {
    moment: string;
    status: "pending" | "sent" | "failed";
    notifiedCount: number;
    error: string;
  }): string =>
    ({
      sent: `✅ ${reminder.moment}: ${formatCount(reminder.notifiedCount)} reminded`,
      pending: `⏳ ${reminder.moment}: being sent, ${formatCount(reminder.notifiedCount)} reminded so far`,
      failed: `❌ ${reminder.moment}: failed, ${formatCount(reminder.notifiedCount)} reminded${reminder.error === "" ? "" : ` (${reminder.error})`}`,
    })[reminder.status],
};

const mine = {
  title: "Waiting for your answer",
  empty: "🎉 Nothing waits for you.",
  line: (event: { title: string; link: string; closing: string | undefined }): string =>
    `**${event.title}**${event.closing === undefined ? "" : ` · closes ${event.closing}`}\n${event.link}`,
};

/** Names and descriptions as Discord shows them while a command is typed; at most 100 characters each. */
const command = {
  event: "Roll calls: ask members for an answer, and remind those who have not given one",
  create: "Post a roll call that members answer by reacting",
  watch: "Make an existing message a roll call",
  list: "The events of this server",
  show: "An event: who answered, who is missing, and its reminders",
  edit: "Change an event",
  pause: "Stop reminding for a while; answers still count",
  resume: "Go on with a paused event",
  remind: "Remind everyone who has not answered, now",
  close: "End an event: no more answers, no more reminders",
  delete: "Delete an event with its answers",
  mine: "Events that wait for your answer",
  options: {
    title: "What it is about",
    every: "How often to remind, for instance 24h, 90m, 2 days (default 24h)",
    reactions: "Emoji that count as answers, or: any (default ✅ ❌ ❓)",
    watchedReactions: "Emoji that count as answers, or: any (default: those on the message)",
    audience: "The role that is asked (default: everyone who sees the channel)",
    channel: "Where to post it (default: here)",
    description: "More about it",
    closes: "When it ends, for instance: tomorrow 8pm, friday 18:00, in 3 days",
    message: "A link to the message, or its id if it is in this channel",
    event: "An event's title or id",
    state: "Which ones (default: open)",
    newTitle: "A new title",
    newEvery: "How often to remind, for instance 24h, 90m, 2 days",
    newReactions: "Emoji that count as answers, or: any",
    newAudience: "The role that is asked; @everyone = all who see the channel",
    newDescription: "A new description, or: none",
    newCloses: "When it ends, for instance: friday 18:00, or: never",
  },
  states: { open: "open", paused: "paused", closed: "closed", all: "all" },
};

function capitalize(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

export const eventTexts = {
  andMore,
  stateNames: STATE_NAMES,
  choice: (title: string, state: EventState): string => `${title} · ${STATE_NAMES[state]}`,
  card,
  refusals,
  replies,
  list,
  show,
  mine,
  command,
};
