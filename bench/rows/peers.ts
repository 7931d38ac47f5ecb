import type { Bench } from "../harness.ts";
import type { Remote } from "../processes/rpc.ts";

/** The others, by the name that tables show. */
const MODULES: Readonly<Record<string, string>> = {
  "plain better-sqlite3": "better-sqlite3.js",
  "node:sqlite": "node-sqlite.js",
  drizzle: "drizzle.js",
  kysely: "kysely.js",
  knex: "knex.js",
  typeorm: "typeorm.js",
  sequelize: "sequelize.js",
  "quick.db": "quick-db.js",
  enmap: "enmap.js",
  keyv: "keyv.js",
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

async function openPeer(bench: Bench, module: string): Promise<{ remote: Remote; settings: string }> {
  const remote = bench.start("peer.ts");
  const settings = await remote.call<string>("open", { module, folder: await bench.createFolder(module) });
  return { remote, settings };
}

/** Each in a process of its own, with its records written. */
export async function openPeers(bench: Bench, modules = MODULES): Promise<Peers> {
  const remotes = new Map<string, Remote>();
  const settings = new Map<string, string>();
  const missing: string[] = [];
  for (const [name, module] of Object.entries(modules)) {
    bench.progress(`opening ${name}`);
    try {
      const opened = await openPeer(bench, module);
      remotes.set(name, opened.remote);
      settings.set(name, opened.settings);
    } catch (error) {
      missing.push(`${name} is left out: ${String(error).split("\n", 1)[0]}`);
    }
  }
  return { remotes, settings, missing };
}

export const openPlain = (bench: Bench): Promise<Peers> => openPeers(bench, { [PLAIN]: MODULES[PLAIN]! });
export const openPlainEvent = (bench: Bench): Promise<Peers> => openPeers(bench, { [PLAIN_EVENT]: "plain-event.js" });
