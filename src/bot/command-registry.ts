import { isDeepStrictEqual } from "node:util";
import {
  Routes,
  type APIApplicationCommand,
  type Client,
  type REST,
  type RESTPostAPIChatInputApplicationCommandsJSONBody,
} from "discord.js";
import type { Logger } from "../core/logger.ts";

/**
 * Tells Discord which commands there are, only when that differs from what it has: every registration counts against a
 * daily limit, and a global one takes a while to reach all servers.
 */
export async function registerCommands(
  client: Client<true>,
  definitions: readonly RESTPostAPIChatInputApplicationCommandsJSONBody[],
  guildIds: readonly string[],
  logger: Logger,
): Promise<void> {
  const { rest } = client;
  const applicationId = client.application.id;
  const globalRoute = Routes.applicationCommands(applicationId);
  if (guildIds.length === 0) {
    await registerAt(rest, globalRoute, definitions, logger);
    return;
  }
  for (const guildId of guildIds) {
    await registerAt(rest, Routes.applicationGuildCommands(applicationId, guildId), definitions, logger);
  }
  // Left over from a run without DISCORD_GUILD_IDS, they would show up twice.
  await registerAt(rest, globalRoute, [], logger);
}

async function registerAt(
  rest: REST,
  route: `/${string}`,
  definitions: readonly RESTPostAPIChatInputApplicationCommandsJSONBody[],
  logger: Logger,
): Promise<void> {
  const registered = (await rest.get(route)) as APIApplicationCommand[];
  if (isDeepStrictEqual(byName(registered), byName(definitions))) return;
  await rest.put(route, { body: definitions });
  logger.info("commands registered", { route, count: definitions.length });
}

/** What Muster sets of a command; Discord adds ids, versions and defaults of its own. */
const COMPARED = [
  ...["type", "name", "description", "required", "options", "choices", "name_localizations"],
  ...["value", "min_value", "max_value", "min_length", "max_length", "autocomplete", "channel_types"],
  ...["default_member_permissions", "contexts"],
];

function byName(definitions: readonly { readonly name: string }[]): unknown {
  return Object.fromEntries(
    definitions.map((definition) => [definition.name, toComparable({ type: 1, ...definition })]),
  );
}

function toComparable(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(toComparable);
    // Numbers are sets (contexts, channel types); options and choices keep the order in which they are shown.
    return items.every((item) => typeof item === "number") ? items.sort() : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value)
    .filter(([key, member]) => COMPARED.includes(key) && !isDefault(member))
    .map(([key, member]): [string, unknown] => [key, toComparable(member)]);
  return Object.fromEntries(members);
}

function isDefault(value: unknown): boolean {
  return value === undefined || value === null || value === false || (Array.isArray(value) && value.length === 0);
}
