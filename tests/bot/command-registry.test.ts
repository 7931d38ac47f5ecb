import { EventEmitter } from "node:events";
import { DiscordAPIError, type Client } from "discord.js";
import { CommandRegistration } from "../../src/bot/command-registry.ts";
import { silentLogger, type LogFields } from "../../src/core/logger.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const [HOME, LEFT] = ["100000000000000001", "100000000000000002"];
const DEFINITIONS = [{ name: "ping", description: "Answers" }];
const DAY_MS = 24 * 3_600_000;

/** Discord as the registration sees it: which commands each place has, and what it makes of requests. */
function createRig(guildIds: readonly string[]) {
  const clock = new ManualClock();
  const registered = new Map<string, { name: string }[]>();
  /** What requests of a place fail with. */
  const failures = new Map<string, Error>();
  const requests: string[] = [];
  const logged: { message: string; fields: LogFields | undefined }[] = [];
  const log = (message: string, fields?: LogFields): void => void logged.push({ message, fields });
  const answer = (method: string, route: string): string => {
    const place = /guilds\/(\d+)/.exec(route)?.[1] ?? "everywhere";
    requests.push(`${method} ${place}`);
    const failure = failures.get(place);
    if (failure) throw failure;
    return place;
  };
  const client = Object.assign(new EventEmitter(), {
    application: { id: "1" },
    rest: {
      get: async (route: string) => registered.get(answer("GET", route)) ?? [],
      put: async (route: string, { body }: { body: { name: string }[] }) => {
        registered.set(answer("PUT", route), body);
      },
    },
  });
  const registration = new CommandRegistration({
    ...{ client: client as unknown as Client<true>, definitions: DEFINITIONS, guildIds, clock },
    logger: { ...silentLogger, error: log, warn: log },
  });
  const pass = async (durationMs: number): Promise<void> => {
    clock.advance(durationMs);
    await new Promise(setImmediate);
  };
  return { clock, client, registration, registered, failures, requests, logged, pass };
}

const missingAccess = new DiscordAPIError({ code: 50_001, message: "Missing Access" }, 50_001, 403, "GET", "/", {});
const overloaded = new DiscordAPIError({ code: 0, message: "overloaded" }, 0, 503, "GET", "/", {});

describe("the registration of commands", () => {
  it("is for all servers, and made only where something differs", async () => {
    const { registration, registered, requests } = createRig([]);
    await registration.start();
    await registration.start();
    expect(registered).toEqual(new Map([["everywhere", DEFINITIONS]]));
    expect(requests).toEqual(["GET everywhere", "PUT everywhere", "GET everywhere"]);
  });

  it("is for the servers of the settings alone, and takes away what was registered for all", async () => {
    const { registration, registered } = createRig([HOME]);
    registered.set("everywhere", [{ name: "old" }]);
    await registration.start();
    expect(registered).toEqual(
      new Map([
        [HOME, DEFINITIONS],
        ["everywhere", []],
      ]),
    );
  });

  it("goes on from a server that the bot has left, says what to do, and makes up for it when the bot joins", async () => {
    const { clock, client, registration, registered, failures, requests, logged, pass } = createRig([LEFT, HOME]);
    failures.set(LEFT, missingAccess);
    await registration.start();
    expect(registered.get(HOME)).toEqual(DEFINITIONS);
    expect(logged).toHaveLength(1);
    expect(logged[0]!.message).toContain("DISCORD_GUILD_IDS; take its id out, or invite the bot there");
    expect(logged[0]!.fields).toMatchObject({ guildId: LEFT });
    expect(clock.delaysMs).toEqual([]);
    failures.clear();
    requests.length = 0;
    client.emit("guildCreate", { id: "100000000000000003" });
    client.emit("guildCreate", { id: LEFT });
    await pass(0);
    expect(registered.get(LEFT)).toEqual(DEFINITIONS);
    expect(requests).toEqual([`GET ${LEFT}`, `PUT ${LEFT}`]);
  });

  it.each([
    ["is overloaded", overloaded],
    ["is out of reach", Object.assign(new Error("reset"), { code: "ECONNRESET" })],
  ])("is tried again while Discord %s, ever more rarely, and holds up nobody meanwhile", async (_what, failure) => {
    const { registration, registered, failures, requests, pass, clock } = createRig([LEFT, HOME]);
    failures.set(LEFT, failure);
    await registration.start();
    expect(registered.get(HOME)).toEqual(DEFINITIONS);
    const triesBefore = requests.length;
    for (let passedMs = 0; passedMs < DAY_MS; passedMs += 150_000) await pass(150_000);
    const triesADay = requests.length - triesBefore;
    expect(triesADay).toBeGreaterThan(100);
    expect(triesADay).toBeLessThan(600);
    failures.clear();
    await pass(300_000);
    expect(registered.get(LEFT)).toEqual(DEFINITIONS);
    expect(clock.delaysMs).toEqual([]);
  });

  it("ends with a stop", async () => {
    const { registration, failures, clock, logged } = createRig([]);
    failures.set("everywhere", overloaded);
    await registration.start();
    registration.stop();
    expect(clock.delaysMs).toEqual([]);
    logged.length = 0;
    await registration.start();
    expect([clock.delaysMs, logged]).toEqual([[], []]);
  });
});
