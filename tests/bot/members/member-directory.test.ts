import { EventEmitter } from "node:events";
import type { Client, Guild } from "discord.js";
import { MemberDirectory } from "../../../src/bot/members/member-directory.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const FULL_FETCH_INTERVAL_MS = 30_000;
const HOUR_MS = 3_600_000;

/** Its wall clock can be set. */
class SettableClock extends ManualClock {
  setByMs = 0;

  override now(): number {
    return super.now() + this.setByMs;
  }
}

describe("the member list of a server", () => {
  it("is asked for again after half a minute, however the clock was set meanwhile", async () => {
    const clock = new SettableClock();
    const client = Object.assign(new EventEmitter(), { isReady: () => true }) as unknown as Client<true>;
    let fetches = 0;
    const members = { cache: new Map(), fetch: async () => (fetches++, new Map()) };
    const guild = { id: "100000000000000001", client, members } as unknown as Guild;
    const directory = new MemberDirectory(client, clock);
    await directory.listMembers(guild);
    expect([fetches, clock.delaysMs]).toEqual([1, []]);

    clock.setByMs = -HOUR_MS;
    client.emit("shardReady", 0, undefined);
    const again = directory.listMembers(guild);
    expect(clock.delaysMs).toEqual([FULL_FETCH_INTERVAL_MS]);
    clock.advance(FULL_FETCH_INTERVAL_MS);
    await again;
    expect(fetches).toBe(2);
  });
});
