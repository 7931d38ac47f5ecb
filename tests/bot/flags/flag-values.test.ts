import fc from "fast-check";
import {
  listTimeZones,
  readEmblem,
  readOneOf,
  readQuietHours,
  readSwitch,
  readTimeZone,
} from "../../../src/bot/flags/flag-values.ts";
import { isTimeZone } from "../../../src/roll-call/time-zone.ts";
import { anyCharacter } from "../../arbitraries/character.ts";
import { customEmoji, UNICODE_EMOJI } from "../../arbitraries/roll-call.ts";

const REFUSED = { ok: false, problem: "not-understood" };
const valueOf = (value: string): unknown => ({ ok: true, value });

describe("readSwitch", () => {
  it.each([
    ["on", "on"],
    [" ON ", "on"],
    ["yes", "on"],
    ["off", "off"],
    ["False", "off"],
  ])("stores %j as %j", (text, value) => expect(readSwitch(text)).toEqual(valueOf(value)));

  it.each(["", "maybe", "onoff", "1", "constructor"])("refuses %j", (text) =>
    expect(readSwitch(text)).toEqual(REFUSED),
  );
});

describe("readOneOf", () => {
  it("takes its values in any case, and nothing else", () => {
    const read = readOneOf("everyone", "moderators");
    expect(read(" Everyone ")).toEqual(valueOf("everyone"));
    expect(read("every")).toEqual(REFUSED);
    expect(read("")).toEqual(REFUSED);
  });
});

describe("readQuietHours", () => {
  it.each([
    ["22:00-08:00", "22:00-08:00"],
    [" 7:30 – 9:05 ", "07:30-09:05"],
    ["22:00-24:00", "22:00-00:00"],
  ])("stores %j as %j", (text, value) => expect(readQuietHours(text)).toEqual(valueOf(value)));

  it.each(["22-8", "25:00-08:00", "22:00-22:00", "22:60-08:00", "off"])("refuses %j", (text) =>
    expect(readQuietHours(text)).toEqual(REFUSED),
  );
});

describe("readTimeZone", () => {
  it.each([
    ["Europe/Vienna", "Europe/Vienna"],
    ["europe/vienna", "Europe/Vienna"],
    ["utc", "UTC"],
    ["UTC", "UTC"],
  ])("stores %j as %j", (text, value) => expect(readTimeZone(text)).toEqual(valueOf(value)));

  it.each(["", "Vienna", "+02:00", "Europe/Atlantis", "constructor"])("refuses %j", (text) =>
    expect(readTimeZone(text)).toEqual(REFUSED),
  );

  it("takes every zone that it lists, and former names in a form that is known", () => {
    for (const name of listTimeZones()) expect(readTimeZone(name)).toEqual(valueOf(name));
    const former = readTimeZone("Europe/Kyiv");
    expect(former.ok && isTimeZone(former.value)).toBe(true);
  });
});

describe("readEmblem", () => {
  it.each(UNICODE_EMOJI)("takes %s", (emoji) => expect(readEmblem(` ${emoji} `)).toEqual(valueOf(emoji)));

  it("stores any custom emoji as message text shows it", () => {
    fc.assert(
      fc.property(customEmoji, ({ name, id, isAnimated }) => {
        const text = `<${isAnimated ? "a" : ""}:${name}:${id}>`;
        expect(readEmblem(text)).toEqual(valueOf(text));
      }),
    );
  });

  it.each([
    "https://example.org/flag.png",
    "https://cdn.example.org/a/b.webp?size=64",
    "https://xn--bcher-kva.example/a.GIF",
  ])("takes the image %s", (url) => expect(readEmblem(url)).toEqual(valueOf(url)));

  it.each([
    "",
    "flag",
    "✅❌",
    "✅ ❌",
    "http://example.org/flag.png",
    "https://example.org/flag",
    "https://example.org/flag.svg",
    "https://example.org/flag.png.exe",
    "https://user:password@example.org/flag.png",
    "https://example.org:8443/flag.png",
    "https://localhost/flag.png",
    "https://127.0.0.1/flag.png",
    "https://2130706433/flag.png",
    "https://[::1]/flag.png",
    "https://example.org/fl ag.png",
    "https://example.org/flag.png>",
    "javascript:alert(1)//.png",
    "data:image/png;base64,AAAA",
    `https://example.org/${"a".repeat(300)}.png`,
  ])("refuses %j", (text) => expect(readEmblem(text)).toEqual(REFUSED));

  /** `fc.webUrl` makes a table of all characters first, which takes longer than all that is looked at here. */
  const address = fc
    .tuple(
      fc.constantFrom("http", "https", "HTTPS", "ftp", "javascript", ""),
      fc.oneof(
        fc.domain(),
        fc.ipV4(),
        fc.ipV6().map((ip) => `[${ip}]`),
        fc.string({ unit: anyCharacter }),
      ),
      fc.string({ unit: anyCharacter, maxLength: 30 }),
      fc.constantFrom(".png", ".gif", ".png?a=b", ".html", ""),
    )
    .map(([scheme, host, path, ending]) => `${scheme}://${host}/${path}${ending}`);

  it("never throws, and takes no address but https", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), address), (text) => {
        const result = readEmblem(text);
        if (result.ok && result.value.includes("//")) expect(result.value).toMatch(/^https:\/\//);
      }),
    );
  });
});
