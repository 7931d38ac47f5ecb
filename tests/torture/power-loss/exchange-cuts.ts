import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { quarantineFolderAt, takeUpReplacement } from "../../../src/database/sqlite/replacement.ts";
import { createCounterDatabase, withRawConnection } from "../../helpers/database.ts";
import { cutPower, type Cut, type CutFinding } from "./power-cuts.ts";
import { PoweredProcess } from "./powered-process.ts";
import type { CutOptions } from "./rounds.ts";

const SCRIPT = fileURLToPath(new URL("./exchange.ts", import.meta.url));

export type ExchangeReport =
  | { readonly kind: "present" | "exchanged" }
  /** `fingerprint` of the file that waits to be put in place. */
  | { readonly kind: "offered"; readonly fingerprint: string };

/** What a start finds at the database's path, and what is wrong with that; "" = nothing. */
export interface ExchangeFound {
  readonly state: "present" | "restored" | "neither";
  readonly fault: string;
}

/** Cuts power at every place while a restored database takes the place of the present one. */
export async function cutPowerInExchange(
  folder: string,
  { seed, disksPerCut, depth }: Pick<CutOptions, "seed" | "disksPerCut" | "depth">,
): Promise<{ findings: readonly CutFinding<ExchangeFound>[]; states: ReadonlySet<string> }> {
  const powered = new PoweredProcess(folder, SCRIPT);
  await powered.ended;
  const records = powered.readJournal();
  const offered = (powered.reports as ExchangeReport[]).find((report) => report.kind === "offered");
  if (!offered) throw new Error("the process that exchanges databases has failed");
  const states = new Set<string>();
  const findings = await cutPower({
    ...{ root: powered.root, records, cutCount: "every", disksPerCut, seed },
    folder: join(folder, "drawn"),
    from: records.findIndex((record) => record.kind === "rename" && record.target.endsWith(".offered")),
    async inspect(cut) {
      const found = await inspectExchange(cut, offered.fingerprint, depth);
      states.add(found.state);
      return found;
    },
    isWell: ({ fault }) => fault === "",
  });
  return { findings, states };
}

async function inspectExchange(
  { folder, reports }: Cut,
  fingerprint: string,
  depth: CutOptions["depth"],
): Promise<ExchangeFound> {
  const data = join(folder, "data");
  const path = join(data, "test.db");
  const told = reports as readonly ExchangeReport[];
  const faults: string[] = [];
  const isInPlace = existsSync(path) && !existsSync(`${path}.offered`) && !existsSync(`${path}.replacement`);
  // Only moved aside is what has its old row no more.
  const isRestored = isInPlace && existsSync(join(data, "quarantine", "then", "test.db"));
  if (isRestored && readIfExists(`${path}.placed`) !== fingerprint) {
    faults.push("it is in place, and nothing says that it was put there on purpose");
  }
  if (depth === "layer") await startEngine(data);
  else takeUpReplacement(path, quarantineFolderAt(path, Date.now()));
  const state = readState(path);
  if (state === "neither") faults.push("neither the old nor the new database is there");
  if (told.some(({ kind }) => kind === "exchanged") && state !== "restored") faults.push("the exchange was undone");
  if (state === "restored" && !isKept(join(data, "quarantine"))) faults.push("the old database was not kept");
  return { state, fault: faults.join("; ") };
}

async function startEngine(folder: string): Promise<void> {
  const database = createCounterDatabase({ folder });
  database.engine.expectFile();
  try {
    await database.manager.start();
  } finally {
    await database.close();
  }
}

function readState(path: string): ExchangeFound["state"] {
  return withRawConnection(path, (raw) => {
    if (raw.pragma("integrity_check", { simple: true }) !== "ok") return "neither";
    const names = raw.prepare<[], string>("SELECT name FROM counter ORDER BY name").pluck().all().join();
    return names === "present,restored" ? "present" : names === "restored" ? "restored" : "neither";
  });
}

/** The old database is somewhere among what was moved aside, with its log. */
function isKept(quarantine: string): boolean {
  const folders = existsSync(quarantine) ? readdirSync(quarantine) : [];
  return folders.some((name) => {
    const path = join(quarantine, name, "test.db");
    return existsSync(path) && readState(path) === "present";
  });
}

function readIfExists(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
