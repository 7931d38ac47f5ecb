import type { Bench, Figure, Findings, Row } from "../harness.ts";
import type { Responses, Use } from "../processes/sandbox.ts";
import { startBot, startSandbox } from "./muster.ts";

const PER_SECOND = 200;
const P99_GOAL_MS = 50;
const MAX_GOAL_MS = 3_000;
const EVENT_COUNT = 5;

export const MUSTER_USES: readonly Use[] = [
  { command: "mine" },
  { command: "event list" },
  { command: "reminders", options: { mode: "mention" } },
  { command: "ping" },
];
const PLAIN_USES: readonly Use[] = [{ command: "get" }, { command: "put" }];

async function measureInteractions(bench: Bench): Promise<Findings> {
  const { sandbox } = await startBotWithEvents(bench, "muster");
  const plain = await startSandbox(bench);
  const { token, apiUrl } = plain.address;
  const plainBot = bench.start("plain-bot.ts");
  await plainBot.call("open", { folder: await bench.createFolder("plain"), access: { token, apiUrl } });
  await plain.sandbox.call("waitForBot", "get");
  const durationMs = bench.choose(20_000, 4_000);
  const responses: Record<"muster" | "plain", Responses[]> = { muster: [], plain: [] };
  const measure = async (who: "muster" | "plain"): Promise<number> => {
    const [remote, uses] = who === "muster" ? [sandbox, MUSTER_USES] : [plain.sandbox, PLAIN_USES];
    const result = await remote.call<Responses>("useAtRate", { uses, perSecond: PER_SECOND, durationMs });
    responses[who].push(result);
    return result.p99;
  };
  // Code that runs for the first time is compiled first.
  for (const who of ["muster", "plain"] as const) await measure(who);
  responses.muster.length = responses.plain.length = 0;
  await bench.interleave({ muster: () => measure("muster"), plain: () => measure("plain") });
  const figure = (
    what: string,
    who: "muster" | "plain",
    name: keyof Responses,
    more: Partial<Figure> = {},
  ): Figure => ({
    ...{ subject: `${what}`, unit: "ms", samples: responses[who].map((one) => one[name]), ...more },
  });
  const against = (name: keyof Responses): Partial<Figure> => ({
    baseline: { subject: "a plain bot", samples: responses.plain.map((one) => one[name]) },
  });
  return {
    figures: [
      figure("Muster, p50", "muster", "p50", against("p50")),
      figure("Muster, p99", "muster", "p99", { ...against("p99"), goal: { of: "value", atMost: P99_GOAL_MS } }),
      figure("Muster, longest", "muster", "max", { summary: "worst", goal: { of: "value", atMost: MAX_GOAL_MS } }),
      figure("Muster, without a response", "muster", "failedCount", {
        ...{ unit: "count", summary: "worst", goal: { of: "value", atMost: 0 } },
      }),
      figure("Muster, reached", "muster", "perSecond", { unit: "per second" }),
      figure("a plain bot, p50", "plain", "p50"),
      figure("a plain bot, p99", "plain", "p99"),
      figure("a plain bot, longest", "plain", "max", { summary: "worst" }),
    ],
    notes: [
      `${PER_SECOND} uses each second by 1,000 members in turn, from asking to the first response, taken in the sandbox, which is another process: gateway, router, database, REST`,
      "Muster: /mine, /event list, /reminders (a durable write) and /ping in turn, with five events open",
      "a plain bot: discord.js with better-sqlite3 on the main thread (WAL, FULL), a command that makes a row and one that reads it in turn",
    ],
  };
}

/** Muster with a few events that are open, in a server of 1,000 members. */
export async function startBotWithEvents(bench: Bench, name: string, settings: Readonly<Record<string, string>> = {}) {
  const started = await startBot(bench, { name, settings });
  await started.sandbox.call("waitForBot", "ping");
  for (let number = 0; number < EVENT_COUNT; number++) {
    const options = { title: `Roll call ${number + 1}`, every: "24h", reactions: "✅ ❌" };
    await started.sandbox.call("asOwner", { command: "event create", options });
  }
  await started.bot.call("settle");
  return started;
}

export const interactionsRow: Row = {
  name: "interactions",
  title: "From interaction to first response, 200 each second",
  run: measureInteractions,
};
