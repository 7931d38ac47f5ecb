/**
 * Emoji as keys, the plain strings that events and answers keep. A unicode emoji's key is the emoji itself, fully
 * qualified: Discord, keyboards and libraries disagree about U+FE0F, so it is put where Unicode wants it, whatever was
 * given. A custom emoji's key is `name:id`, or `a:name:id` when it is known to be animated. Its id alone says which
 * emoji it is: a server may rename it, and Discord's events do not always say that it is animated. So keys are compared
 * with `isSameEmoji`, never with `===`.
 */

export type ReactionEmoji =
  | { readonly kind: "unicode"; readonly key: string }
  | {
      readonly kind: "custom";
      readonly key: string;
      readonly id: string;
      readonly name: string;
      readonly isAnimated: boolean;
    };

export type EmojiListResult =
  | { readonly ok: true; readonly emoji: readonly ReactionEmoji[] }
  | { readonly ok: false; readonly problem: EmojiListProblem };

export interface EmojiListProblem {
  readonly kind: "not-an-emoji" | "duplicate" | "too-many" | "empty";
  /** What was written, where one place is to blame. */
  readonly token?: string;
}

/** Discord's limit of different reactions on one message. */
export const MAX_REACTIONS = 20;

/** Discord sends no name for a reaction whose custom emoji was deleted from its server. */
const DELETED_EMOJI_NAME = "deleted";

const CUSTOM_KEY = /^(a:)?(\w{2,32}):(\d{17,20})$/;
const CUSTOM_MENTION = /<(a?):(\w{2,32}):(\d{17,20})>/y;
const RGI_EMOJI = /^\p{RGI_Emoji}$/v;
/** Not an emoji to Unicode, but Discord has the letters A to Z as reactions of their own. */
const LETTER_EMOJI = /^\p{Regional_Indicator}$/u;
const NEEDS_EMOJI_STYLE = /(?!\p{Emoji_Presentation})\p{Emoji}(?!\p{Emoji_Modifier})/gu;

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** The fully qualified writing: U+FE0F after every character that is text by default and has no skin tone. */
function qualify(unicodeEmoji: string): string {
  return unicodeEmoji.replaceAll("\uFE0F", "").replace(NEEDS_EMOJI_STYLE, "$&\uFE0F");
}

function createCustomEmoji(name: string, id: string, isAnimated: boolean): ReactionEmoji {
  return { kind: "custom", key: `${isAnimated ? "a:" : ""}${name}:${id}`, id, name, isAnimated };
}

/** Reads a key back; whatever is not a custom emoji's key is taken for a unicode emoji. */
export function readEmojiKey(key: string): ReactionEmoji {
  const custom = CUSTOM_KEY.exec(key);
  if (!custom) return { kind: "unicode", key: qualify(key) };
  return createCustomEmoji(custom[2]!, custom[3]!, custom[1] !== undefined);
}

/**
 * The key of a reaction as Discord sends it; `""` (answered, choice unknown) when Discord names no emoji at all. It never
 * says "animated": Discord does not always, and removing a reaction must give the key that adding it gave.
 */
export function emojiKey(emoji: { readonly id: string | null; readonly name: string | null }): string {
  if (emoji.id === null) return qualify(emoji.name ?? "");
  return createCustomEmoji(emoji.name ?? DELETED_EMOJI_NAME, emoji.id, false).key;
}

/** What two keys of the same emoji have in common: the id of a custom one, else the emoji. Fit for a Map. */
export function emojiIdentity(key: string): string {
  const emoji = readEmojiKey(key);
  return emoji.kind === "custom" ? emoji.id : emoji.key;
}

export function isSameEmoji(keyA: string, keyB: string): boolean {
  return emojiIdentity(keyA) === emojiIdentity(keyB);
}

/**
 * The event's own key for an emoji that came with a reaction, or that emoji's key when the event does not list it.
 * Answers are kept under this one, so that removing a reaction finds what adding it recorded after a rename, too.
 */
export function matchEventEmoji(key: string, eventEmoji: readonly string[]): string {
  const identity = emojiIdentity(key);
  return eventEmoji.find((candidate) => emojiIdentity(candidate) === identity) ?? key;
}

/** For message text: `<:name:id>`, `<a:name:id>`, or the unicode emoji. */
export function formatEmoji(key: string): string {
  const emoji = readEmojiKey(key);
  if (emoji.kind === "unicode") return emoji.key;
  return `<${emoji.isAnimated ? "a" : ""}:${emoji.name}:${emoji.id}>`;
}

/** For discord.js's `message.react()` and for REST paths as it stands: percent-encoded unicode, or `name:id`. */
export function toReactionIdentifier(key: string): string {
  const emoji = readEmojiKey(key);
  return emoji.kind === "unicode" ? encodeURIComponent(emoji.key) : `${emoji.name}:${emoji.id}`;
}

/** One emoji and nothing else: unicode, `<:name:id>` or `<a:name:id>`. */
export function parseEmoji(text: string): ReactionEmoji | undefined {
  const emoji = parseWord(text);
  return emoji?.length === 1 ? emoji[0] : undefined;
}

/** Emoji separated by white space or by nothing; 1 to 20 of them, none twice. */
export function parseEmojiList(text: string): EmojiListResult {
  const list: ReactionEmoji[] = [];
  const identities = new Set<string>();
  for (const word of text.split(/\s+/)) {
    if (word === "") continue;
    const emojiInWord = parseWord(word);
    if (!emojiInWord) return { ok: false, problem: { kind: "not-an-emoji", token: word } };
    for (const emoji of emojiInWord) {
      const identity = emojiIdentity(emoji.key);
      if (identities.has(identity)) {
        return { ok: false, problem: { kind: "duplicate", token: formatEmoji(emoji.key) } };
      }
      identities.add(identity);
      list.push(emoji);
    }
  }
  if (list.length === 0) return { ok: false, problem: { kind: "empty" } };
  if (list.length > MAX_REACTIONS) return { ok: false, problem: { kind: "too-many" } };
  return { ok: true, emoji: list };
}

/** All emoji of a text without white space; undefined when anything in it is not an emoji. */
function parseWord(word: string): ReactionEmoji[] | undefined {
  const list: ReactionEmoji[] = [];
  for (let index = 0; index < word.length;) {
    CUSTOM_MENTION.lastIndex = index;
    const custom = CUSTOM_MENTION.exec(word);
    if (custom) {
      list.push(createCustomEmoji(custom[2]!, custom[3]!, custom[1] === "a"));
      index += custom[0].length;
      continue;
    }
    const grapheme = graphemes.segment(word).containing(index)!.segment;
    const key = qualify(grapheme);
    if (!RGI_EMOJI.test(key) && !LETTER_EMOJI.test(key)) return undefined;
    list.push({ kind: "unicode", key });
    index += grapheme.length;
  }
  return list;
}
