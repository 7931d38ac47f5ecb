import { CHAIN_START, type ChainFault } from "./audit-chain.ts";
import type { ReadStore } from "./store.ts";

export interface ChainReport {
  /** How many entries are sound, from the first on. */
  readonly soundCount: number;
  /** When the first entry was made; undefined for an empty chain. */
  readonly firstAt: number | undefined;
  readonly fault: ChainFault | undefined;
}

/** Walks a chain to its end or its first fault, in steps that delay nobody. */
export async function verifyChain(
  { audit }: { readonly audit: Pick<ReadStore["audit"], "verify" | "list"> },
  guildId: string,
): Promise<ChainReport> {
  let step = await audit.verify({ guildId, end: CHAIN_START });
  while (!step.isDone) step = await audit.verify({ guildId, end: step.end });
  const first = await audit.list({ guildId, sequence: 0, direction: "newer", limit: 1 });
  return {
    soundCount: step.fault ? step.fault.sequence - 1 : step.end.sequence,
    firstAt: first.entries[0]?.at,
    fault: step.fault,
  };
}
