import type { APIEmbed, APIEmbedField } from "discord.js";
import { CHAIN_START, type ChainFault } from "../../store/audit-chain.ts";
import { SYSTEM_CHAIN } from "../../store/audit.ts";
import type { Store } from "../../store/store.ts";
import type { CommandContext, Reply } from "../command.ts";
import { formatMoment } from "../format-time.ts";
import type { Texts } from "../texts/texts.ts";

const SOUND_COLOUR = 0x2e9e5b;
const BROKEN_COLOUR = 0xd23c3c;

export interface ChainReport {
  /** How many entries are sound, from the first on. */
  readonly soundCount: number;
  /** When the first entry was made; undefined for an empty chain. */
  readonly firstAt: number | undefined;
  readonly fault: ChainFault | undefined;
}

/** Checks the server's own entries, and those of what the program did to itself. */
export async function verifyAudit({ services, guildId }: CommandContext): Promise<Reply> {
  const { store, texts } = services;
  const server = await verifyChain(store, guildId);
  const system = await verifyChain(store, SYSTEM_CHAIN);
  return { embeds: [createVerifyEmbed(server, system, texts)] };
}

/** Walks a chain to its end or its first fault, in steps that delay nobody. */
export async function verifyChain(store: Store, guildId: string): Promise<ChainReport> {
  let step = await store.audit.verify({ guildId, end: CHAIN_START });
  while (!step.isDone) step = await store.audit.verify({ guildId, end: step.end });
  const first = await store.audit.list({ guildId, sequence: 0, direction: "newer", limit: 1 });
  return {
    soundCount: step.fault ? step.fault.sequence - 1 : step.end.sequence,
    firstAt: first.entries[0]?.at,
    fault: step.fault,
  };
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
