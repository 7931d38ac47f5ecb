import { measureRate, RECORD_COUNT, type Callers } from "./load.ts";
import { serve } from "./rpc.ts";

/** One other way to keep data in SQLite, in a process of its own. */

export interface PeerChoice {
  /** A file of `peers/`. */
  readonly module: string;
  /** Set to WAL and synchronous FULL, where it comes with something else. */
  readonly isTuned: boolean;
}

interface Peer {
  readonly settings: string;
  write(record: object): unknown;
  read(id: string): unknown;
  close(): unknown;
}

let peer: Peer | undefined;
let written = 0;
const requirePeer = (): Peer => {
  if (!peer) throw new Error("the peer is not open");
  return peer;
};
const idOf = (number: number): string => `01J000000000000000${String(number).padStart(8, "0")}`;

function write(): unknown {
  const number = written++;
  return requirePeer().write({
    id: idOf(number),
    eventId: "01J0000000000000000000EVNT",
    userId: `2${String(number).padStart(17, "0")}`,
    emoji: "✅",
    isAnswer: 1,
    createdAt: 1_750_000_000_000 + number,
  });
}

serve({
  async open({ module, folder, isTuned }: PeerChoice & { folder: string }): Promise<string> {
    // The packages are installed only where the bench is used: nothing here is known to the compiler.
    const adapter = (await import(new URL(`../peers/${module}`, import.meta.url).href)) as {
      open(folder: string, options: Pick<PeerChoice, "isTuned">): Promise<Peer>;
    };
    peer = await adapter.open(folder, { isTuned });
    for (let number = 0; number < RECORD_COUNT; number++) await write();
    const found = await peer.read(idOf(RECORD_COUNT - 1));
    if (found === undefined || found === null) throw new Error("what was written is not there");
    return peer.settings;
  },
  write: (callers: Callers) => measureRate(write, callers),
  read: (callers: Callers) => measureRate((number) => requirePeer().read(idOf(number % RECORD_COUNT)), callers),
  close: () => requirePeer().close(),
});
