import { messageLink } from "discord.js";
import type { AuditEntry } from "../../../store/audit-chain.ts";
import type { MemberEvent, MemberRecord } from "../../../store/member-data.ts";
import type { Store } from "../../../store/store.ts";
import { readMemberEvents } from "./member-events.ts";

/**
 * The file of `/mydata export`: one JSON document, made for the person themselves and for programs. It is read page by
 * page and each row becomes bytes at once, so that however much there is nothing else waits for it.
 */

/** Of the file's form: what is added leaves it, what changes its meaning or goes raises it. */
const SCHEMA = 1;
const AUDIT_PAGE_SIZE = 100;
/** Actions whose target may be a member. */
const ACTIONS_ON_MEMBERS = ["flag.set", "flag.clear"] as const;

export interface ExportOwner {
  readonly guildId: string;
  readonly guildName: string;
  readonly userId: string;
}

export interface DataExport {
  readonly data: Buffer;
  readonly counts: Readonly<Record<Section | "flags", number>>;
  /** Nothing at all is kept. */
  readonly isEmpty: boolean;
  /** False when the newest did not leave room for the rest. */
  readonly isComplete: boolean;
}

const SECTIONS = ["answers", "reminders", "createdEvents", "auditEntries"] as const;
type Section = (typeof SECTIONS)[number];

export async function createDataExport(
  store: Store,
  owner: ExportOwner,
  { at, maxBytes }: { readonly at: number; readonly maxBytes: number },
): Promise<DataExport> {
  const { guildId, guildName, userId } = owner;
  const { settings, flags } = await store.memberData.find({ guildId, userId });
  const rows = new Rows(maxBytes);
  for await (const event of readMemberEvents(store, { guildId, userId })) {
    if (!addEvent(rows, guildId, event)) break;
  }
  for await (const entry of readAuditEntries(store, guildId, userId)) {
    if (!rows.add("auditEntries", describeEntry(entry))) break;
  }
  const { isComplete } = rows;
  const head = {
    ...{ schema: SCHEMA, exportedAt: toTime(at), isComplete },
    ...{ server: { id: guildId, name: guildName }, member: { id: userId } },
    settings: settings && describeSettings(settings),
    flags: flags.map(({ name, value, createdAt, updatedAt }) => ({
      ...{ name, value, setAt: toTime(createdAt), changedAt: toTime(updatedAt) },
    })),
  };
  const counts = { ...rows.counts, flags: flags.length };
  const isEmpty = settings === null && Object.values(counts).every((count) => count === 0);
  return { data: rows.toDocument(head), counts, isEmpty, isComplete };
}

/** The rows of each section as bytes, up to a size in all. */
class Rows {
  readonly #maxBytes: number;
  readonly #bySection: Readonly<Record<Section, Buffer[]>> = {
    ...{ answers: [], reminders: [], createdEvents: [], auditEntries: [] },
  };
  #byteCount = 0;
  #isFull = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get counts(): Record<Section, number> {
    const { answers, reminders, createdEvents, auditEntries } = this.#bySection;
    return {
      ...{ answers: answers.length, reminders: reminders.length },
      ...{ createdEvents: createdEvents.length, auditEntries: auditEntries.length },
    };
  }

  get isComplete(): boolean {
    return !this.#isFull;
  }

  /** False when there is no room for it, and from then on. */
  add(section: Section, row: object): boolean {
    const bytes = Buffer.from(`    ${JSON.stringify(row)}`);
    this.#byteCount += bytes.length + ROW_SEPARATOR.length;
    this.#isFull ||= this.#byteCount > this.#maxBytes;
    if (!this.#isFull) this.#bySection[section].push(bytes);
    return !this.#isFull;
  }

  toDocument(head: object): Buffer {
    // The end of the head's own text gives way to the sections.
    const start = JSON.stringify(head, undefined, 2).slice(0, -"\n}".length);
    const sections = SECTIONS.flatMap((section) => [
      Buffer.from(`,\n  "${section}": [`),
      ...this.#bySection[section].flatMap((row, index) => [index === 0 ? FIRST_ROW : ROW_SEPARATOR, row]),
      Buffer.from(this.#bySection[section].length === 0 ? "]" : "\n  ]"),
    ]);
    return Buffer.concat([Buffer.from(start), ...sections, Buffer.from("\n}\n")]);
  }
}

const FIRST_ROW = Buffer.from("\n");
const ROW_SEPARATOR = Buffer.from(",\n");

function addEvent(rows: Rows, guildId: string, event: MemberEvent): boolean {
  const { id, channelId, messageId, title, description, state } = event;
  const link = messageLink(channelId, messageId, guildId);
  const added = [
    ...event.answers.map(({ emoji, isAnswer, createdAt }) =>
      rows.add("answers", {
        event: { id, title, state, link },
        // Taken over from another bot, which did not keep it.
        emoji: emoji === "" ? null : emoji,
        ...{ counts: isAnswer, answeredAt: toTime(createdAt) },
      }),
    ),
    ...event.reminders.map(({ scheduledAt, sentAt, status }) =>
      rows.add("reminders", {
        event: { id, title },
        ...{ scheduledAt: toTime(scheduledAt), sentAt: sentAt === null ? null : toTime(sentAt), status },
      }),
    ),
    !event.isCreator ||
      rows.add("createdEvents", { id, title, description, state, link, createdAt: toTime(event.createdAt) }),
  ];
  return added.every(Boolean);
}

function describeSettings(settings: NonNullable<MemberRecord["settings"]>) {
  const { username, isBot, reminderMode, lastSeenAt, createdAt, updatedAt } = settings;
  return {
    ...{ username, isBot, reminderMode, firstSeenAt: toTime(createdAt) },
    ...{ lastSeenAt: toTime(lastSeenAt), changedAt: toTime(updatedAt) },
  };
}

function describeEntry({ sequence, id, at, actorId, action, target, details, outcome }: AuditEntry) {
  return { sequence, id, time: toTime(at), actor: actorId, action, target, details: readDetails(details), outcome };
}

/** As text when somebody has changed it past Muster. */
function readDetails(details: string): unknown {
  try {
    return JSON.parse(details);
  } catch {
    return details;
  }
}

/** What the member did, newest first, then what others did to them. */
async function* readAuditEntries(store: Store, guildId: string, userId: string): AsyncGenerator<AuditEntry> {
  yield* readAuditPages(store, { guildId, actorId: userId });
  // As `flags` in the store names its targets.
  const target = ` member ${userId}`;
  for (const action of ACTIONS_ON_MEMBERS) {
    for await (const entry of readAuditPages(store, { guildId, action, text: target })) {
      if (entry.actorId !== userId && entry.target.endsWith(target)) yield entry;
    }
  }
}

type AuditFilter = Pick<Parameters<Store["audit"]["list"]>[0], "guildId" | "action" | "actorId" | "text">;

async function* readAuditPages(store: Store, filter: AuditFilter): AsyncGenerator<AuditEntry> {
  let sequence: number | undefined;
  for (;;) {
    const { entries, hasOlder } = await store.audit.list({ ...filter, sequence, limit: AUDIT_PAGE_SIZE });
    yield* entries;
    sequence = entries.at(-1)?.sequence;
    if (!hasOlder) return;
  }
}

/** ISO 8601 in UTC. */
function toTime(at: number): string {
  return new Date(at).toISOString();
}
