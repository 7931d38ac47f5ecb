import type { APIEmbed, APIEmbedField } from "discord.js";
import { verifyChain, type ChainReport } from "../../store/audit-verification.ts";
import { SYSTEM_CHAIN } from "../../store/audit.ts";
import type { CommandContext, Reply } from "../command.ts";
import { formatMoment } from "../format-time.ts";
import type { Texts } from "../texts/texts.ts";

const SOUND_COLOUR = 0x2e9e5b;
const BROKEN_COLOUR = 0xd23c3c;

/** Checks the server's own entries, and those of what the program did to itself. */
export async function verifyAudit({ services, guildId }: CommandContext): Promise<Reply> {
  const { store, texts } = services;
  const server = await verifyChain(store, guildId);
  const system = await verifyChain(store, SYSTEM_CHAIN);
  return { embeds: [createVerifyEmbed(server, system, texts)] };
}

export function createVerifyEmbed(server: ChainReport, system: ChainReport, texts: Texts): APIEmbed {
  const words = texts.admin.audit;
  const isBroken = server.fault !== undefined || system.fault !== undefined;
  return {
    title: words.verifyTitle,
    color: isBroken ? BROKEN_COLOUR : SOUND_COLOUR,
    fields: [describeChain(words.serverChain, server, texts), describeChain(words.systemChain, system, texts)],
    ...(isBroken ? { footer: { text: words.chainBrokenAdvice } } : {}),
  };
}

function describeChain(name: string, { soundCount, firstAt, fault }: ChainReport, texts: Texts): APIEmbedField {
  const { chainBroken, chainEmpty, chainUnbroken } = texts.admin.audit;
  if (fault) return { name, value: chainBroken(fault, soundCount) };
  if (firstAt === undefined) return { name, value: chainEmpty };
  return { name, value: chainUnbroken(soundCount, formatMoment(firstAt, "short")) };
}
