import fc from "fast-check";
import { ERROR_CODES, MusterError } from "../../src/core/errors.ts";
import { startTestBot, type TestBot } from "../helpers/bot.ts";
import { DatabaseLosses, FILE_LOSSES, THREAD_LOSSES, type Loss } from "./database-losses.ts";
import { createFastClock } from "./fast-clock.ts";

/** Nine of ten; a machine that is busy with other tests now and then takes longer, but never as long as Discord waits. */
const ANSWER_LIMIT_MS = 1_000;
const DISCORD_LIMIT_MS = 3_000;
const COMMANDS = ["ping", "help", "dbhealth"] as const;

/** What must not be read by anybody on Discord, whatever the reason for the failure says. */
const SECRETS = ["/var/lib/muster/data/muster.db", "SELECT id FROM event", "SQLITE_IOERR_WRITE", "at WriterThread.run"];
const MARKS = [
  /sqlite/i,
  /\b(SELECT|INSERT|UPDATE|PRAGMA|WHERE)\b/,
  /\w\.(db|ts|js)\b/,
  /:\d+:\d+/,
  /sabotage/,
  /(undefined|NaN)/,
];

type Forced = "forced offline" | "forced read-only";

/** New threads take a while to start, so what costs them comes less often. */
const failure: fc.Arbitrary<Loss | Forced> = fc.oneof(
  { weight: 15, arbitrary: fc.constantFrom<Loss | Forced>("forced offline", "forced read-only", "foreign lock") },
  { weight: 1, arbitrary: fc.constantFrom<Loss>(...THREAD_LOSSES, ...FILE_LOSSES, "file out of reach") },
);

/** Of a database that is forced away. One that is called damaged again and again is given up: that comes only as an example. */
const REASONS = ["DATABASE_IO", "DATABASE_FULL", "SCHEMA_NEWER", "DATABASE_UNAVAILABLE"] as const;

interface Scenario {
  readonly failure: Loss | Forced;
  readonly secret: string;
  readonly code: (typeof REASONS)[number] | "DATABASE_CORRUPT";
  readonly command: readonly (typeof COMMANDS)[number][];
  readonly hasDetails: boolean;
  readonly delayMs: number;
  readonly isWriting: boolean;
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  failure,
  secret: fc.constantFrom(...SECRETS),
  code: fc.constantFrom(...REASONS),
  command: fc.shuffledSubarray([...COMMANDS], { minLength: 3 }),
  hasDetails: fc.boolean(),
  delayMs: fc.nat({ max: 20 }),
  isWriting: fc.boolean(),
});

describe("Feature: database-reliability, Property 14: commands that need no database work under any failure", () => {
  let bot: TestBot;
  beforeAll(async () => {
    // Nothing to draw a picture of: a process that draws one for each answer costs more than all the rest.
    const settings = { DB_HEALTH_CHECK_INTERVAL: "10m" };
    bot = await startTestBot({ clock: createFastClock(10), settings });
  });
  afterAll(() => bot.stop());

  it("answers /ping, /help and /dbhealth within a second, in words without technical detail", async () => {
    const { engine, degradation, recovery } = bot.app;
    const losses = new DatabaseLosses({ path: bot.databasePath, engine, degradation, recovery });
    const [memberId] = bot.ids.memberIds as [string, ...string[]];

    const answeredMs: number[] = [];
    const use = async (name: string, userId: string, hasDetails = false): Promise<string> => {
      const options = name === "dbhealth" ? { details: hasDetails } : {};
      const outcome = await bot
        .as(userId)
        .command(name, options, { channelId: bot.channelId, bypassPermissionCheck: true });
      expect(["replied", "deferred"]).toContain(outcome.status);
      answeredMs.push(outcome.firstResponseMs!);
      expect(outcome.firstResponseMs).toBeLessThan(DISCORD_LIMIT_MS);
      const { content, embeds } = (await outcome.settled())!;
      const text = JSON.stringify({ content, embeds });
      expect(text.length).toBeGreaterThan(20);
      return text;
    };
    const requirePlain = (text: string): void => {
      for (const secret of [...SECRETS, ...Object.keys(ERROR_CODES), bot.dataFolder])
        expect(text).not.toContain(secret);
      for (const mark of MARKS) expect(text).not.toMatch(mark);
    };

    const check = async (values: Scenario): Promise<void> => {
      const { failure, secret, code, command, hasDetails, delayMs, isWriting } = values;
      const isForced = failure === "forced offline" || failure === "forced read-only";
      if (isForced) {
        const kind = failure === "forced offline" ? "offline" : "read-only";
        const reason = new MusterError(code, `sabotage: ${secret}`);
        degradation.transition({ kind, reason, since: bot.app.database.health().lastHealthCheck });
      } else {
        losses.begin(failure);
      }
      // Calls that meet the failure, as every other part of the bot makes them all the time.
      const writing = isWriting
        ? bot.store.users
            .setReminderMode({ guildId: bot.guildId, id: memberId, username: null, mode: "dm" })
            .catch(() => undefined)
        : undefined;
      try {
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        for (const name of command) {
          // A member may not use /dbhealth: he is told so, also now.
          requirePlain(await use(name, memberId));
          if (name === "dbhealth") requirePlain(await use(name, bot.ids.moderatorId, hasDetails));
        }
      } finally {
        await losses.end();
        await writing;
      }
    };

    // Each that costs threads once for certain; chance does the rest.
    const failures = [
      ...THREAD_LOSSES,
      ...FILE_LOSSES,
      "file out of reach",
      "forced offline",
      "forced read-only",
    ] as const;
    const examples = failures.map((failure): [Scenario] => [
      {
        failure,
        secret: SECRETS[0]!,
        code: "DATABASE_CORRUPT",
        command: [...COMMANDS],
        hasDetails: true,
        delayMs: 5,
        isWriting: true,
      },
    ]);
    await fc.assert(fc.asyncProperty(scenario, check), { numRuns: 100, endOnFailure: true, examples });
    answeredMs.sort((a, b) => a - b);
    expect(answeredMs[Math.floor(answeredMs.length * 0.9)]).toBeLessThan(ANSWER_LIMIT_MS);
  }, 180_000);
});
