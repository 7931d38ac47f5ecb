import {
  InteractionContextType,
  PermissionFlagsBits,
  SlashCommandBuilder,
  type ApplicationCommandOptionChoiceData,
} from "discord.js";
import { EXPORT_FORMATS } from "../../store/audit-export.ts";
import type { AuditPage } from "../../store/audit.ts";
import { SYSTEM_ACTOR } from "../../store/inputs.ts";
import type { Store } from "../../store/store.ts";
import {
  Refusal,
  type AutocompleteContext,
  type ButtonContext,
  type Command,
  type CommandContext,
  type Reply,
} from "../command.ts";
import { escapeInline, truncate } from "../input/escape.ts";
import { parsePastMoment } from "../input/time-input.ts";
import { adminTexts } from "../texts/admin-texts.ts";
import { exportAudit } from "./admin-audit-export.ts";
import {
  decodePosition,
  isFilterableAction,
  MAX_TEXT_LENGTH,
  normalizeFilter,
  type AuditFilter,
} from "./admin-audit-filter.ts";
import { createAuditPage, NEWER_BUTTON, OLDER_BUTTON, PAGE_SIZE } from "./admin-audit-page.ts";
import { verifyAudit } from "./admin-audit-verify.ts";

const REQUIRED = PermissionFlagsBits.ManageGuild;
const MAX_SHOWN_LENGTH = 100;
const MAX_MOMENT_LENGTH = 100;
const MAX_CHOICES = 25;

const { define } = adminTexts.audit;

export const adminAuditCommand: Command = {
  definition: new SlashCommandBuilder()
    .setName("admin-audit")
    .setDescription(define.command)
    .setContexts(InteractionContextType.Guild)
    .setDefaultMemberPermissions(REQUIRED)
    .addSubcommand((subcommand) =>
      subcommand
        .setName("list")
        .setDescription(define.list)
        .addStringOption((option) => option.setName("action").setDescription(define.action).setAutocomplete(true))
        .addUserOption((option) => option.setName("actor").setDescription(define.actor))
        .addStringOption((option) =>
          option.setName("since").setDescription(define.since).setMaxLength(MAX_MOMENT_LENGTH),
        )
        .addStringOption((option) =>
          option.setName("until").setDescription(define.until).setMaxLength(MAX_MOMENT_LENGTH),
        )
        .addStringOption((option) => option.setName("text").setDescription(define.text).setMaxLength(MAX_TEXT_LENGTH)),
    )
    .addSubcommand((subcommand) =>
      subcommand
        .setName("export")
        .setDescription(define.export)
        .addStringOption((option) =>
          option
            .setName("format")
            .setDescription(define.format)
            .setRequired(true)
            .addChoices(EXPORT_FORMATS.map((format) => ({ name: format, value: format }))),
        ),
    )
    .addSubcommand((subcommand) => subcommand.setName("verify").setDescription(define.verify))
    .toJSON(),
  actions: {
    list: { database: "read", permissions: REQUIRED, execute: listEntries },
    export: { database: "read", permissions: REQUIRED, execute: exportAudit },
    verify: { database: "read", permissions: REQUIRED, execute: verifyAudit },
  },
  buttons: {
    [NEWER_BUTTON]: { database: "read", permissions: REQUIRED, execute: (context) => turnPage(context, "newer") },
    [OLDER_BUTTON]: { database: "read", permissions: REQUIRED, execute: (context) => turnPage(context, "older") },
  },
  autocomplete: completeAction,
};

async function listEntries(context: CommandContext): Promise<Reply> {
  const { services, guildId } = context;
  const filter = normalizeFilter(await readFilter(context));
  const page = await services.store.audit.list({ guildId, ...filter, limit: PAGE_SIZE });
  return createAuditPage(page, filter, services.texts);
}

async function turnPage({ services, guildId, values }: ButtonContext, direction: "newer" | "older"): Promise<Reply> {
  const { store, texts } = services;
  const position = decodePosition(values);
  if (!position) throw new Refusal(texts.general.unknownButton);
  const page = await findPage(store, { guildId, ...position, direction });
  return createAuditPage(page, position.filter, texts);
}

interface PageQuery {
  readonly guildId: string;
  readonly filter: AuditFilter;
  readonly sequence: number;
  readonly direction: "newer" | "older";
}

/** At the newest end the page is filled up, also with what has been recorded since. */
async function findPage(store: Store, { guildId, filter, sequence, direction }: PageQuery): Promise<AuditPage> {
  const page = await store.audit.list({ guildId, ...filter, sequence, direction, limit: PAGE_SIZE });
  if (direction === "older" || page.hasNewer) return page;
  return store.audit.list({ guildId, ...filter, limit: PAGE_SIZE });
}

async function readFilter({ interaction, services, guildId }: CommandContext): Promise<AuditFilter> {
  const { client, flags, texts } = services;
  const { options } = interaction;
  const action = options.getString("action")?.trim();
  if (action !== undefined && !isFilterableAction(action)) {
    throw new Refusal(texts.admin.audit.unknownAction(escapeInline(truncate(action, MAX_SHOWN_LENGTH))));
  }
  const actor = options.getUser("actor");
  const [since, until] = [options.getString("since"), options.getString("until")];
  const text = options.getString("text")?.trim().toWellFormed() ?? "";
  const timeZone = since === null && until === null ? "" : (await flags.get(guildId)).timeZone;
  const sinceAt = since === null ? undefined : readMoment(since, { services, timeZone, edge: "start" });
  const untilAt = until === null ? undefined : readMoment(until, { services, timeZone, edge: "end" });
  if (sinceAt !== undefined && untilAt !== undefined && sinceAt > untilAt) {
    throw new Refusal(texts.admin.audit.sinceAfterUntil);
  }
  return {
    ...(action === undefined ? {} : { action }),
    // Muster's own account stands for what Muster did by itself.
    ...(actor === null ? {} : { actorId: actor.id === client.user.id ? SYSTEM_ACTOR : actor.id }),
    ...(sinceAt === undefined ? {} : { since: sinceAt }),
    ...(untilAt === undefined ? {} : { until: untilAt }),
    ...(text === "" ? {} : { text }),
  };
}

interface MomentOptions {
  readonly services: CommandContext["services"];
  readonly timeZone: string;
  readonly edge: "start" | "end";
}

function readMoment(text: string, { services, timeZone, edge }: MomentOptions): number {
  const words = services.texts.admin.audit;
  const result = parsePastMoment(text, { nowAt: services.clock.now(), timeZone }, edge);
  if (result.ok) return result.at;
  const given = escapeInline(truncate(text, MAX_SHOWN_LENGTH));
  throw new Refusal(result.problem === "too-far" ? words.momentTooFar(given) : words.momentNotUnderstood(given));
}

/** Only to those who may see the audit log: which actions there are is part of it. */
async function completeAction({
  services,
  guildId,
  member,
  focused,
}: AutocompleteContext): Promise<ApplicationCommandOptionChoiceData<string>[]> {
  if (!member.permissions.has(REQUIRED)) return [];
  const { actions: words } = services.texts.admin.audit;
  const actions = await services.store.audit.listActions({ guildId });
  const wanted = focused.value.trim().toLowerCase();
  return actions
    .filter(isFilterableAction)
    .map((action) => ({ name: words[action] === undefined ? action : `${action}: ${words[action]}`, value: action }))
    .filter(({ name }) => name.toLowerCase().includes(wanted))
    .slice(0, MAX_CHOICES);
}
