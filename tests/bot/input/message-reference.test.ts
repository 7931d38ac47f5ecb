import fc from "fast-check";
import { isSnowflake, parseMessageReference } from "../../../src/bot/input/message-reference.ts";
import { snowflake } from "../../arbitraries/roll-call.ts";

const GUILD = "100000000000000001";
const CHANNEL = "200000000000000002";
const MESSAGE = "1300000000000000003";
const path = `channels/${GUILD}/${CHANNEL}/${MESSAGE}`;
const full = { guildId: GUILD, channelId: CHANNEL, messageId: MESSAGE };

describe("parseMessageReference", () => {
  it.each([
    `https://discord.com/${path}`,
    `https://ptb.discord.com/${path}`,
    `https://canary.discord.com/${path}`,
    `https://discordapp.com/${path}`,
    `<https://discord.com/${path}>`,
    `  https://discord.com/${path} `,
  ])("reads %s", (text) => expect(parseMessageReference(text)).toEqual(full));

  it("reads a channel id with a message id, and a bare message id", () => {
    expect(parseMessageReference(`${CHANNEL}-${MESSAGE}`)).toEqual({ channelId: CHANNEL, messageId: MESSAGE });
    expect(parseMessageReference(MESSAGE)).toEqual({ messageId: MESSAGE });
  });

  it.each([
    "",
    "hello",
    `http://discord.com/${path}`,
    `https://evil.com/${path}`,
    `https://discord.com.evil.com/${path}`,
    `https://evil.com/https://discord.com/${path}`,
    `https://xdiscord.com/${path}`,
    `https://discord.com/${path}/`,
    `https://discord.com/${path}?x=1`,
    `https://discord.com/channels/@me/${CHANNEL}/${MESSAGE}`,
    `https://discord.com/channels/${CHANNEL}/${MESSAGE}`,
    `https://discord.com/channels/1/${CHANNEL}/${MESSAGE}`,
    `<https://discord.com/${path}`,
    `see https://discord.com/${path}`,
    `${MESSAGE} ${MESSAGE}`,
    `${GUILD}-${CHANNEL}-${MESSAGE}`,
    `-${MESSAGE}`,
    `${MESSAGE}n`,
  ])("refuses %j", (text) => expect(parseMessageReference(text)).toBeUndefined());

  it("reads back every way to point to any message", () => {
    fc.assert(
      fc.property(snowflake, snowflake, snowflake, (guildId, channelId, messageId) => {
        const link = `https://discord.com/channels/${guildId}/${channelId}/${messageId}`;
        expect(parseMessageReference(link)).toEqual({ guildId, channelId, messageId });
        expect(parseMessageReference(`${channelId}-${messageId}`)).toEqual({ channelId, messageId });
        expect(parseMessageReference(messageId)).toEqual({ messageId });
      }),
    );
  });
});

describe("isSnowflake", () => {
  it("holds for 17 to 20 digits below 2^63", () => {
    expect(isSnowflake("10000000000000000")).toBe(true);
    expect(isSnowflake("9223372036854775807")).toBe(true);
    expect(isSnowflake("9223372036854775808")).toBe(false);
    expect(isSnowflake("10000000000000000000")).toBe(false);
    expect(isSnowflake("1000000000000000")).toBe(false);
    expect(isSnowflake("01000000000000000")).toBe(false);
    expect(isSnowflake("١٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠")).toBe(false);
  });
});
