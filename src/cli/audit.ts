import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { InvalidArgumentError, Option, type Command } from "commander";
import { isMusterError, MusterError } from "../core/errors.ts";
import { ReadOnlyDatabase } from "../database/sqlite/read-only-database.ts";
import { EXPORT_FORMATS, EXPORT_FORMS, type ExportFormat } from "../store/audit-export.ts";
import { verifyChain, type ChainReport } from "../store/audit-verification.ts";
import { SYSTEM_CHAIN } from "../store/audit.ts";
import { operations } from "../store/data-module.ts";
import { createReadStore, type ReadStore } from "../store/store.ts";
import { withDataTools } from "./data-tools.ts";
import { formatLocal } from "./format-moment.ts";
import { printResult, type OutputOptions, type VerbResult } from "./verb.ts";
import type { Workplace } from "./workplace.ts";

/** The name that the program's own chain is asked for by; in the database it has none. */
const SYSTEM_NAME = "system";
const PAGE_SIZE = 100;

interface AuditOptions extends OutputOptions {
  readonly guild?: string;
}

/** `audit verify | export`: reads only, also while the bot runs. */
export function registerAuditVerb(program: Command, place: Workplace): void {
  const audit = program.command("audit").description("the audit log");
  audit
    .command("verify")
    .description("check that no entry was altered or removed")
    .addOption(createGuildOption())
    .option("--json", "print JSON")
    .action(async ({ guild, ...output }: AuditOptions) => {
      printResult(await withReadStore(place, (store) => verifyChains(store, guild)), output);
    });
  audit
    .command("export")
    .description("print all entries, the oldest first, whole enough to check the chain")
    .addOption(new Option("--format <format>", "for spreadsheets or for programs").choices(EXPORT_FORMATS))
    .addOption(createGuildOption())
    .addOption(new Option("--json", "the same as --format json").conflicts("format"))
    .action(async ({ guild, json = false, format }: AuditOptions & { format?: ExportFormat }) => {
      await withReadStore(place, (store) => exportChains(store, guild, json ? "json" : (format ?? "csv")));
    });
}

function createGuildOption(): Option {
  return new Option("--guild <id>", `only this server, or "${SYSTEM_NAME}" for what Muster did to itself`).argParser(
    (text: string) => {
      if (text === SYSTEM_NAME) return SYSTEM_CHAIN;
      if (!/^\d{17,20}$/.test(text)) throw new InvalidArgumentError(`It must be a server's id or "${SYSTEM_NAME}".`);
      return text;
    },
  );
}

async function withReadStore<Result>(place: Workplace, body: (store: ReadStore) => Promise<Result>): Promise<Result> {
  return withDataTools(place, async ({ databasePath: path, clock }) => {
    const database = new ReadOnlyDatabase({ path, operations, clock });
    try {
      return await body(createReadStore(database));
    } catch (error) {
      throw explainFailure(error);
    } finally {
      database.close();
    }
  });
}

function explainFailure(error: unknown): unknown {
  if (!isMusterError(error, "QUERY_FAILED")) return error;
  return new MusterError("SCHEMA_MISMATCH", `read the audit log: ${error.message}`, {
    cause: error,
    hint: "The database is another program's or of another version: look at DATABASE_PATH, or start the bot once.",
  });
}

/** Also of servers whose chain was removed altogether. */
async function listGuilds({ audit }: ReadStore): Promise<string[]> {
  const recorded = await audit.listChains({ source: "recorded" });
  const servers = await audit.listChains({ source: "servers" });
  return [...new Set([SYSTEM_CHAIN, ...recorded, ...servers])].sort();
}

async function verifyChains(store: ReadStore, guild: string | undefined): Promise<VerbResult> {
  const chains: ({ readonly guildId: string } & ChainReport)[] = [];
  for (const guildId of guild === undefined ? await listGuilds(store) : [guild]) {
    chains.push({ guildId, ...(await verifyChain(store, guildId)) });
  }
  return {
    data: { chains },
    lines: chains.map(({ guildId, ...report }) => describeChain(guildId, report)),
    isFailed: chains.some(({ fault }) => fault !== undefined),
  };
}

function describeChain(guildId: string, { soundCount, firstAt, fault }: ChainReport): string {
  const name = guildId === SYSTEM_CHAIN ? "Muster itself" : `server ${guildId}`;
  if (fault)
    return `${name}: entry ${fault.sequence} is ${fault.kind.toUpperCase()}; ${soundCount} before it are sound`;
  if (firstAt === undefined) return `${name}: no entries`;
  return `${name}: ${soundCount} entries, unbroken since ${formatLocal(firstAt)}`;
}

async function exportChains(store: ReadStore, guild: string | undefined, format: ExportFormat): Promise<void> {
  const guilds = guild === undefined ? await listGuilds(store) : [guild];
  try {
    await pipeline(Readable.from(formatChains(store, guilds, format)), process.stdout, { end: false });
  } catch (error) {
    // Whoever reads has read enough (`| head`).
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  }
}

async function* formatChains(
  { audit }: ReadStore,
  guilds: readonly string[],
  format: ExportFormat,
): AsyncGenerator<string> {
  const { head, formatEntry, separator, tail } = EXPORT_FORMS[format];
  yield head;
  let isFirst = true;
  for (const guildId of guilds) {
    let sequence = 0;
    for (let hasNewer = true; hasNewer;) {
      const page = await audit.list({ guildId, sequence, direction: "newer", limit: PAGE_SIZE });
      for (const entry of page.entries.toReversed()) {
        yield isFirst ? formatEntry(entry) : separator + formatEntry(entry);
        isFirst = false;
      }
      hasNewer = page.hasNewer;
      sequence = page.entries[0]?.sequence ?? sequence;
    }
  }
  yield tail;
}
