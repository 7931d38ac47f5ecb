import {
  DiscordAPIError,
  HTTPError,
  type AutocompleteInteraction,
  type ButtonInteraction,
  type ChatInputCommandInteraction,
  type Interaction,
} from "discord.js";
import { isMusterError, type ErrorCode } from "../core/errors.ts";
import { createReference } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import { collectCallNotes, type CallNotes } from "../database/call-notes.ts";
import type { DatabaseNeed } from "../resilience/graceful-degradation.ts";
import type { UsageOutcome } from "../store/usage.ts";
import { parseButtonId, Refusal, type Command, type Reply } from "./command.ts";
import { formatMoment } from "./format-time.ts";
import { Cooldowns, requirePermissions } from "./preconditions.ts";
import { Responder } from "./responder.ts";
import type { BotServices } from "./services.ts";

/** Errors that only say that the database is away: then its state is the better explanation. */
const AWAY_CODES = ["DATABASE_UNAVAILABLE", "DATABASE_READ_ONLY", "DATABASE_BUSY", "DATABASE_FULL"] as const;
/** Discord shows no more. */
const MAX_CHOICES = 25;
/** An autocomplete answer cannot be deferred; after this an empty list is better than none. */
const AUTOCOMPLETE_TIMEOUT_MS = 2_000;

type Repliable = ChatInputCommandInteraction<"cached"> | ButtonInteraction<"cached">;

/**
 * From an interaction to an answer: preconditions, the command, and one place where whatever failed becomes
 * a sentence with a reference id that the log has. Every interaction gets an answer.
 */
export class CommandRouter {
  readonly #commands: ReadonlyMap<string, Command>;
  readonly #services: BotServices;
  readonly #cooldowns: Cooldowns;
  readonly #running = new Set<Promise<void>>();

  constructor(commands: readonly Command[], services: BotServices) {
    this.#commands = new Map(commands.map((command) => [command.definition.name, command]));
    this.#services = services;
    this.#cooldowns = new Cooldowns(services.clock);
  }

  handle(interaction: Interaction): void {
    const run = this.#route(interaction).catch((error: unknown) => {
      this.#services.logger.error("interaction was not answered", { interactionId: interaction.id, error });
    });
    this.#running.add(run);
    void run.finally(() => this.#running.delete(run));
  }

  /** Resolves when every interaction that was taken has been answered. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #route(interaction: Interaction): Promise<void> {
    if (interaction.isChatInputCommand() || interaction.isButton()) {
      if (interaction.inCachedGuild()) await this.#answer(interaction);
      else await interaction.reply({ content: this.#services.texts.general.onlyInServer, flags: "Ephemeral" });
    } else if (interaction.isAutocomplete()) {
      await this.#complete(interaction);
    }
  }

  async #answer(interaction: Repliable): Promise<void> {
    const name = describe(interaction);
    const logger = this.#services.logger.with({ interactionId: interaction.id, command: name });
    const responder = new Responder(interaction, this.#services.clock, (error) =>
      logger.warn("interaction could not be deferred", { error }),
    );
    const startedAt = this.#services.clock.monotonic();
    let outcome: UsageOutcome = "answered";
    try {
      const { result: reply, notes } = await collectCallNotes(() =>
        interaction.isButton()
          ? this.#press(interaction, responder, logger)
          : this.#execute(interaction, responder, logger),
      );
      if (notes.hasQueuedWrite) outcome = "queued";
      await responder.respond(this.#withNotes(reply, notes));
    } catch (error) {
      outcome = error instanceof Refusal ? "refused" : "failed";
      await responder.refuse(this.#explain(error, this.#needOf(interaction), logger));
    } finally {
      const durationMs = Math.round(this.#services.clock.monotonic() - startedAt);
      logger.debug("interaction answered", { durationMs, outcome });
      this.#noteUse(interaction, durationMs, outcome);
    }
  }

  /** A command, where and how; never by whom or with what. Buttons belong to a command that was counted already. */
  #noteUse(interaction: Repliable, durationMs: number, outcome: UsageOutcome): void {
    if (interaction.isButton() || !this.#commands.has(interaction.commandName)) return;
    const { usage, clock } = this.#services;
    usage.record({
      guildId: interaction.guildId,
      command: describe(interaction),
      at: clock.now(),
      durationMs,
      outcome,
    });
  }

  async #execute(
    interaction: ChatInputCommandInteraction<"cached">,
    responder: Responder,
    logger: Logger,
  ): Promise<Reply> {
    const { texts } = this.#services;
    const subcommand = interaction.options.getSubcommand(false) ?? "";
    const action = this.#commands.get(interaction.commandName)?.actions[subcommand];
    if (!action) throw new Refusal(texts.general.unknownCommand);
    requirePermissions(interaction.member, action.permissions, texts);
    this.#cooldowns.require(describe(interaction), interaction.user.id, action.cooldownMs, texts);
    return action.execute({ ...this.#answeredContext(interaction, responder, logger), interaction });
  }

  async #press(interaction: ButtonInteraction<"cached">, responder: Responder, logger: Logger): Promise<Reply> {
    const { texts } = this.#services;
    const { command, button, values } = parseButtonId(interaction.customId);
    const action = this.#commands.get(command)?.buttons?.[button];
    if (!action) throw new Refusal(texts.general.unknownButton);
    requirePermissions(interaction.member, action.permissions, texts);
    return action.execute({ ...this.#answeredContext(interaction, responder, logger), interaction, values });
  }

  async #complete(interaction: AutocompleteInteraction): Promise<void> {
    const command = this.#commands.get(interaction.commandName);
    if (!command?.autocomplete || !interaction.inCachedGuild()) return interaction.respond([]);
    const { clock, logger } = this.#services;
    const { name, value } = interaction.options.getFocused(true);
    const context = { ...this.#baseContext(interaction, logger), interaction, focused: { name, value } };
    let cancelTimer = (): void => undefined;
    const tooLate = new Promise<[]>((resolve) => {
      cancelTimer = clock.schedule(AUTOCOMPLETE_TIMEOUT_MS, () => resolve([]));
    });
    const choices = command.autocomplete(context).catch((error: unknown) => {
      logger.warn("autocomplete failed", { command: interaction.commandName, error });
      return [];
    });
    const answer = await Promise.race([choices, tooLate]);
    cancelTimer();
    await interaction.respond(answer.slice(0, MAX_CHOICES));
  }

  /** What is to be said of the database while it is away: that it is saved, or how old it is. */
  #withNotes(reply: Reply, { hasQueuedWrite, oldestReadAt }: CallNotes): Reply {
    const { failures } = this.#services.texts;
    const lines = [
      ...(hasQueuedWrite ? [failures.savedForLater] : []),
      ...(oldestReadAt === undefined ? [] : [failures.asOf(formatMoment(oldestReadAt, "relative"))]),
    ];
    return lines.length === 0 ? reply : { ...reply, content: [reply.content ?? "", ...lines].join("\n").trim() };
  }

  /** What the member is told; what is not theirs to mend goes to the log, under the reference that they are given. */
  #explain(error: unknown, need: DatabaseNeed, logger: Logger): string {
    if (error instanceof Refusal) return error.message;
    const { degradation, texts } = this.#services;
    const reference = createReference();
    logger.error("command failed", { reference, error });
    const isLimited = degradation.decide(need) === "degraded" && isMusterError(error, ...AWAY_CODES);
    if (isLimited) return texts.failures.limited(need === "read" ? "read" : "write", reference);
    return texts.failures.forCode(failureCode(error), reference, error);
  }

  #needOf(interaction: Repliable): DatabaseNeed {
    if (interaction.isButton()) {
      const { command, button } = parseButtonId(interaction.customId);
      return this.#commands.get(command)?.buttons?.[button]?.database ?? "none";
    }
    const subcommand = interaction.options.getSubcommand(false) ?? "";
    return this.#commands.get(interaction.commandName)?.actions[subcommand]?.database ?? "none";
  }

  #answeredContext(interaction: Repliable, responder: Responder, logger: Logger) {
    return {
      ...this.#baseContext(interaction, logger),
      showProgress: (reply: Reply): void => responder.showProgress(reply),
    };
  }

  #baseContext<Interaction extends { guildId: string; member: Repliable["member"] }>(
    { guildId, member }: Interaction,
    logger: Logger,
  ) {
    return { services: this.#services, guildId, member, logger };
  }
}

function failureCode(error: unknown): ErrorCode {
  if (isMusterError(error)) return error.code;
  return error instanceof DiscordAPIError || error instanceof HTTPError ? "DISCORD_REQUEST_FAILED" : "INTERNAL";
}

/** `event create`, or `event|delete` for a button: for the log. */
function describe(interaction: Repliable): string {
  if (interaction.isButton()) return interaction.customId.split("|").slice(0, 2).join("|");
  const subcommand = interaction.options.getSubcommand(false);
  return subcommand === null ? interaction.commandName : `${interaction.commandName} ${subcommand}`;
}
