import { ComponentType, MessageType, type APIEmbed, type APIMessage } from "discord-api-types/v10";
import type { EventRecord } from "../../../src/store/events.ts";
import type { TestBot } from "../../helpers/bot.ts";

export type Options = Readonly<Record<string, string>>;

/** Of `src/bot/events/event-cards.ts`. */
const EDIT_INTERVAL_MS = 3_000;

/** What a member reads after a command: its text, and its embeds as JSON. */
export interface Answer {
  readonly text: string;
  readonly message: APIMessage;
}

export function readMessage(message: APIMessage): string {
  return [message.content, ...message.embeds.map((embed) => JSON.stringify(embed))].join("\n");
}

export async function use(
  bot: TestBot,
  userId: string,
  command: string,
  options: Options = {},
  channelId = bot.channelId,
): Promise<Answer> {
  const outcome = await bot.as(userId).command(command, options, { channelId });
  const message = await outcome.settled();
  if (!message || outcome.status === "failed") throw new Error(`/${command} was not answered`);
  expect(outcome.isEphemeral).toBe(true);
  return { text: readMessage(message), message };
}

/** The custom id of the button with this label. */
export function buttonIdOf(message: APIMessage, label: string): string {
  const button = message.components
    ?.flatMap((row) => (row.type === ComponentType.ActionRow ? row.components : []))
    .find((component) => component.type === ComponentType.Button && "label" in component && component.label === label);
  if (!button || !("custom_id" in button)) throw new Error(`there is no button "${label}"`);
  return button.custom_id;
}

/** Presses the button with this label; what stands in the message's place then, or what is said instead. */
export async function press(bot: TestBot, userId: string, message: APIMessage, label: string): Promise<Answer> {
  const outcome = await bot.as(userId).click(message, buttonIdOf(message, label));
  const settled = await outcome.settled();
  const answer = outcome.followUps.at(-1) ?? settled;
  return { text: readMessage(answer!), message: answer! };
}

/** A message of the bot's with a button that carries whatever is given, as no question of its own would. */
export async function postButton(bot: TestBot, customId: string, label: string): Promise<APIMessage> {
  const response = await fetch(`${bot.sandbox.apiUrl}/v10/channels/${bot.channelId}/messages`, {
    method: "POST",
    headers: { authorization: `Bot ${bot.sandbox.botToken}`, "content-type": "application/json" },
    body: JSON.stringify({
      content: "Sure?",
      components: [{ type: 1, components: [{ type: 2, style: 4, label, custom_id: customId }] }],
    }),
  });
  return (await response.json()) as APIMessage;
}

/** Creates an event as the moderator and returns its record. */
export async function createEvent(
  bot: TestBot,
  options: Options = {},
  userId = bot.ids.moderatorId,
): Promise<EventRecord> {
  const { text } = await use(bot, userId, "event create", { title: "Friday raid", ...options });
  return requireEvent(bot, idIn(text));
}

export function idIn(text: string): string {
  const id = /`([0-9A-Z]{26})`/.exec(text)?.[1];
  if (id === undefined) throw new Error(`no event id in: ${text}`);
  return id;
}

/** Leaves the server without events, for the next test with the same bot. */
export async function deleteEvents(bot: TestBot): Promise<void> {
  const { guildId, store } = bot;
  const { events } = await store.events.list({ guildId, state: "all", limit: 100 });
  await Promise.all(events.map(({ id }) => store.events.delete({ guildId, id, actorId: bot.ids.ownerId })));
  // What the bot knows of them is read anew.
  bot.app.bot.reload();
  await bot.app.bot.settle();
}

export async function findEvent(bot: TestBot, id: string): Promise<EventRecord | null> {
  return bot.store.events.find({ guildId: bot.guildId, id });
}

export async function requireEvent(bot: TestBot, id: string): Promise<EventRecord> {
  const event = await findEvent(bot, id);
  if (!event) throw new Error(`event ${id} is not stored`);
  return event;
}

/** The embed that an event's card shows, or undefined when the message is not there. */
export function cardOf(bot: TestBot, event: EventRecord): APIEmbed | undefined {
  const messages = bot.sandbox.world.messages(event.channelId);
  return messages.find(({ id }) => id === event.cardMessageId)?.embeds[0];
}

/** Waits for what comes of a card's refresh. The time that must lie between two edits of a card is leapt over. */
export async function waitForRefresh(bot: TestBot, isDone: () => boolean): Promise<void> {
  await bot.sandbox.waitFor(() => {
    bot.leap(EDIT_INTERVAL_MS);
    return isDone();
  });
}

/** Waits, as `waitForRefresh`, until the event's card shows it. */
export async function waitForCard(
  bot: TestBot,
  event: EventRecord,
  isShown: (card: APIEmbed) => boolean,
): Promise<void> {
  await waitForRefresh(bot, () => {
    const card = cardOf(bot, event);
    return card !== undefined && isShown(card);
  });
}

export function fieldOf(embed: APIEmbed | undefined, name: string): string | undefined {
  return embed?.fields?.find((field) => field.name === name)?.value;
}

/** The bot's own messages in a channel that everyone sees. */
export function ownMessages(bot: TestBot, channelId = bot.channelId): APIMessage[] {
  return bot.sandbox.world
    .messages(channelId)
    .filter((message) => message.author.id === bot.sandbox.botUserId && message.type !== MessageType.ChatInputCommand);
}

export async function auditActions(
  bot: TestBot,
  eventId: string,
): Promise<{ action: string; actorId: string; details: string }[]> {
  const { entries } = await bot.store.audit.list({ guildId: bot.guildId, limit: 100 });
  return entries
    .filter(({ target }) => target === eventId)
    .map(({ action, actorId, details }) => ({ action, actorId, details }))
    .reverse();
}
