import fc from "fast-check";
import { DEFINITION_LIST, type NamedDefinition } from "../../src/config/definitions.ts";

const validValues = new Map<NamedDefinition, fc.Arbitrary<unknown>>();

/** Values that each setting accepts. Made once: fast-check takes longer to make one for addresses than to draw from it. */
export function validValue(definition: NamedDefinition): fc.Arbitrary<unknown> {
  const known = validValues.get(definition);
  if (known) return known;
  const created = createValidValue(definition);
  validValues.set(definition, created);
  return created;
}

function createValidValue({ kind }: NamedDefinition): fc.Arbitrary<unknown> {
  switch (kind.type) {
    case "duration":
    case "size":
    case "integer":
      return fc.integer(kind.range);
    case "decimal":
      return fc
        .integer({ min: kind.range!.min * 100, max: kind.range!.max * 100 })
        .map((hundredths) => hundredths / 100);
    case "percentage":
      return fc.integer({ min: 0, max: 10_000 }).map((hundredths) => hundredths / 100 / 100);
    case "boolean":
      return fc.boolean();
    case "choice":
      return fc.constantFrom(...kind.choices!);
    case "cron":
      return cronExpression;
    case "window":
      return dailyWindow;
    case "timezone":
      return fc.constantFrom(...Intl.supportedValuesOf("timeZone"), "UTC");
    case "snowflake":
      return snowflakeId;
    case "snowflakes":
      return fc.uniqueArray(snowflakeId, { maxLength: 5 });
    case "url":
      return address;
    case "host":
      return fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
    case "path":
      return fc.stringMatching(/^[a-z][a-z0-9 ._-]{0,20}(\/[a-z0-9_-]{1,10}){0,3}[a-z]$/);
    case "secret":
      return fc.stringMatching(/^[!-~]{16,60}$/);
  }
}

/** Put together from parts: fast-check's own takes seconds to be made, with a table of all that is percent-encoded. */
const address = fc
  .tuple(fc.webAuthority(), fc.stringMatching(/^(\/([a-z0-9._~-]|%[0-9A-F]{2}){1,8}){0,3}$/))
  .map(([authority, path]) => `https://${authority}${path}`);

const snowflakeId = fc.bigInt({ min: 10n ** 16n, max: 2n ** 64n - 1n }).map(String);

const dailyWindow = fc
  .uniqueArray(fc.integer({ min: 0, max: 1439 }), { minLength: 2, maxLength: 2 })
  .map(([startMinute, endMinute]) => ({ startMinute, endMinute }));

export const cronExpression = fc
  .tuple(
    cronField(0, 59),
    cronField(0, 23),
    fc.oneof(fc.constant("*"), cronField(1, 28)),
    cronField(1, 12),
    cronField(0, 6),
  )
  .map((fields) => fields.join(" "));

function cronField(min: number, max: number): fc.Arbitrary<string> {
  const number = fc.integer({ min, max });
  const range = fc.tuple(number, number).map(([one, other]) => `${Math.min(one, other)}-${Math.max(one, other)}`);
  const step = fc.integer({ min: 1, max: Math.min(max, 12) });
  const stepped = fc.tuple(fc.oneof(fc.constant("*"), range), step).map(([base, every]) => `${base}/${every}`);
  const item = fc.oneof(number.map(String), range, stepped);
  return fc.oneof(
    fc.constant("*"),
    fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => items.join(",")),
  );
}

const garbage = fc.stringMatching(/^[?!~]{1,5}[a-z0-9?!~ ]{0,20}[?!~]$/);
/** Strange to every kind but those that take nearly any text. */
const strange = (...others: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(garbage, fc.constantFrom("-1", ...others));

const invalidTexts = new Map<NamedDefinition, fc.Arbitrary<string>>();

/** Texts that each setting refuses; made once, too. */
export function invalidText(definition: NamedDefinition): fc.Arbitrary<string> {
  const known = invalidTexts.get(definition);
  if (known) return known;
  const created = createInvalidText(definition);
  invalidTexts.set(definition, created);
  return created;
}

function createInvalidText({ kind }: NamedDefinition): fc.Arbitrary<string> {
  const aboveRange = fc.integer({ min: 1, max: 1_000_000 }).map((excess) => (kind.range?.max ?? 0) + excess);
  switch (kind.type) {
    case "duration":
      return fc.oneof(
        strange("5", "5x", "1h-1m", "ms"),
        aboveRange.map((milliseconds) => `${milliseconds}ms`),
      );
    case "size":
      return fc.oneof(
        strange("5", "5m", "MB", "1.2.3MB"),
        aboveRange.map((bytes) => `${bytes}B`),
      );
    case "integer":
      return fc.oneof(strange("1.5", "2e0", "0x3", "3 3", "Infinity"), aboveRange.map(String));
    case "decimal":
      return fc.oneof(strange("1,5", "2e0", "NaN", ".", "Infinity"), aboveRange.map(String));
    case "percentage":
      return fc.oneof(
        strange("5", "0.05", "%", "1e1%"),
        fc.integer({ min: 101, max: 9_999 }).map((percent) => `${percent}%`),
      );
    case "boolean":
      return strange("2", "ja", "truee", "enabled");
    case "choice":
      return strange("fulll", "loudest", "staging", "0");
    case "cron":
      return strange("* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "0 0 31 2 *", "*/0 * * * *", "5-1 * * * *");
    case "window":
      return strange("02:00", "2-5", "24:00-02:00", "02:60-03:00", "03:00-03:00", "00:00-24:00", "02:00-25:00");
    case "timezone":
      return strange("+02:00", "Mars/Olympus", "Europe/");
    case "snowflake":
    case "snowflakes":
      return strange("123", "12345678901234567890123", "100000000000000001,", "<#100000000000000001>");
    case "url":
      return strange("example.org", "ftp://example.org", "https://", "https://a b", "javascript:alert(1)");
    case "host":
      return strange("256.1.1.1", "1.2.3", "a_b", "-a.example", "http://localhost", "[::1]");
    case "path":
      return fc.constantFrom(":memory:", "file:muster.db?mode=ro", "a\0b");
    case "secret":
      return fc.stringMatching(/^[!-~]{3,6}[\n\t\u0007][!-~]{3,6}$/);
  }
}

export const anyDefinition = fc.constantFrom(...DEFINITION_LIST);
