import type { Bench } from "../harness.ts";
import type { PeerChoice } from "../processes/peer.ts";
import type { Remote } from "../processes/rpc.ts";

const tuned = (module: string): PeerChoice => ({ module, isTuned: true });
const asItComes = (module: string): PeerChoice => ({ module, isTuned: false });

/** The others, by the name that tables show. */
export const PEERS: Readonly<Record<string, PeerChoice>> = {
  "plain better-sqlite3": tuned("better-sqlite3.js"),
  "node:sqlite": tuned("node-sqlite.js"),
  drizzle: tuned("drizzle.js"),
  kysely: tuned("kysely.js"),
  knex: tuned("knex.js"),
  typeorm: tuned("typeorm.js"),
  sequelize: tuned("sequelize.js"),
  "quick.db": tuned("quick-db.js"),
  enmap: tuned("enmap.js"),
  keyv: tuned("keyv.js"),
};

/** Those whose defaults are as durable and slower: what most people who use them have. */
export const UNTUNED_PEERS: Readonly<Record<string, PeerChoice>> = {
  "quick.db as it comes": asItComes("quick-db.js"),
  "sequelize as it comes": asItComes("sequelize.js"),
  "keyv as it comes": asItComes("keyv.js"),
};

export const PLAIN = "plain better-sqlite3";
/** Plain better-sqlite3 with the row and the statement of `store.events.find`. */
export const PLAIN_EVENT = "plain, an event's row";

export interface Peers {
  readonly remotes: ReadonlyMap<string, Remote>;
  readonly settings: ReadonlyMap<string, string>;
  /** Those that cannot be used here, and why. */
  readonly missing: readonly string[];
}

async function openPeer(bench: Bench, choice: PeerChoice): Promise<{ remote: Remote; settings: string }> {
  const remote = bench.start("peer.ts");
  const settings = await remote.call<string>("open", { ...choice, folder: await bench.createFolder(choice.module) });
  return { remote, settings };
}

/** Each in a process of its own, with its records written. */
export async function openPeers(bench: Bench, peers = PEERS): Promise<Peers> {
  const remotes = new Map<string, Remote>();
  const settings = new Map<string, string>();
  const missing: string[] = [];
  for (const [name, choice] of Object.entries(peers)) {
    bench.progress(`opening ${name}`);
    try {
      const opened = await openPeer(bench, choice);
      remotes.set(name, opened.remote);
      settings.set(name, opened.settings);
    } catch (error) {
      missing.push(`${name} is left out: ${String(error).split("\n", 1)[0]}`);
    }
  }
  return { remotes, settings, missing };
}

export const openPlainEvent = (bench: Bench): Promise<Peers> =>
  openPeers(bench, { [PLAIN_EVENT]: tuned("plain-event.js") });
