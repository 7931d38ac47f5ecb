import type { Bench, Figure, Findings, Row } from "../harness.ts";
import type { GrowthShape } from "../processes/fill.ts";
import type { Remote } from "../processes/rpc.ts";
import { startBot, stopBot } from "./muster.ts";

/** Servers that the sandbox does not have: the bot does not look after their events while they are measured. */
const GUILD = "900000000000000101";
const OTHER_GUILD = "900000000000000102";
const MEMBER = "900000000000000103";
const HOUR_MS = 3_600_000;
/** How much longer a call may take with a hundred times the rows, and still count as flat. */
const FLAT_RATIO = 1.5;
const TIMES = 200;

interface Asked {
  readonly title: string;
  readonly name: string;
  readonly input: object;
}

interface Size {
  readonly rowCount: number;
  readonly path: string;
  readonly bot: Remote;
}

interface Explained {
  readonly plan: readonly string[];
  readonly plainMs: number;
}

function callsAt(now: number, rowCount: number): Asked[] {
  const page = { guildId: GUILD, limit: 20 };
  // Each server has half of the entries: in the middle there are as many before as behind.
  const sequence = Math.floor(rowCount / 4);
  return [
    { title: "due reminders", name: "reminders.listDue", input: { ...page, limit: 100, at: now + HOUR_MS } },
    { title: "servers with due reminders", name: "reminders.listDueGuilds", input: { at: now + HOUR_MS, limit: 100 } },
    { title: "/event list, all", name: "events.list", input: { ...page, state: "all" } },
    { title: "/event list, open", name: "events.list", input: { ...page, state: "open" } },
    { title: "/mine", name: "events.listUnanswered", input: { guildId: GUILD, userId: MEMBER, limit: 500 } },
    { title: "audit page, newest", name: "audit.list", input: page },
    { title: "audit page, in the middle", name: "audit.list", input: { ...page, sequence } },
    { title: "audit page, one action", name: "audit.list", input: { ...page, action: "flag.set" } },
  ];
}

async function openSize(bench: Bench, rowCount: number, now: number): Promise<Size> {
  bench.progress(`filling ${rowCount} rows`);
  const first = await startBot(bench, { name: `rows-${rowCount}` });
  await stopBot(bench, first);
  const fill = bench.start("fill.ts");
  const shape: GrowthShape = { guildId: GUILD, otherGuildId: OTHER_GUILD, memberId: MEMBER, rowCount, now };
  await fill.call("fillGrowth", { path: first.databasePath, shape });
  await bench.stop(fill);
  const settings = { DB_READ_CACHE: "0" };
  const { bot, databasePath } = await startBot(bench, { name: "again", folder: first.folder, settings });
  bench.progress("waiting for the bot's own first check and snapshot");
  await bot.call("settle");
  return { rowCount, path: databasePath, bot };
}

async function measureGrowth(bench: Bench): Promise<Findings> {
  const now = Date.now();
  const rowCounts = bench.choose([10_000, 100_000, 1_000_000], [10_000, 100_000]);
  const sizes: Size[] = [];
  for (const rowCount of rowCounts) sizes.push(await openSize(bench, rowCount, now));
  const explainer = bench.start("fill.ts");
  const figures: Figure[] = [];
  const plans: string[] = [];
  for (const [position, { title }] of callsAt(now, 0).entries()) {
    const askedOf = ({ rowCount }: Size): Asked => callsAt(now, rowCount)[position]!;
    const plain = new Map<string, number[]>();
    const samples = await bench.interleave<string>(
      Object.fromEntries(
        sizes.map((size) => [
          String(size.rowCount),
          async () => {
            const asked = askedOf(size);
            const calls = [{ name: asked.name, input: asked.input }];
            const [explained] = await explainer.call<Explained[]>("explain", { path: size.path, calls });
            const key = String(size.rowCount);
            plain.set(key, [...(plain.get(key) ?? []), explained?.plainMs ?? NaN]);
            if (size === sizes.at(-1) && plain.get(key)!.length === 1) {
              plans.push(`${title}: ${explained?.plan.join("; ") ?? ""}`);
            }
            return size.bot.call<number>("timeCall", { name: asked.name, input: asked.input, times: TIMES });
          },
        ]),
      ),
      title,
    );
    figures.push(...figuresOf(title, sizes, samples, plain));
  }
  const notes = [
    `a call alone through DatabaseManager, uncached, median of ${TIMES}; half of the rows belong to the server asked about, of which 200 events are open (50 not answered by the member, 25 due within the hour)`,
    `flat: with the most rows at most ${FLAT_RATIO} times as long as with the fewest`,
    "plain: the same statements on plain better-sqlite3, prepared, in a loop",
  ];
  return { figures, notes: [...notes, ...plans] };
}

function figuresOf(
  title: string,
  sizes: readonly Size[],
  samples: Readonly<Record<string, number[]>>,
  plain: ReadonlyMap<string, number[]>,
): Figure[] {
  const [first] = sizes;
  return sizes.map(({ rowCount }, index): Figure => {
    const key = String(rowCount);
    const isLast = index === sizes.length - 1;
    const subject = `${title}: ${rowCount.toLocaleString("en-GB")} rows`;
    const settings = `plain takes ${median(plain.get(key) ?? []).toFixed(3)} ms`;
    const shared = { subject, unit: "ms", samples: samples[key] ?? [], settings } as const;
    if (index === 0 || !first) return shared;
    return {
      ...shared,
      baseline: {
        subject: `${first.rowCount.toLocaleString("en-GB")} rows`,
        samples: samples[String(first.rowCount)] ?? [],
      },
      ...(isLast ? { goal: { of: "ratio", atMost: FLAT_RATIO } } : {}),
    };
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

export const growthRow: Row = { name: "growth", title: "Time per call as tables grow", run: measureGrowth };
