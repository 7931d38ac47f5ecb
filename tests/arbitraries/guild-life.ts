import fc from "fast-check";

/**
 * What happens in a server between the creation of an event and its reminder, as plain data. People are numbers, taken
 * modulo how many there are by then, so that any list of actions means something and shrinks well.
 */

/** `audience` is the event's, when it has one. */
export const ROLE_NAMES = ["audience", "guests", "veterans"] as const;
export type RoleName = (typeof ROLE_NAMES)[number];

/** The last one stands for an emoji of the server's own. */
export const EMOJI = ["✅", "❌", "❤️", "🎲", "custom"] as const;
export type EmojiName = (typeof EMOJI)[number];

export type Subject =
  { readonly type: "person"; readonly person: number } | { readonly type: "role"; readonly role: RoleName };
export type Visibility = "hidden" | "shown" | "inherited";
export type ReminderMode = "mention" | "dm" | "off";

export type GuildAction =
  | { readonly kind: "join"; readonly newcomer: Newcomer }
  | { readonly kind: "leave" | "rejoin"; readonly person: number }
  | { readonly kind: "giveRole" | "takeRole"; readonly person: number; readonly role: RoleName }
  | { readonly kind: "deleteRole"; readonly role: RoleName }
  | { readonly kind: "react"; readonly person: number; readonly emoji: EmojiName; readonly isBurst: boolean }
  | { readonly kind: "withdraw"; readonly person: number; readonly emoji: EmojiName }
  /** As these, but the gateway never tells of it. */
  | { readonly kind: "reactUnheard"; readonly person: number; readonly emoji: EmojiName; readonly isBurst: boolean }
  | { readonly kind: "withdrawUnheard"; readonly person: number; readonly emoji: EmojiName }
  | { readonly kind: "clearReactions" }
  | { readonly kind: "clearEmoji"; readonly emoji: EmojiName }
  | { readonly kind: "excuse" | "unexcuse"; readonly subject: Subject }
  | { readonly kind: "chooseMode"; readonly person: number; readonly mode: ReminderMode }
  | { readonly kind: "blockDirectMessages"; readonly person: number; readonly isBlocked: boolean }
  | { readonly kind: "deliver"; readonly by: "channel" | "dm" }
  | { readonly kind: "overwrite"; readonly subject: Subject | { readonly type: "everyone" }; readonly to: Visibility }
  | { readonly kind: "cutGateway" | "guildOutage" | "newSession" | "catchUp" };

export interface Newcomer {
  readonly isBot: boolean;
  readonly isInAudience: boolean;
}

export interface GuildLife {
  readonly audience: "everyone" | "role";
  /** What answers the event; empty = any reaction does, as with an adopted message that has none. */
  readonly reactions: readonly EmojiName[];
  readonly first: readonly Newcomer[];
  readonly actions: readonly GuildAction[];
  /** Asked for by a moderator at once, or due. */
  readonly reminder: "asked" | "due";
}

const person = fc.nat(9);
const role = fc.constantFrom(...ROLE_NAMES);
const emoji = fc.constantFrom(...EMOJI);
const newcomer: fc.Arbitrary<Newcomer> = fc.record({
  isBot: fc.nat(7).map((n) => n === 7),
  isInAudience: fc.nat(3).map((n) => n < 3),
});
const subject: fc.Arbitrary<Subject> = fc.oneof(
  fc.record({ type: fc.constant("person" as const), person }),
  fc.record({ type: fc.constant("role" as const), role }),
);

const memberChange: fc.Arbitrary<GuildAction> = fc.oneof(
  fc.record({ kind: fc.constant("join" as const), newcomer }),
  fc.record({ kind: fc.constantFrom("leave" as const, "rejoin" as const), person }),
  fc.record({ kind: fc.constantFrom("giveRole" as const, "takeRole" as const), person, role }),
);

const reaction: fc.Arbitrary<GuildAction> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("react" as const), person, emoji, isBurst: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("withdraw" as const), person, emoji }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("reactUnheard" as const), person, emoji, isBurst: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("withdrawUnheard" as const), person, emoji }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clearReactions" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clearEmoji" as const), emoji }) },
);

const wish: fc.Arbitrary<GuildAction> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("excuse" as const), subject }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("unexcuse" as const), subject }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("chooseMode" as const),
      person,
      mode: fc.constantFrom("mention" as const, "dm" as const, "off" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("blockDirectMessages" as const), person, isBlocked: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("deliver" as const),
      by: fc.constantFrom("channel" as const, "dm" as const),
    }),
  },
);

const channelChange: fc.Arbitrary<GuildAction> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("overwrite" as const),
      subject: fc.oneof(
        { weight: 4, arbitrary: subject },
        { weight: 1, arbitrary: fc.constant({ type: "everyone" as const }) },
      ),
      to: fc.constantFrom("hidden" as const, "hidden" as const, "shown" as const, "inherited" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("deleteRole" as const), role }) },
);

/** A cut costs half a second, which discord.js waits before it comes back; a new session up to seven. */
const action: fc.Arbitrary<GuildAction> = fc.oneof(
  { weight: 120, arbitrary: memberChange },
  { weight: 180, arbitrary: reaction },
  { weight: 100, arbitrary: wish },
  { weight: 60, arbitrary: channelChange },
  { weight: 4, arbitrary: fc.constant({ kind: "guildOutage" as const }) },
  { weight: 4, arbitrary: fc.constant({ kind: "cutGateway" as const }) },
  { weight: 10, arbitrary: fc.constant({ kind: "catchUp" as const }) },
);

/** More than two messages' worth of mentions now and then. */
const first = fc.oneof(
  { weight: 24, arbitrary: fc.array(newcomer, { minLength: 1, maxLength: 8, size: "max" }) },
  { weight: 1, arbitrary: fc.array(newcomer, { minLength: 90, maxLength: 190, size: "max" }) },
);

const frame = {
  audience: fc.constantFrom("everyone" as const, "role" as const, "role" as const),
  reactions: fc.subarray(["✅", "❌", "❤️", "custom"] as const, { maxLength: 2 }),
  first,
  reminder: fc.oneof(
    // What is due is looked for once a second.
    { weight: 24, arbitrary: fc.constant("asked" as const) },
    { weight: 1, arbitrary: fc.constant("due" as const) },
  ),
};

export const guildLife: fc.Arbitrary<GuildLife> = fc.record({
  ...frame,
  actions: fc.array(action, { maxLength: 16, size: "max" }),
});

/** The bot loses its session in the middle, and with it whatever happens until it has a new one. */
export const guildLifeWithNewSession: fc.Arbitrary<GuildLife> = fc
  .record({
    ...frame,
    before: fc.array(action, { minLength: 2, maxLength: 8, size: "max" }),
    missed: fc.array(fc.oneof(memberChange, reaction, channelChange), { minLength: 3, maxLength: 12, size: "max" }),
  })
  .map(({ before, missed, ...life }) => ({
    ...life,
    actions: [...before, { kind: "newSession" as const }, ...missed],
  }));

export interface ModelPerson {
  readonly id: string;
  readonly isBot: boolean;
  readonly isOwner: boolean;
  isPresent: boolean;
  readonly roles: Set<RoleName>;
  mode: ReminderMode;
  takesDirectMessages: boolean;
}

/** The rules in plain sets: who is to be reminded, and how. */
export class GuildModel {
  readonly life: Pick<GuildLife, "audience" | "reactions">;
  readonly people: ModelPerson[] = [];
  readonly roles = new Set<RoleName>(ROLE_NAMES);
  /** `person emoji`. */
  readonly answers = new Set<string>();
  /** Ids of people, and names of roles. */
  readonly excused = new Set<string>();
  readonly overwrites = new Map<string, Visibility>();
  delivery: "channel" | "dm" = "channel";

  constructor(life: Pick<GuildLife, "audience" | "reactions">) {
    this.life = life;
  }

  add(person: Pick<ModelPerson, "id"> & Partial<ModelPerson>): ModelPerson {
    const added: ModelPerson = {
      ...{ isBot: false, isOwner: false, isPresent: true, mode: "mention", takesDirectMessages: true },
      ...{ roles: new Set<RoleName>(), ...person },
    };
    this.people.push(added);
    return added;
  }

  /** As Discord works it out: the person's own overwrite, else those of roles, where one that allows wins, else everyone's. */
  canSee({ id, isOwner, roles }: ModelPerson): boolean {
    if (isOwner) return true;
    const own = this.overwrites.get(id);
    if (own === "hidden" || own === "shown") return own === "shown";
    const ofRoles = [...roles].map((name) => this.overwrites.get(name));
    if (ofRoles.includes("shown")) return true;
    return !ofRoles.includes("hidden") && this.overwrites.get("everyone") !== "hidden";
  }

  hasAnswered({ id }: ModelPerson): boolean {
    const { reactions } = this.life;
    return (reactions.length === 0 ? EMOJI : reactions).some((emoji) => this.answers.has(`${id} ${emoji}`));
  }

  /** Audience − bots − gone − excused − answered. */
  listMissing(): ModelPerson[] {
    return this.people.filter((person) => {
      if (person.isBot || !person.isPresent || !this.canSee(person)) return false;
      if (this.life.audience === "role" && !person.roles.has("audience")) return false;
      if (this.excused.has(person.id) || [...person.roles].some((name) => this.excused.has(name))) return false;
      return !this.hasAnswered(person);
    });
  }

  /** Sorted ids. */
  listReminded(): { readonly mentioned: string[]; readonly written: string[] } {
    const reminded = this.listMissing().filter(({ mode }) => mode !== "off");
    const isWritten = ({ mode, takesDirectMessages }: ModelPerson): boolean =>
      takesDirectMessages && (mode === "dm" || this.delivery === "dm");
    const idsOf = (people: ModelPerson[]): string[] => people.map(({ id }) => id).sort();
    return {
      mentioned: idsOf(reminded.filter((person) => !isWritten(person))),
      written: idsOf(reminded.filter(isWritten)),
    };
  }
}
