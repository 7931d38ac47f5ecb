import { setTimeout as pause } from "node:timers/promises";
import type { Actor } from "../../../src/sandbox/actor/actor.ts";
import type { Answer, Model } from "./model.ts";
import type { Random } from "./random.ts";
import type { DiscordWorld } from "./world.ts";

/**
 * People at the bot, all at once: the crew answers and withdraws, guests choose how they are reminded, a moderator
 * leads roll calls, the owner sets flags, and somebody reads. Each of them waits for an answer before the next request,
 * so the model knows the order of what is done to one thing.
 */

/** Beyond it nobody looks at the answer any more. */
const SETTLED_WITHIN_MS = 6_000;
const MAX_OPEN_EVENTS = 4;
/** Longest pause between two requests of one person, in the rush and when it is over. */
const PAUSE_MS = 120;
const CALM_PAUSE_MS = 2_000;
const EMOJI = ["✅", "❌"] as const;
const TIME_ZONES = ["UTC", "Europe/Vienna", "Asia/Tokyo", "America/Lima"] as const;
const EMBLEMS = ["🦊", "🐳", "🌵"] as const;
const MODES = ["mention", "dm", "off"] as const;
const SUCCESS_MARK = /^(✅|▶️|⏸️|🔒|🔔|✉️|🔕)/u;
const QUEUED_MARK = "💾";
const REFUSAL = /nothing was (changed|created)/i;

type CommandOptions = Readonly<Record<string, string>>;

interface KnownEvent {
  readonly id: string;
  readonly messageId: string;
  state: "open" | "paused" | "closed";
}

export class Load {
  readonly #world: DiscordWorld;
  readonly #model: Model;
  #isStopping = false;
  #pauseMs = PAUSE_MS;
  #running: Promise<unknown> = Promise.resolve();
  readonly #events: KnownEvent[] = [];
  /** Reactions added and withdrawn: told to the bot by the gateway, and acknowledged by Discord. */
  reactionCount = 0;
  slowestAnswerMs = 0;
  unansweredCount = 0;

  constructor(world: DiscordWorld, model: Model) {
    this.#world = world;
    this.#model = model;
  }

  start(random: Random): void {
    this.#isStopping = false;
    this.#pauseMs = PAUSE_MS;
    const { ownerId, moderatorId, memberIds } = this.#world.ids;
    const { guestIds } = this.#world;
    const [first = "", second = "", third = "", , fifth = ""] = memberIds;
    // The fourth of the crew never answers, so that there is always somebody to be reminded.
    const people: readonly (readonly [string, (actor: Actor, random: Random) => Promise<void>])[] = [
      [ownerId, (actor, chance) => this.#setFlag(actor, chance)],
      [moderatorId, (actor, chance) => this.#leadEvents(actor, chance)],
      ...[first, second, third].map((id) => [id, this.#react.bind(this)] as const),
      // Each has guests of its own, so that no two write for one at the same time.
      ...[0, 1].map((half) => {
        const ids = guestIds.filter((_, index) => index % 2 === half);
        return [fifth, (_actor: Actor, chance: Random) => this.#changeMode(chance.pick(ids), chance)] as const;
      }),
      [fifth, (actor, chance) => this.#read(actor, chance)],
    ];
    this.#running = Promise.all(
      people.map(([userId, act]) => this.#goOn(this.#world.sandbox.as(userId), random.fork(), act)),
    );
  }

  /** From now on people come now and then. */
  calm(): void {
    this.#pauseMs = CALM_PAUSE_MS;
  }

  /** Resolves when everybody has what they asked for, or has given up. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  /** Any command of somebody, whatever it answers. */
  async ask(userId: string, name: string, options: CommandOptions = {}): Promise<string> {
    return this.#command(this.#world.sandbox.as(userId), name, options);
  }

  async #goOn(actor: Actor, random: Random, act: (actor: Actor, random: Random) => Promise<void>): Promise<void> {
    while (!this.#isStopping) {
      await act(actor, random);
      await pause(random.between(1, this.#pauseMs));
    }
  }

  async #command(actor: Actor, name: string, options: CommandOptions): Promise<string> {
    const outcome = await actor.command(name, options, { channelId: this.#world.ids.rollCallsChannelId });
    this.slowestAnswerMs = Math.max(this.slowestAnswerMs, outcome.firstResponseMs ?? 0);
    if (outcome.status === "failed") {
      this.unansweredCount++;
      return "";
    }
    try {
      return (await outcome.settled(SETTLED_WITHIN_MS))?.content ?? "";
    } catch {
      return "";
    }
  }

  async #change(actor: Actor, name: string, options: CommandOptions): Promise<Answer> {
    return classifyAnswer(await this.#command(actor, name, options));
  }

  async #setFlag(actor: Actor, random: Random): Promise<void> {
    const { crewRoleId, moderatorsRoleId } = this.#world.ids;
    const [flag, subject, values] = random.pick([
      ["timezone", undefined, TIME_ZONES],
      ["emblem", undefined, EMBLEMS],
      ["emblem", crewRoleId, EMBLEMS],
      ["emblem", moderatorsRoleId, EMBLEMS],
    ] as const);
    const options = { flag, ...(subject === undefined ? {} : { role: subject }) };
    const key = `flag ${flag} ${subject ?? ""}`;
    // What is not set cannot be cleared.
    if (random.isTrue(0.2) && !this.#model.allowedAt(key).has(undefined)) {
      await this.#model.attempt(key, undefined, () => this.#change(actor, "admin-set-flag clear", options));
      return;
    }
    const value = random.pick(values);
    await this.#model.attempt(key, value, () => this.#change(actor, "admin-set-flag set", { ...options, value }));
  }

  async #changeMode(userId: string, random: Random): Promise<void> {
    const actor = this.#world.sandbox.as(userId);
    const mode = random.pick(MODES);
    await this.#model.attempt(`mode ${actor.userId}`, mode, () => this.#change(actor, "reminders", { mode }));
  }

  async #leadEvents(actor: Actor, random: Random): Promise<void> {
    const open = this.#events.filter(({ state }) => state !== "closed");
    if (open.length === 0 || (open.length < MAX_OPEN_EVENTS && random.isTrue(0.3))) {
      return this.#createEvent(actor, random);
    }
    const event = random.pick(open);
    // Most of the time: a paused event reminds nobody.
    if (random.isTrue(0.85)) {
      const title = createTitle(random);
      const edit = (): Promise<Answer> => this.#change(actor, "event edit", { event: event.id, title });
      await this.#model.attempt(`event ${event.id} title`, title, edit, `event.edit ${event.id}`);
      return;
    }
    await this.#moveEvent(actor, event, this.#chooseTransition(event, open.length, random));
  }

  #chooseTransition(event: KnownEvent, openCount: number, random: Random): KnownEvent["state"] {
    if (openCount === MAX_OPEN_EVENTS && random.isTrue(0.5)) return "closed";
    return event.state === "open" ? "paused" : "open";
  }

  async #moveEvent(actor: Actor, event: KnownEvent, to: KnownEvent["state"]): Promise<void> {
    const [name, action] = (
      {
        open: ["event resume", "event.resume"],
        paused: ["event pause", "event.pause"],
        closed: ["event close", "event.close"],
      } as const
    )[to];
    const move = (): Promise<Answer> => this.#change(actor, name, { event: event.id });
    const answer = await this.#model.attempt(`event ${event.id} state`, to, move, `${action} ${event.id}`);
    if (answer === "acknowledged") event.state = to;
    // Nobody knows: it is not touched any more, so that no later answer depends on it.
    else if (answer === "unknown") event.state = "closed";
  }

  async #createEvent(actor: Actor, random: Random): Promise<void> {
    const title = createTitle(random);
    const startedAt = Date.now();
    const options = { title, every: `${random.between(1, 3)}s`, audience: this.#world.ids.crewRoleId };
    const text = await this.#command(actor, "event create", options);
    const id = /`([0-9A-Z]{26})`/.exec(text)?.[1];
    const messageId = /channels\/\d+\/\d+\/(\d+)/.exec(text)?.[1];
    if (classifyAnswer(text) !== "acknowledged" || id === undefined || messageId === undefined) return;
    this.#model.add(`event ${id} title`, title, startedAt, `event.create ${id}`);
    this.#model.add(`event ${id} state`, "open", startedAt);
    this.#events.push({ id, messageId, state: "open" });
  }

  async #react(actor: Actor, random: Random): Promise<void> {
    if (random.isTrue(0.05)) await this.#command(actor, "mine", {});
    const open = this.#events.filter(({ state }) => state !== "closed");
    if (open.length === 0) return;
    const { messageId } = random.pick(open);
    if (!this.#world.sandbox.world.state.messages.has(messageId)) return;
    const emoji = random.pick(EMOJI);
    const channelId = this.#world.ids.rollCallsChannelId;
    const hasReacted = this.#world.listReactions(messageId)?.includes(`${actor.userId} ${emoji}`) ?? false;
    if (hasReacted) await actor.unreact(channelId, messageId, emoji);
    else await actor.react(channelId, messageId, emoji);
    this.reactionCount++;
  }

  async #read(actor: Actor, random: Random): Promise<void> {
    const { ownerId } = this.#world.ids;
    if (random.isTrue(0.3)) await this.#command(this.#world.sandbox.as(ownerId), "admin-audit list", {});
    else await this.#command(actor, random.pick(["event list", "mine", "ping"]), {});
    await pause(PAUSE_MS * 3);
  }
}

function classifyAnswer(text: string): Answer {
  if (SUCCESS_MARK.test(text)) return text.includes(QUEUED_MARK) ? "queued" : "acknowledged";
  return REFUSAL.test(text) ? "refused" : "unknown";
}

function createTitle(random: Random): string {
  return `Roll call ${random.between(1, 2 ** 32).toString(36)}`;
}
