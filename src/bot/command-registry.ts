import { isDeepStrictEqual } from "node:util";
import {
  DiscordAPIError,
  Routes,
  type APIApplicationCommand,
  type Client,
  type RESTPostAPIChatInputApplicationCommandsJSONBody,
} from "discord.js";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { backoffDelayMs } from "../resilience/backoff.ts";

type Definitions = readonly RESTPostAPIChatInputApplicationCommandsJSONBody[];

export interface CommandRegistrationOptions {
  readonly client: Client<true>;
  readonly definitions: Definitions;
  /** The only servers that get them; none = all servers. */
  readonly guildIds: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Where commands are registered: in one server, or for all of them. */
interface Place {
  readonly guildId: string | undefined;
  readonly definitions: Definitions;
}

/** Waits between tries while Discord is overloaded or out of reach. */
const RETRY = { maxAttempts: Infinity, baseDelay: 5_000, maxDelay: 300_000, backoffMultiplier: 2 } as const;

/**
 * Tells Discord which commands there are, only when that differs from what it has: every registration counts against a
 * daily limit, and a global one takes a while to reach all servers. Each place goes its own way: one that Discord refuses
 * is told of in the log, and what may pass by itself is tried again, without anything waiting for it.
 */
export class CommandRegistration {
  readonly #options: CommandRegistrationOptions;
  readonly #retries = new Map<Place, () => void>();
  #isStopped = false;

  constructor(options: CommandRegistrationOptions) {
    this.#options = options;
    const { client, definitions, guildIds } = options;
    client.on("guildCreate", ({ id }) => {
      if (guildIds.includes(id)) void this.#attempt({ guildId: id, definitions });
    });
  }

  /** Resolves when every place has been tried once. Never rejects. */
  async start(): Promise<void> {
    const { definitions, guildIds } = this.#options;
    const places: Place[] =
      guildIds.length === 0
        ? [{ guildId: undefined, definitions }]
        : // Global ones, left over from a run without DISCORD_GUILD_IDS, would show up twice.
          [...guildIds.map((guildId) => ({ guildId, definitions })), { guildId: undefined, definitions: [] }];
    await Promise.all(places.map((place) => this.#attempt(place)));
  }

  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#retries.values()) cancel();
  }

  async #attempt(place: Place, attemptNumber = 1): Promise<void> {
    const { clock, logger } = this.#options;
    const { guildId } = place;
    try {
      await this.#register(place);
    } catch (error) {
      if (this.#isStopped) return;
      if (error instanceof DiscordAPIError && error.status < 500) {
        logger.error(`commands not registered: ${explainRefusal(guildId)}`, { guildId, error });
        return;
      }
      const delayMs = backoffDelayMs(attemptNumber, RETRY, Math.random);
      logger.warn("commands not registered yet, trying again", { guildId, attemptNumber, delayMs, error });
      const retry = (): void => {
        this.#retries.delete(place);
        void this.#attempt(place, attemptNumber + 1);
      };
      this.#retries.set(place, clock.schedule(delayMs, retry));
    }
  }

  async #register({ guildId, definitions }: Place): Promise<void> {
    const { client, logger } = this.#options;
    const applicationId = client.application.id;
    const route =
      guildId === undefined
        ? Routes.applicationCommands(applicationId)
        : Routes.applicationGuildCommands(applicationId, guildId);
    const registered = (await client.rest.get(route)) as APIApplicationCommand[];
    if (this.#isStopped || isDeepStrictEqual(byName(registered), byName(definitions))) return;
    await client.rest.put(route, { body: definitions });
    logger.info("commands registered", { guildId, count: definitions.length });
  }
}

function explainRefusal(guildId: string | undefined): string {
  return guildId === undefined
    ? "Discord refuses them"
    : "Discord refuses them for a server of DISCORD_GUILD_IDS; take its id out, or invite the bot there with the scope " +
        "applications.commands, and they are registered when it joins";
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
