import { readEventChanges, readEventFields, type EventOptions } from "../../../src/bot/events/event-input.ts";
import { EventRefusal } from "../../../src/bot/events/event-refusal.ts";
import { english } from "../../../src/bot/texts/texts.ts";

const GUILD_ID = "100000000000000001";
const ROLE_ID = "100000000000000002";
const HOUR_MS = 3_600_000;
const NONE: EventOptions = {
  ...{ title: null, every: null, reactions: null, audienceRoleId: null, description: null, closes: null },
};
const CONTEXT = {
  ...{ texts: english, guildId: GUILD_ID, minIntervalMs: 300_000, timeZone: "Europe/Berlin" },
  nowAt: Date.UTC(2026, 5, 1, 12),
};

function read(options: Partial<EventOptions>): ReturnType<typeof readEventChanges> {
  return readEventChanges({ ...NONE, ...options }, CONTEXT);
}

function refusalOf(options: Partial<EventOptions>): string {
  try {
    read(options);
  } catch (error) {
    if (error instanceof EventRefusal) return error.message;
    throw error;
  }
  return "accepted";
}

describe("a new event's fields", () => {
  it("have defaults for all but the title", () => {
    expect(readEventFields({ ...NONE, title: "Raid" }, CONTEXT)).toEqual({
      ...{ title: "Raid", description: "", intervalMs: 24 * HOUR_MS, reactions: ["✅", "❌", "❓"] },
      ...{ audienceRoleId: undefined, closesAt: undefined },
    });
  });

  it("keep the default interval above the shortest one allowed", () => {
    const context = { ...CONTEXT, minIntervalMs: 48 * HOUR_MS };
    expect(readEventFields({ ...NONE, title: "Raid" }, context).intervalMs).toBe(48 * HOUR_MS);
  });

  it("take every option", () => {
    const fields = readEventFields(
      {
        ...{ title: " Friday\u0007  raid ", every: "2 days", reactions: "👍<:yes:123456789012345678>" },
        ...{ audienceRoleId: ROLE_ID, description: "Bring\nfood", closes: "tomorrow 8pm" },
      },
      CONTEXT,
    );
    expect(fields).toEqual({
      ...{ title: "Friday raid", description: "Bring food", intervalMs: 48 * HOUR_MS },
      ...{ reactions: ["👍", "yes:123456789012345678"], audienceRoleId: ROLE_ID },
      closesAt: Date.UTC(2026, 5, 2, 18),
    });
  });
});

describe("what an edit changes", () => {
  it("is what was given", () => {
    expect(read({})).toEqual({});
    expect(read({ every: "1h" })).toEqual({ intervalMs: HOUR_MS });
  });

  it("may remove what is optional", () => {
    expect(read({ audienceRoleId: GUILD_ID, closes: "Never", description: "none", reactions: "any" })).toEqual({
      ...{ audienceRoleId: null, closesAt: null, description: "", reactions: [] },
    });
  });
});

describe("a value that is not allowed", () => {
  it("is refused with the limit", () => {
    expect(refusalOf({ title: "x".repeat(101) })).toMatch(/101 characters.*100/);
    expect(refusalOf({ description: "x".repeat(1_001) })).toMatch(/1,001 characters.*1,000/);
    expect(refusalOf({ every: "1m" })).toContain("5 min");
    expect(refusalOf({ every: "53w" })).toContain("52 weeks");
    expect(refusalOf({ reactions: [..."😀😁😂😃😄😅😆😇😈😉😊😋😌😍😎😏😐😑😒😓😔"].join(" ") })).toContain("20");
    expect(refusalOf({ closes: "in 3 years" })).toContain("two years");
  });

  it("is refused with what would be understood", () => {
    expect(refusalOf({ every: "24" })).toContain("`24h`");
    expect(refusalOf({ every: "soon" })).toContain("`24h`");
    expect(refusalOf({ closes: "whenever" })).toContain("`friday 18:00`");
    expect(refusalOf({ reactions: "✅ yes" })).toContain('"yes" is not an emoji');
    expect(refusalOf({ reactions: "✅ ✅" })).toContain("✅ is there twice");
    expect(refusalOf({ closes: "yesterday" })).toContain("over already");
  });

  it("is quoted so that it mentions and formats nothing", () => {
    expect(refusalOf({ every: "@everyone **now**" })).not.toMatch(/@everyone|(?<!\\)\*\*now/);
  });

  it("includes a title that nobody could see", () => {
    expect(refusalOf({ title: " \u200B\u2060 " })).toBe(english.events.refusals.titleEmpty);
  });
});
