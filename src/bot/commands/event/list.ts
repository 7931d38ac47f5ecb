import { ActionRowBuilder, ButtonBuilder, ButtonStyle, type APIEmbed, type GuildMember } from "discord.js";
import { EVENT_STATES, type EventRecord, type EventState } from "../../../store/events.ts";
import {
  createButtonId,
  type ButtonAction,
  type CommandAction,
  type CommandContext,
  type Reply,
} from "../../command.ts";
import { EMBED_LIMITS, joinWithin } from "../../events/embed-limits.ts";
import { formatMoment } from "../../format-time.ts";
import type { Texts } from "../../texts/texts.ts";
import { canSee } from "./event-access.ts";
import { describeEvent } from "./event-lines.ts";

const PAGE_SIZE = 10;
/** Events that the member cannot see are passed over; after this many reads the page is what was found. */
const MAX_READS = 10;
const READ_SIZE = 50;

type StateFilter = EventState | "all";
type Direction = "older" | "newer";

interface PageRequest {
  readonly state: StateFilter;
  readonly direction: Direction;
  readonly cursor: { readonly createdAt: number; readonly id: string } | undefined;
}

interface Page {
  /** Newest first. */
  readonly events: readonly EventRecord[];
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
}

type ListContext = Pick<CommandContext, "services" | "guildId" | "member">;

export const listAction: CommandAction = {
  database: "read",
  execute(context) {
    const state = readState(context.interaction.options.getString("state") ?? "open");
    return showPage(context, { state, direction: "older", cursor: undefined });
  },
};

export const listButton: ButtonAction = {
  database: "read",
  execute(context) {
    const [state = "", direction, createdAt, id] = context.values;
    const cursor = id === undefined ? undefined : { createdAt: Number(createdAt), id };
    return showPage(context, {
      state: readState(state),
      direction: direction === "newer" ? "newer" : "older",
      cursor,
    });
  },
};

function readState(text: string): StateFilter {
  return [...EVENT_STATES, "all" as const].find((state) => state === text) ?? "open";
}

async function showPage(context: ListContext, request: PageRequest): Promise<Reply> {
  const { texts } = context.services;
  const page = await readPage(context, request);
  if (page.events.length === 0 && request.cursor) {
    // Deleted meanwhile: from the beginning again.
    return showPage(context, { ...request, direction: "older", cursor: undefined });
  }
  const { list, andMore } = texts.events;
  const description = joinWithin(page.events, {
    separator: "\n",
    maxLength: EMBED_LIMITS.description,
    format: (event) => renderLine(event, texts),
    more: andMore,
  });
  const embed: APIEmbed = {
    title: list.title(request.state),
    description: page.events.length === 0 ? list.empty(request.state) : description,
  };
  return { embeds: [embed], components: renderButtons(page, request.state, texts) };
}

async function readPage({ services, guildId, member }: ListContext, request: PageRequest): Promise<Page> {
  const { state, direction, cursor } = request;
  const isOlder = direction === "older";
  const visible: EventRecord[] = [];
  let next = cursor;
  let hasMore = true;
  for (let reads = 0; hasMore && visible.length <= PAGE_SIZE && reads < MAX_READS; reads++) {
    const read = await services.store.events.list({ guildId, state, cursor: next, direction, limit: READ_SIZE });
    // In the order of reading: away from the cursor.
    const events = isOlder ? read.events : read.events.toReversed();
    visible.push(...selectVisible(member, events));
    next = events.at(-1) ?? next;
    hasMore = read.hasMore;
  }
  const events = visible.slice(0, PAGE_SIZE);
  const isMoreAhead = visible.length > PAGE_SIZE || hasMore;
  return {
    events: isOlder ? events : events.toReversed(),
    hasOlder: isOlder ? isMoreAhead : true,
    hasNewer: isOlder ? cursor !== undefined : isMoreAhead,
  };
}

function selectVisible(member: GuildMember, events: readonly EventRecord[]): EventRecord[] {
  return events.filter((event) => canSee(member, event));
}

function renderLine(event: EventRecord, texts: Texts): string {
  const { list, stateNames } = texts.events;
  const { closedAt, nextReminderAt } = event;
  const moment =
    closedAt !== undefined
      ? list.closed(formatMoment(closedAt, "relative"))
      : nextReminderAt && list.nextReminder(formatMoment(nextReminderAt, "relative"));
  return list.line({ ...describeEvent(event), state: stateNames[event.state], moment: moment || undefined });
}

function renderButtons({ events, hasOlder, hasNewer }: Page, state: StateFilter, texts: Texts) {
  const { list } = texts.events;
  const [newest, oldest] = [events[0], events.at(-1)];
  if (!newest || !oldest || (!hasOlder && !hasNewer)) return [];
  const createButton = (direction: Direction, label: string, edge: EventRecord, isEnabled: boolean): ButtonBuilder =>
    new ButtonBuilder()
      .setCustomId(createButtonId("event", "list", state, direction, String(edge.createdAt), edge.id))
      .setLabel(label)
      .setStyle(ButtonStyle.Secondary)
      .setDisabled(!isEnabled);
  const row = new ActionRowBuilder<ButtonBuilder>().addComponents(
    createButton("newer", list.newer, newest, hasNewer),
    createButton("older", list.older, oldest, hasOlder),
  );
  return [row.toJSON()];
}
