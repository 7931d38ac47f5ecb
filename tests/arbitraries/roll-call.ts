import fc from "fast-check";
import type { AudienceMember, ExpectedInput } from "../../src/roll-call/missing.ts";
import type { QuietHours } from "../../src/roll-call/quiet-hours.ts";

const MINUTE_MS = 60_000;

/** Ids as Discord has them: 17 to 19 digits, mostly beyond 2^53. */
export const snowflake = fc.bigInt({ min: 10n ** 16n, max: 2n ** 63n - 1n }).map(String);

/** A handful of ids, so that members, roles and excuses meet. */
export const smallId = fc.integer({ min: 1, max: 12 }).map((n) => `10000000000000${String(n).padStart(4, "0")}`);

export const audienceMember: fc.Arbitrary<AudienceMember> = fc.record({
  id: smallId,
  isBot: fc.boolean(),
  roleIds: fc.uniqueArray(smallId, { maxLength: 3 }),
  canSeeChannel: fc.boolean(),
});

const idSet = fc.uniqueArray(smallId, { maxLength: 3 }).map((ids): ReadonlySet<string> => new Set(ids));

export const expectedInput: fc.Arbitrary<ExpectedInput & { members: AudienceMember[] }> = fc.record({
  members: fc.uniqueArray(audienceMember, { selector: (member) => member.id, maxLength: 12 }),
  audienceRoleId: fc.option(smallId, { nil: undefined }),
  excused: fc.record({ memberIds: idSet, roleIds: idSet }),
});

/** One of each kind: plain, text by default, keycap, flags, skin tone, ZWJ sequences, tag sequence. */
export const UNICODE_EMOJI = [
  "✅",
  "❌",
  "❓",
  "❤️",
  "☑️",
  "🛎️",
  "©️",
  "1️⃣",
  "#️⃣",
  "🇩🇪",
  "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
  "👍🏽",
  "✌🏻",
  "☝🏿",
  "👩‍💻",
  "🏳️‍🌈",
  "🏴‍☠️",
  "👁️‍🗨️",
  "❤️‍🔥",
  "🕵🏽‍♀️",
  "👨‍👩‍👧‍👦",
  "🧑🏻‍🤝‍🧑🏿",
  "🇦",
] as const;

export const unicodeEmoji = fc.constantFrom(...UNICODE_EMOJI);

const emojiName = fc.stringMatching(/^[A-Za-z0-9_]{2,32}$/);

export const customEmoji = fc.record({ name: emojiName, id: snowflake, isAnimated: fc.boolean() });

/** Emoji as they are typed, no two the same. */
export const emojiTexts = fc.uniqueArray(
  fc.oneof(
    unicodeEmoji,
    customEmoji.map(({ name, id, isAnimated }) => `<${isAnimated ? "a" : ""}:${name}:${id}>`),
  ),
  { minLength: 1, maxLength: 20 },
);

/** With summer time (north, south, half an hour of it, at midnight), without, and with odd offsets. */
export const timeZone = fc.constantFrom(
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "America/Havana",
  "America/St_Johns",
  "Australia/Lord_Howe",
  "Pacific/Auckland",
  "Asia/Kathmandu",
);

export const quietHours: fc.Arbitrary<QuietHours> = fc
  .record({
    startMinute: fc.integer({ min: 0, max: 1439 }),
    endMinute: fc.integer({ min: 0, max: 1439 }),
    timeZone,
  })
  .filter(({ startMinute, endMinute }) => startMinute !== endMinute);

/** Days on which some of the zones above change their clocks. */
const CHANGE_DAYS = ["2026-03-08", "2026-03-29", "2026-04-04", "2026-09-26", "2026-10-03", "2026-10-25", "2026-11-01"];

/** Whole minutes, half of them within a day of a change of clocks. */
export const minuteAt = fc.oneof(
  fc.integer({ min: 29_000_000, max: 30_500_000 }).map((minute) => minute * MINUTE_MS),
  fc
    .tuple(fc.constantFrom(...CHANGE_DAYS), fc.integer({ min: -1440, max: 2880 }))
    .map(([day, minutes]) => Date.parse(`${day}T00:00:00Z`) + minutes * MINUTE_MS),
);
