import { systemClock } from "../../src/core/clock.ts";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { largeServer, type ServerSeed, type WorldSeed } from "../../src/sandbox/seeds.ts";
import { spreadOf, startSteadyLoad, type Spread } from "./load.ts";
import { serve } from "./rpc.ts";

/** A Discord on loopback, and the people in it. Times are taken here: from when a person asks to when the answer is there. */

export interface SandboxAddress {
  readonly token: string;
  readonly apiUrl: string;
  readonly guildId: string;
}

export interface Use {
  readonly command: string;
  readonly options?: Readonly<Record<string, string>>;
}

export interface Responses extends Spread {
  readonly failedCount: number;
  readonly perSecond: number;
}

/** Enough that nobody uses a command twice within its cooldown. */
const MEMBER_COUNT = 1_000;

let sandbox: Sandbox | undefined;
let seed: ServerSeed | undefined;
const requireSandbox = (): Sandbox => {
  if (!sandbox) throw new Error("the sandbox is not open");
  return sandbox;
};

function manyServers(first: ServerSeed, guildCount: number): WorldSeed {
  const [guild] = first.guilds;
  if (!guild) return first;
  const idOf = (number: number, offset: number): string => String(BigInt(guild.id) + BigInt(number * 100 + offset));
  const others = Array.from({ length: guildCount - 1 }, (_, index) => ({
    ...guild,
    id: idOf(index + 1, 0),
    name: `Server ${index + 2}`,
    roles: guild.roles.map((role, position) => ({ ...role, id: idOf(index + 1, 1 + position) })),
    channels: guild.channels.map((channel, position) => ({ ...channel, id: idOf(index + 1, 20 + position) })),
    members: guild.members.map(({ userId }) => ({ userId })),
  }));
  return { ...first, guilds: [...first.guilds, ...others] };
}

async function use(number: number, { command, options = {} }: Use): Promise<number> {
  const { memberIds, rollCallsChannelId } = seed!.ids;
  const person = requireSandbox().as(memberIds[number % memberIds.length]!);
  const outcome = await person.command(command, options, { channelId: rollCallsChannelId });
  if (outcome.status === "failed" || outcome.firstResponseMs === undefined) throw new Error("there was no response");
  return outcome.firstResponseMs;
}

serve({
  async open({ guildCount, memberCount = MEMBER_COUNT }: { guildCount: number; memberCount?: number }) {
    seed = largeServer({ memberCount });
    sandbox = await Sandbox.start({ port: 0, seed: manyServers(seed, guildCount), clock: systemClock });
    const { botToken: token, apiUrl } = sandbox;
    return { token, apiUrl, guildId: seed.ids.guildId } satisfies SandboxAddress;
  },
  /** Resolves when the bot is connected and has its commands. */
  waitForBot: (command: string) =>
    requireSandbox().waitFor(async () => {
      if (!requireSandbox().isBotConnected) return false;
      return use(0, { command }).then(
        () => true,
        () => false,
      );
    }, 60_000),
  async asOwner({ command, options = {} }: Use): Promise<string> {
    const { ownerId, rollCallsChannelId } = seed!.ids;
    const outcome = await requireSandbox().as(ownerId).command(command, options, { channelId: rollCallsChannelId });
    return (await outcome.settled())?.content ?? "";
  },
  /** So many uses of commands each second, by one member after the other, whether or not earlier ones are answered. */
  async useAtRate(input: { uses: readonly Use[]; perSecond: number; durationMs: number }): Promise<Responses> {
    const { uses, perSecond, durationMs } = input;
    const responses: number[] = [];
    const load = startSteadyLoad(async (number) => {
      responses.push(await use(number, uses[number % uses.length]!));
    }, perSecond);
    await new Promise((resolve) => setTimeout(resolve, durationMs));
    const { failedCount, perSecond: reached } = await load.stop();
    return { ...spreadOf(responses), failedCount, perSecond: reached };
  },
  /** As many as `callers` people can, each asking again at once. */
  async useAtOnce({ uses, callers, durationMs }: { uses: readonly Use[]; callers: number; durationMs: number }) {
    let number = 0;
    const endAt = performance.now() + durationMs;
    const startedAt = performance.now();
    const person = async (): Promise<void> => {
      while (performance.now() < endAt) {
        const mine = number++;
        await use(mine, uses[mine % uses.length]!);
      }
    };
    await Promise.all(Array.from({ length: callers }, person));
    return (number / (performance.now() - startedAt)) * 1_000;
  },
});
