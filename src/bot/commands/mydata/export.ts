import { AttachmentBuilder } from "discord.js";
import type { CommandContext, Reply } from "../../command.ts";
import { createDataExport } from "./data-export.ts";

/** Bots may attach 10 MB where a server has no boosts. */
const MAX_BYTES = 8_000_000;

export async function exportMyData({ services, guildId, member }: CommandContext): Promise<Reply> {
  const { store, clock, texts } = services;
  const words = texts.myData;
  const owner = { guildId, guildName: member.guild.name, userId: member.id };
  const at = clock.now();
  const { data, counts, isEmpty, isComplete } = await createDataExport(store, owner, { at, maxBytes: MAX_BYTES });
  if (isEmpty) return { content: words.nothingKept };
  const lines = [words.exported(counts), ...(isComplete ? [] : [words.exportTruncated]), words.notInIt];
  const name = `mydata-${new Date(at).toISOString().slice(0, 10)}.json`;
  return { content: lines.join("\n"), files: [new AttachmentBuilder(data, { name })] };
}
