import { GatewayDispatchEvents, PermissionFlagsBits, type APIMessage } from "discord-api-types/v10";
import fc from "fast-check";
import { systemClock, type Clock } from "../../src/core/clock.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { largeServer } from "../../src/sandbox/seeds.ts";
import type { EventRecord } from "../../src/store/events.ts";
import {
  GuildModel,
  guildLife,
  guildLifeWithNewSession,
  ROLE_NAMES,
  type EmojiName,
  type GuildAction,
  type GuildLife,
  type ModelPerson,
  type Newcomer,
  type RoleName,
  type Subject,
} from "../arbitraries/guild-life.ts";
import { startTestBot, type TestBot } from "../helpers/bot.ts";
import { createJobsBesideBot } from "../helpers/jobs-here.ts";

const HOUR_MS = 3_600_000;
/** Discord gives a server's whole member list once in 30 s; the bot waits for that. */
const MEMBER_LIST_PAUSE_MS = 31_000;
const RECONNECT_TIMEOUT_MS = 15_000;
const VIEW = PermissionFlagsBits.ViewChannel;

/** Real time, but for jumps of the wall clock. */
class JumpingClock implements Clock {
  #aheadMs = 0;
  now = (): number => systemClock.now() + this.#aheadMs;
  monotonic = (): number => systemClock.monotonic() + this.#aheadMs;
  schedule = (delayMs: number, callback: () => void): (() => void) => systemClock.schedule(delayMs, callback);
  jump(durationMs: number): void {
    this.#aheadMs += durationMs;
  }
}

const clock = new JumpingClock();
let sandbox: Sandbox;
let bot: TestBot;
let customEmoji: { readonly id: string; readonly name: string };

beforeAll(async () => {
  const seed = largeServer({ memberCount: 0 });
  // The sandbox's own pace is not what is tested, and its clock does not jump.
  const limits = { globalRequests: 100_000, bucketRequests: 100_000, memberRequestIntervalMs: 0 };
  sandbox = await Sandbox.start({ port: 0, seed, limits });
  // Nothing is to outlive a power cut here.
  const settings = { DB_SYNCHRONOUS: "normal", DB_ARCHIVE: "false" };
  bot = await startTestBot({ sandbox, seed, clock, settings, createMaintenance: createJobsBesideBot });
  customEmoji = sandbox.world.addEmoji(bot.guildId, "yes");
});

afterAll(async () => {
  await bot.stop();
  await sandbox.stop();
});

function toReaction(emoji: EmojiName): { readonly id: string | null; readonly name: string } {
  return emoji === "custom" ? { id: customEmoji.id, name: customEmoji.name } : { id: null, name: emoji };
}

function toText(emoji: EmojiName): string {
  return emoji === "custom" ? `<:${customEmoji.name}:${customEmoji.id}>` : emoji;
}

/** Gives a command and returns what is answered. */
async function command(userId: string, name: string, options: Record<string, string>): Promise<string> {
  await sandbox.waitFor(() => sandbox.isBotConnected, RECONNECT_TIMEOUT_MS);
  const outcome = await bot.as(userId).command(name, options, { channelId: bot.ids.generalChannelId });
  return (await outcome.settled())?.content ?? `no answer: ${outcome.status}`;
}

/** One server, one event, and the model beside it. */
class Run {
  readonly #life: GuildLife;
  readonly #model: GuildModel;
  readonly #roleIds: ReadonlyMap<RoleName, string>;
  readonly #channelId: string;
  #event!: EventRecord;

  static async start(life: GuildLife): Promise<Run> {
    const run = new Run(life);
    for (const newcomer of life.first) run.#join(newcomer);
    run.#event = await run.#createEvent();
    return run;
  }

  private constructor(life: GuildLife) {
    const { world } = sandbox;
    this.#life = life;
    this.#model = new GuildModel(life);
    this.#roleIds = new Map(ROLE_NAMES.map((name) => [name, world.addRole(bot.guildId, { name }).id]));
    this.#channelId = world.createChannel(bot.guildId, { name: "roll-call" }).id;
    // Hiding the channel from everyone is not to hide it from the bot.
    world.setOverwrite(this.#channelId, sandbox.botUserId, { allow: VIEW });
    this.#model.add({ id: bot.ids.ownerId, isOwner: true });
    this.#model.add({ id: bot.ids.moderatorId });
  }

  async #createEvent(): Promise<EventRecord> {
    const { audience, reactions } = this.#life;
    const options = {
      ...{ title: "Friday raid", every: "1h" },
      ...(audience === "role" ? { audience: this.#roleId("audience") } : {}),
    };
    const answer =
      reactions.length === 0
        ? await command(bot.ids.moderatorId, "event watch", { ...options, message: await this.#announce() })
        : await command(bot.ids.moderatorId, "event create", {
            ...{ ...options, channel: this.#channelId, reactions: reactions.map(toText).join(" ") },
          });
    const { events } = await bot.store.events.list({ guildId: bot.guildId, state: "open", limit: 10 });
    const event = events.find(({ channelId }) => channelId === this.#channelId);
    if (!event) throw new Error(`no event was created: ${answer}`);
    return event;
  }

  async #announce(): Promise<string> {
    const { id } = await bot.as(bot.ids.moderatorId).send(this.#channelId, { content: "Friday raid, who comes?" });
    return `${this.#channelId}-${id}`;
  }

  async act(action: GuildAction): Promise<void> {
    switch (action.kind) {
      case "join":
        return void this.#join(action.newcomer);
      case "leave":
      case "rejoin":
        return this.#setPresent(this.#find(action.person), action.kind === "rejoin");
      case "giveRole":
      case "takeRole":
        return this.#setRole(this.#find(action.person), action.role, action.kind === "giveRole");
      case "deleteRole":
        return this.#deleteRole(action.role);
      case "react":
        return this.#react(this.#find(action.person), action.emoji, action.isBurst);
      case "withdraw":
        return this.#withdraw(this.#find(action.person), action.emoji);
      case "reactUnheard":
        return unheard(GatewayDispatchEvents.MessageReactionAdd, () =>
          this.#react(this.#find(action.person), action.emoji, action.isBurst),
        );
      case "withdrawUnheard":
        return unheard(GatewayDispatchEvents.MessageReactionRemove, () =>
          this.#withdraw(this.#find(action.person), action.emoji),
        );
      case "clearReactions":
        sandbox.world.removeAllReactions(this.#event.messageId);
        return this.#model.answers.clear();
      case "clearEmoji":
        return this.#clearEmoji(action.emoji);
      case "excuse":
      case "unexcuse":
        return this.#setExcused(action.subject, action.kind === "excuse");
      case "chooseMode":
        return this.#chooseMode(this.#find(action.person), action.mode);
      case "blockDirectMessages":
        sandbox.world.blockDirectMessages(this.#find(action.person).id, action.isBlocked);
        this.#find(action.person).takesDirectMessages = !action.isBlocked;
        return;
      case "deliver":
        return this.#deliver(action.by);
      case "overwrite":
        return this.#overwrite(action);
      case "cutGateway":
        return void sandbox.faults.cutGateway();
      case "guildOutage":
        await this.catchUp();
        clock.jump(MEMBER_LIST_PAUSE_MS);
        sandbox.world.setGuildOutage(bot.guildId, true);
        return sandbox.world.setGuildOutage(bot.guildId, false);
      case "newSession":
        await this.catchUp();
        clock.jump(MEMBER_LIST_PAUSE_MS);
        return void sandbox.faults.invalidateSessions();
      case "catchUp":
        await this.catchUp();
        return this.#compareAnswers();
      default:
        return action satisfies never;
    }
  }

  /** The gateway keeps an order: when this is answered, the bot has heard of all before it. */
  async catchUp(): Promise<void> {
    await command(bot.ids.moderatorId, "ping", {});
    await bot.app.bot.settle();
  }

  /** Before a reminder reads the reactions anew: what the gateway told is enough, unless it lost something. */
  async #compareAnswers(): Promise<void> {
    if (this.#life.actions.some(({ kind }) => kind.endsWith("Unheard"))) return;
    const { people } = this.#model;
    const answeredIds = people.filter((person) => !person.isBot && this.#model.hasAnswered(person)).map(({ id }) => id);
    const answers = await bot.store.reactions.list(this.#key());
    const recordedIds = new Set(answers.filter(({ isAnswer }) => isAnswer).map(({ userId }) => userId));
    expect([...recordedIds].sort()).toEqual(answeredIds.sort());
  }

  /** Has the bot remind, and compares whom that reached with the model. */
  async remind(): Promise<void> {
    const answer = this.#life.reminder === "asked" ? await this.#askForReminder() : await this.#letReminderBeDue();
    const messages = sandbox.world.messages(this.#channelId).filter(({ author }) => author.id === sandbox.botUserId);
    const mentioning = messages.filter(({ content }) => content.includes("<@"));
    const [history] = await bot.store.reminders.listHistory({ ...this.#key(), limit: 5 });
    const { mentioned, written } = this.#model.listReminded();
    expect({
      answer,
      named: mentioning.flatMap(({ content }) => [...content.matchAll(/<@!?(\d+)>/g)].map(([, id]) => id!)).sort(),
      mentioned: messages.flatMap(({ mentions }) => mentions.map(({ id }) => id)).sort(),
      written: this.#model.people.flatMap(({ id }) => this.#listWritten(id).map(() => id)).sort(),
      recorded: [...(history?.usersNotified ?? [])].sort(),
    }).toEqual({ answer, named: mentioned, mentioned, written, recorded: [...mentioned, ...written].sort() });
    for (const message of messages) {
      expect(message.mentions.length).toBeLessThanOrEqual(100);
      expect(message.content.length).toBeLessThanOrEqual(2_000);
      expect([message.mention_everyone, message.mention_roles]).toEqual([false, []]);
    }
  }

  /** Leaves the server to the next run as it was. */
  async end(): Promise<void> {
    const { world, faults } = sandbox;
    faults.clear();
    for (const person of this.#model.people.slice(2)) if (person.isPresent) world.removeMember(bot.guildId, person.id);
    world.deleteChannel(this.#channelId);
    for (const name of this.#model.roles) world.deleteRole(bot.guildId, this.#roleId(name));
    await this.#deliver("channel");
  }

  async #askForReminder(): Promise<string> {
    return command(bot.ids.moderatorId, "event remind", { event: this.#event.id });
  }

  async #letReminderBeDue(): Promise<string> {
    await this.catchUp();
    const plannedAt = this.#event.nextReminderAt!;
    clock.jump(HOUR_MS);
    await sandbox.waitFor(async () => {
      const { nextReminderAt } = (await bot.store.events.find({ guildId: bot.guildId, id: this.#event.id }))!;
      const history = await bot.store.reminders.listHistory({ ...this.#key(), limit: 5 });
      return nextReminderAt! > plannedAt && history.every(({ status }) => status !== "pending");
    }, RECONNECT_TIMEOUT_MS);
    return "it was due";
  }

  #key(): { readonly guildId: string; readonly eventId: string } {
    return { guildId: bot.guildId, eventId: this.#event.id };
  }

  #listWritten(userId: string): APIMessage[] {
    return bot
      .as(userId)
      .directMessages()
      .filter(({ author, content }) => author.id === sandbox.botUserId && content.includes(this.#event.messageId));
  }

  #roleId(name: RoleName): string {
    return this.#roleIds.get(name)!;
  }

  /** What the model knows a subject by. */
  #keyOf(subject: Subject | { readonly type: "everyone" }): string {
    if (subject.type === "person") return this.#find(subject.person).id;
    return subject.type === "role" ? subject.role : "everyone";
  }

  /** Of those who came in this run; owner and moderator stay out of it. */
  #find(number: number): ModelPerson {
    const newcomers = this.#model.people.slice(2);
    return newcomers[number % newcomers.length]!;
  }

  #join({ isBot, isInAudience }: Newcomer): void {
    const roles: RoleName[] = isInAudience && this.#model.roles.has("audience") ? ["audience"] : [];
    const { id } = sandbox.world.addUser({ username: `member${this.#model.people.length}`, isBot });
    sandbox.world.addMember(bot.guildId, id, { roleIds: roles.map((name) => this.#roleId(name)) });
    this.#model.add({ id, isBot, roles: new Set(roles) });
  }

  /** Who leaves loses the roles, but no reaction, wish or excuse. */
  #setPresent(person: ModelPerson, isPresent: boolean): void {
    if (person.isPresent === isPresent) return;
    if (isPresent) sandbox.world.addMember(bot.guildId, person.id);
    else sandbox.world.removeMember(bot.guildId, person.id);
    person.isPresent = isPresent;
    person.roles.clear();
  }

  #setRole(person: ModelPerson, name: RoleName, isGiven: boolean): void {
    if (!person.isPresent || !this.#model.roles.has(name)) return;
    if (isGiven) {
      sandbox.world.giveRole(bot.guildId, person.id, this.#roleId(name));
      person.roles.add(name);
    } else {
      sandbox.world.takeRole(bot.guildId, person.id, this.#roleId(name));
      person.roles.delete(name);
    }
  }

  #deleteRole(name: RoleName): void {
    if (!this.#model.roles.delete(name)) return;
    sandbox.world.deleteRole(bot.guildId, this.#roleId(name));
    for (const { roles } of this.#model.people) roles.delete(name);
  }

  #react(person: ModelPerson, emoji: EmojiName, isBurst: boolean): void {
    if (!person.isPresent || !this.#model.canSee(person)) return;
    sandbox.world.addReaction(this.#event.messageId, person.id, toReaction(emoji), { isBurst });
    this.#model.answers.add(`${person.id} ${emoji}`);
  }

  #withdraw(person: ModelPerson, emoji: EmojiName): void {
    sandbox.world.removeReaction(this.#event.messageId, person.id, toReaction(emoji));
    this.#model.answers.delete(`${person.id} ${emoji}`);
  }

  #clearEmoji(emoji: EmojiName): void {
    sandbox.world.removeReactionsOfEmoji(this.#event.messageId, toReaction(emoji));
    for (const { id } of this.#model.people) this.#model.answers.delete(`${id} ${emoji}`);
  }

  async #setExcused(subject: Subject, isExcused: boolean): Promise<void> {
    const key = this.#keyOf(subject);
    if (subject.type === "role" && !this.#model.roles.has(subject.role)) return;
    const target = subject.type === "role" ? { role: this.#roleId(subject.role) } : { member: key };
    if (isExcused) await this.#setFlag("excused", "yes", target);
    else if (this.#model.excused.has(key)) await this.#setFlag("excused", undefined, target);
    if (isExcused) this.#model.excused.add(key);
    else this.#model.excused.delete(key);
  }

  async #deliver(by: "channel" | "dm"): Promise<void> {
    if (this.#model.delivery === by) return;
    await this.#setFlag("reminder-delivery", by, {});
    this.#model.delivery = by;
  }

  /** Without a value it is cleared. */
  async #setFlag(flag: string, value: string | undefined, subject: Record<string, string>): Promise<void> {
    const [action, options] = value === undefined ? ["clear", { flag }] : ["set", { flag, value }];
    await command(bot.ids.moderatorId, `admin-set-flag ${action}`, { ...options, ...subject });
  }

  async #chooseMode(person: ModelPerson, mode: ModelPerson["mode"]): Promise<void> {
    if (!person.isPresent || person.isBot) return;
    await command(person.id, "reminders", { mode });
    person.mode = mode;
  }

  #overwrite({ subject, to }: GuildAction & { readonly kind: "overwrite" }): void {
    if (subject.type === "role" && !this.#model.roles.has(subject.role)) return;
    const key = this.#keyOf(subject);
    const targetId = subject.type === "role" ? this.#roleId(subject.role) : key === "everyone" ? bot.guildId : key;
    sandbox.world.setOverwrite(
      this.#channelId,
      targetId,
      to === "inherited" ? {} : { [to === "shown" ? "allow" : "deny"]: VIEW },
    );
    this.#model.overwrites.set(key, to);
  }
}

/** The gateway loses what `act` causes. */
function unheard(type: GatewayDispatchEvents, act: () => void): void {
  sandbox.faults.dropEvents(type);
  act();
  sandbox.faults.dropEvents(type, 0);
}

async function live(life: GuildLife): Promise<void> {
  const run = await Run.start(life);
  try {
    for (const action of life.actions) await run.act(action);
    // Only a reaction recorded in the same millisecond in which reading begins counts as newer than what is read.
    if (life.actions.some(({ kind }) => kind === "withdrawUnheard")) await run.catchUp();
    await run.remind();
  } finally {
    await run.end();
  }
}

async function inQuietServer(test: (run: Run) => Promise<void>): Promise<void> {
  const first = [1, 2, 3].map(() => ({ isBot: false, isInAudience: true }));
  const run = await Run.start({ audience: "role", reactions: ["✅"], first, actions: [], reminder: "asked" });
  try {
    await test(run);
  } finally {
    await run.end();
  }
}

/** Who is behind the next reaction is told late. Returns whether that has been asked. */
function delayReading(): () => boolean {
  const path = "/channels/*/messages/*/reactions/*";
  const faultId = sandbox.faults.add({ method: "GET", path, count: 1, effect: { kind: "delay", delayMs: 300 } });
  return () => sandbox.faults.list().every(({ id }) => id !== faultId);
}

/** Each of these reminded the wrong people once, or is hit by chance too seldom. */
const KNOWN_LIVES: GuildLife[] = [
  {
    ...{ audience: "everyone", reactions: [], reminder: "asked", first: [{ isBot: false, isInAudience: true }] },
    // The member list that came after the outage had hardly anyone in it, and was taken for complete.
    actions: [{ kind: "guildOutage" }],
  },
  {
    ...{ audience: "role", reactions: ["✅"], reminder: "asked", first: [{ isBot: false, isInAudience: true }] },
    // Whom a direct message cannot reach is mentioned.
    actions: [
      { kind: "chooseMode", person: 0, mode: "dm" },
      { kind: "blockDirectMessages", person: 0, isBlocked: true },
    ],
  },
];

describe("the set of members reminded", () => {
  it("is exactly audience − answered − excused − bots − gone, whatever happens in the server", async () => {
    await fc.assert(fc.asyncProperty(guildLife, live), {
      examples: KNOWN_LIVES.map((life): [GuildLife] => [life]),
      numRuns: 100,
      interruptAfterTimeLimit: 60_000,
      markInterruptAsFailure: true,
    });
  }, 120_000);

  it("is read anew for a reminder that is asked for while answers are being caught up on", async () => {
    await inQuietServer(async (run) => {
      const isReading = delayReading();
      await run.act({ kind: "guildOutage" });
      await sandbox.waitFor(isReading);
      // The message is read, and says that there are no burst reactions to ask for.
      await run.act({ kind: "reactUnheard", person: 1, emoji: "✅", isBurst: true });
      await run.remind();
    });
  }, 20_000);

  it("is complete although the member list was asked for while the connection was lost", async () => {
    await inQuietServer(async (run) => {
      await run.act({ kind: "guildOutage" });
      await run.catchUp();
      const isReading = delayReading();
      const reminded = run.remind();
      await sandbox.waitFor(isReading);
      await run.act({ kind: "cutGateway" });
      await reminded;
    });
  }, 20_000);

  it("is exactly that when the bot has lost its session, and what happened until it had a new one", async () => {
    await fc.assert(fc.asyncProperty(guildLifeWithNewSession, live), {
      // Most of its time discord.js waits before it begins another session.
      numRuns: 1,
      interruptAfterTimeLimit: 60_000,
      markInterruptAsFailure: true,
    });
  }, 120_000);
});
