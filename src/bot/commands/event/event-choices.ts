import type { ApplicationCommandOptionChoiceData } from "discord.js";
import type { EventRecord, EventState } from "../../../store/events.ts";
import type { AutocompleteContext } from "../../command.ts";
import { truncate } from "../../input/escape.ts";
import { canManage, canSee } from "./event-access.ts";

/** Discord's limits. */
const MAX_CHOICES = 25;
const MAX_NAME_LENGTH = 100;

/** Of `/event show` and delete: also those that are over. */
const ALL: readonly EventState[] = ["open", "paused", "closed"];
const STATES_BY_SUBCOMMAND: Readonly<Record<string, readonly EventState[]>> = {
  edit: ["open", "paused"],
  pause: ["open"],
  resume: ["paused"],
  remind: ["open", "paused"],
  close: ["open", "paused"],
};

/** The events that the subcommand can do something with for this member, newest first. */
export async function listEventChoices(
  context: AutocompleteContext,
): Promise<ApplicationCommandOptionChoiceData<string>[]> {
  const { interaction, member, focused, services } = context;
  const subcommand = interaction.options.getSubcommand();
  const isAllowed = subcommand === "show" ? canSee : canManage;
  const states = STATES_BY_SUBCOMMAND[subcommand] ?? ALL;
  const text = focused.value.trim().slice(0, MAX_NAME_LENGTH);
  const events = listCurrent(context, text, states).filter((event) => isAllowed(member, event));
  if (states.includes("closed") && events.length < MAX_CHOICES) {
    events.push(...(await listClosed(context, text)).filter((event) => isAllowed(member, event)));
  }
  return events.slice(0, MAX_CHOICES).map(({ id, title, state }) => {
    const suffix = services.texts.events.choice("", state);
    return { name: truncate(title, MAX_NAME_LENGTH - suffix.length) + suffix, value: id };
  });
}

/** From memory: quick, and complete however many there are. */
function listCurrent(
  { services, guildId }: AutocompleteContext,
  text: string,
  states: readonly EventState[],
): EventRecord[] {
  const wanted = text.toLowerCase();
  return services.tracked
    .listByGuild(guildId)
    .filter(({ state }) => states.includes(state))
    .filter(({ id, title }) => title.toLowerCase().includes(wanted) || id.toLowerCase().startsWith(wanted))
    .sort((a, b) => b.createdAt - a.createdAt);
}

async function listClosed({ services, guildId }: AutocompleteContext, text: string): Promise<EventRecord[]> {
  const { events } = services.store;
  const hits = await events.search({ guildId, text, states: ["closed"], limit: MAX_CHOICES });
  const found = await Promise.all(hits.map(({ id }) => events.find({ guildId, id })));
  return found.filter((event) => event !== null);
}
