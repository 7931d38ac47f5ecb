import { Collection, ChannelType, PermissionFlagsBits, PermissionsBitField, type Guild } from "discord.js";
import { FLAG_NAMES, getFlagDefinition, isFlagName } from "../../../src/bot/flags/flag-table.ts";

const CHANNEL = "100000000000000001";
const VOICE_CHANNEL = "100000000000000002";
const CLOSED_CHANNEL = "100000000000000003";

/** A guild with a text channel, one in which the bot may not send, and a voice channel. */
function createGuild(): Guild {
  const channel = (id: string, name: string, type: ChannelType, permissions: bigint): [string, unknown] => [
    id,
    { id, name, type, permissionsFor: () => new PermissionsBitField(permissions) },
  ];
  const all = PermissionFlagsBits.ViewChannel | PermissionFlagsBits.SendMessages | PermissionFlagsBits.EmbedLinks;
  const cache = new Collection([
    channel(CHANNEL, "alerts", ChannelType.GuildText, all),
    channel(VOICE_CHANNEL, "voice", ChannelType.GuildVoice, all),
    channel(CLOSED_CHANNEL, "closed", ChannelType.GuildText, PermissionFlagsBits.ViewChannel),
  ]);
  return { channels: { cache }, members: { me: {} } } as unknown as Guild;
}

describe("flag table", () => {
  it.each(FLAG_NAMES.map((name) => [name]))(
    "%s has a name that the store takes, a description and at least one subject",
    (name) => {
      expect(name).toMatch(/^[a-z][a-z-]{0,31}$/);
      const { description, expected, subjects } = getFlagDefinition(name);
      expect(description.length).toBeGreaterThan(10);
      expect(expected.length).toBeGreaterThan(2);
      expect(new Set(subjects).size).toBe(subjects.length);
    },
  );

  it.each(FLAG_NAMES.map((name) => [name]))("%s takes every value that it offers, and stores it as offered", (name) => {
    const guild = createGuild();
    const { listChoices, parse } = getFlagDefinition(name);
    for (const { value } of listChoices?.(guild) ?? []) expect(parse(value, guild)).toEqual({ ok: true, value });
  });

  it.each(FLAG_NAMES.map((name) => [name]))("%s refuses what is none of its values", (name) => {
    const { parse } = getFlagDefinition(name);
    for (const text of ["", " ", "none of it", "@everyone", "\u0000"]) {
      expect(parse(text, createGuild())).toEqual({ ok: false, problem: "not-understood" });
    }
  });

  it("has no flag named like something that every object has", () => {
    expect(isFlagName("constructor")).toBe(false);
    expect(isFlagName("timezone")).toBe(true);
  });
});

describe("alert-channel", () => {
  const { parse, listChoices } = getFlagDefinition("alert-channel");

  it.each([CHANNEL, `<#${CHANNEL}>`, ` ${CHANNEL} `])("takes %j", (text) =>
    expect(parse(text, createGuild())).toEqual({ ok: true, value: CHANNEL }),
  );

  it.each([VOICE_CHANNEL, "100000000000000009", "#alerts", `<@${CHANNEL}>`])("refuses %j", (text) =>
    expect(parse(text, createGuild())).toEqual({ ok: false, problem: "not-understood" }),
  );

  it("tells which permissions the bot lacks there", () => {
    expect(parse(CLOSED_CHANNEL, createGuild())).toEqual({
      ok: false,
      problem: "missing-permissions",
      permissions: PermissionFlagsBits.SendMessages | PermissionFlagsBits.EmbedLinks,
    });
  });

  it("offers the channels in which the bot may send", () => {
    expect(listChoices?.(createGuild())).toEqual([{ name: "#alerts", value: CHANNEL }]);
  });
});
