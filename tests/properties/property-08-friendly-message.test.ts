import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Interaction } from "discord.js";
import fc from "fast-check";
import { CommandRouter } from "../../src/bot/command-router.ts";
import { Refusal, type Command } from "../../src/bot/command.ts";
import type { BotServices } from "../../src/bot/services.ts";
import { english } from "../../src/bot/texts/texts.ts";
import { systemClock } from "../../src/core/clock.ts";
import { ERROR_CODES, MusterError, type ErrorCode } from "../../src/core/errors.ts";
import { silentLogger, type LogFields, type Logger } from "../../src/core/logger.ts";
import { ERROR_CLASSES, type DatabaseErrorType } from "../../src/database/error-classes.ts";
import { ErrorHandler } from "../../src/database/error-handler.ts";
import { GracefulDegradation } from "../../src/resilience/graceful-degradation.ts";
import { EXPECTED_FAULTS, FaultRig, FAULTS } from "../database/error-handler-faults.ts";

const codes = Object.keys(ERROR_CODES) as ErrorCode[];
const types = [
  ...new Set(Object.values(ERROR_CLASSES).map(({ type }) => type)),
  "BACKUP_FAILED",
] as DatabaseErrorType[];

/** What must never reach a member. */
const SECRETS = [
  "/var/lib/muster/data/muster.db",
  "C:\\Bots\\muster\\data\\muster.db-wal",
  "../data/muster.db",
  "SELECT id FROM event WHERE message_id = '1'",
  "INSERT INTO user (guild_id) VALUES (NULL)",
  "SQLITE_CONSTRAINT_UNIQUE",
  "UNIQUE constraint failed: event.message_id",
  "FOREIGN KEY constraint failed",
  "no such table: audit_log",
  "Error: disk I/O error\n    at WriterThread.run (file:///opt/muster/src/database/sqlite/group-commit.ts:71:13)",
  "    at async Object.create (/opt/muster/src/store/events.ts:10:5)",
  "<@123456789012345678>",
  "1189273645546372819",
  "member-one@example.org",
  "ECONNRESET",
  ...codes,
] as const;

/** Marks of what is technical or personal, wherever it came from. */
const MARKS: Readonly<Record<string, RegExp>> = {
  path: /[\w.]*[/\\]\w/,
  "file name": /\w\.(db|ts|js|json|wal)\b/,
  SQL: /\b(SELECT|INSERT|UPDATE|DELETE|CREATE|PRAGMA|FROM|WHERE|VALUES|NULL|UNIQUE|FOREIGN KEY)\b/,
  "SQLite's name": /sqlite|constraint failed/i,
  "stack frame": /\bat (async )?[\w.]+ ?\(|:\d+:\d+/,
  "table and column": /\b[a-z_]+\.[a-z_]+_[a-z_]+\b/,
  snowflake: /\d{15,}/,
  code: /\b[A-Z]+_[A-Z_]+\b/,
  "class of an error": /\b\w*(Error|Exception)\b/,
  "value that is none": /\b(undefined|null|NaN)\b|\[object/,
};

const secretText = fc
  .array(fc.oneof(fc.constantFrom(...SECRETS), fc.string({ maxLength: 12 })), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(" "));

const musterError = fc
  .record({ code: fc.constantFrom(...codes), message: secretText, hint: secretText, sqliteCode: secretText })
  .map(({ code, message, hint, sqliteCode }) => {
    const details = { sqliteCode, statement: message };
    return new MusterError(code, message, { hint, details, cause: new Error(hint) });
  });

const violation = fc
  .record({
    kind: fc.constantFrom("UNIQUE", "PRIMARYKEY", "FOREIGNKEY", "CHECK", "NOTNULL", "DATATYPE"),
    about: secretText,
  })
  .map(({ kind, about }) => {
    const details = { sqliteCode: `SQLITE_CONSTRAINT_${kind}` };
    return new MusterError("CONSTRAINT_VIOLATED", `run x: ${kind} constraint failed: ${about}`, { details });
  });

const sqliteError = fc
  .record({ message: secretText, code: fc.constantFrom("SQLITE_FULL", "SQLITE_IOERR_READ", "SQLITE_CONSTRAINT_CHECK") })
  .map(({ message, code }) => new Database.SqliteError(message, code));

const otherError = fc
  .record({ message: secretText, name: secretText, stack: secretText })
  .map(({ message, name, stack }) => Object.assign(new Error(message), { name, stack }));

const anyThrown = fc.oneof(musterError, violation, sqliteError, otherError, secretText, fc.anything());

interface Answer {
  readonly text: string;
  /** What the log was told under the reference. */
  readonly logged: LogFields | undefined;
}

/** What a member sees when a command throws this, by the router that every command goes through. */
async function answerTo(thrown: unknown): Promise<Answer> {
  let logged: LogFields | undefined;
  const logger: Logger = {
    ...silentLogger,
    error: (_message, fields) => void (logged = fields),
    with: () => logger,
  };
  const command: Command = {
    definition: { name: "fail", description: "Fail" },
    actions: {
      "": {
        database: "none",
        execute: async () => {
          throw thrown;
        },
      },
    },
  };
  const services = {
    clock: systemClock,
    logger,
    texts: english,
    degradation: new GracefulDegradation(),
    usage: { record: () => undefined },
  };
  const router = new CommandRouter([command], services as unknown as BotServices);
  const replies: string[] = [];
  const interaction = {
    id: "interaction",
    commandName: "fail",
    guildId: "guild",
    member: {},
    user: { id: "user" },
    options: { getSubcommand: () => null },
    isChatInputCommand: () => true,
    isButton: () => false,
    isAutocomplete: () => false,
    inCachedGuild: () => true,
    reply: async ({ content }: { content: string }) => void replies.push(content),
  };
  router.handle(interaction as unknown as Interaction);
  await router.settle();
  expect(replies).toHaveLength(1);
  return { text: replies[0]!, logged };
}

/** One friendly sentence or two, then the reference, and nothing else. */
function expectFriendly(text: string, reference: unknown): void {
  const [, sentence, shown] = /^⚠️ ([^\n]{10,200}[.])\n-# Reference: `([0-9A-Z]{8})`$/.exec(text) ?? [];
  expect(shown).toBe(reference);
  const found = Object.entries(MARKS).filter(([, mark]) => mark.test(sentence!));
  expect({ sentence, found: found.map(([name]) => name) }).toEqual({ sentence, found: [] });
  const quoted = SECRETS.filter((secret) => sentence!.toLowerCase().includes(secret.trim().toLowerCase()));
  expect({ sentence, quoted }).toEqual({ sentence, quoted: [] });
}

async function expectFriendlyAnswer(thrown: unknown): Promise<void> {
  const { text, logged } = await answerTo(thrown);
  expect(Object.is(logged?.error, thrown)).toBe(true);
  expectFriendly(text, logged?.reference);
  // The same with the error at hand, which may be explained more closely.
  const handler = new ErrorHandler({ clock: systemClock, logger: silentLogger, isDebug: () => false });
  expectFriendly(english.failures.forCode(handler.classify(thrown).code, "7K3QW9ZB", thrown), "7K3QW9ZB");
}

describe("what a member reads when something fails", () => {
  it("Feature: database-reliability, Property 8: is friendly for anything thrown: no path, SQL, stack, id or code, but a reference", async () => {
    const property = fc.asyncProperty(anyThrown, async (thrown) => {
      fc.pre(!(thrown instanceof Refusal));
      await expectFriendlyAnswer(thrown);
    });
    const examples = codes.map((code): [unknown] => [new MusterError(code, SECRETS[0])]);
    await fc.assert(property, { numRuns: 400, examples });
  });

  it("Feature: database-reliability, Property 8: is friendly for any failure of SQLite itself", async () => {
    const folder = await mkdtemp(join(tmpdir(), "muster-"));
    const rig = await FaultRig.open(folder);
    try {
      const value = fc.string({ unit: fc.constantFrom(..."abcdefgh"), minLength: 4, maxLength: 10 });
      const property = fc.asyncProperty(fc.constantFrom(...FAULTS), value, async (fault, value) => {
        const error = await rig.provoke(fault, `${value} ${SECRETS[0]}`);
        expect(error).toMatchObject({ code: EXPECTED_FAULTS[fault].code });
        await expectFriendlyAnswer(error);
      });
      const examples = FAULTS.map((fault): [(typeof FAULTS)[number], string] => [fault, "abcd"]);
      await fc.assert(property, { numRuns: 120, examples });
    } finally {
      await rig.close();
    }
    await rm(folder, { recursive: true });
  });

  it("Feature: database-reliability, Property 8: is friendly for each type of failure, and while the database is away", () => {
    const { forType, limited } = english.failures;
    for (const type of types) expectFriendly(forType(type, "7K3QW9ZB"), "7K3QW9ZB");
    for (const need of ["read", "write"] as const) expectFriendly(limited(need, "7K3QW9ZB"), "7K3QW9ZB");
  });
});
