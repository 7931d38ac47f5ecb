import { createExport, type ExportLimits } from "../../../src/bot/commands/admin-audit-export.ts";
import { verifyEntries, CHAIN_START, type AuditEntry } from "../../../src/store/audit-chain.ts";
import type { ExportFormat } from "../../../src/store/audit-export.ts";
import { openTestStore, type TestStore } from "../../helpers/database.ts";
import { parseCsv } from "./parse-csv.ts";

const GUILD = "100000000000000001";
const ACTOR = "100000000000000002";
const LIMITS: ExportLimits = { maxEntryCount: 1_000, maxBytes: 1_000_000 };
/** More than two pages of reading. */
const ENTRY_COUNT = 230;
const DANGEROUS = '=HYPERLINK("https://example.org","x")';

let database: TestStore;

beforeAll(async () => {
  database = await openTestStore({ file: ":memory:" });
  for (let index = 1; index <= ENTRY_COUNT; index++) {
    await database.store.audit.append({
      ...{ guildId: GUILD, actorId: ACTOR, action: "event.create" },
      ...{ target: index === 7 ? DANGEROUS : `target ${index}`, details: { title: `"Quoted", ${index}\nü✅` } },
    });
  }
});

afterAll(() => database.close());

async function read(
  format: ExportFormat,
  limits = LIMITS,
): Promise<{ text: string; entryCount: number; isTruncated: boolean }> {
  const { data, ...rest } = await createExport(database.store, GUILD, format, limits);
  return { text: data.toString("utf8"), ...rest };
}

describe("audit export", () => {
  it("has every entry in JSON, oldest first, whole enough to check the chain", async () => {
    const { text, entryCount, isTruncated } = await read("json");
    const entries = JSON.parse(text) as (AuditEntry & { time: string })[];
    expect([entries.length, entryCount, isTruncated]).toEqual([ENTRY_COUNT, ENTRY_COUNT, false]);
    expect(entries[0]!.time).toBe(new Date(entries[0]!.at).toISOString());
    expect(verifyEntries(entries, CHAIN_START)).toHaveProperty("end.sequence", ENTRY_COUNT);
  });

  it("has every entry in CSV, one line each, and none that a spreadsheet would run", async () => {
    const [head, ...rows] = parseCsv((await read("csv")).text);
    expect(head!.slice(0, 5)).toEqual(["sequence", "id", "time", "actor_id", "action"]);
    expect(rows.length).toBe(ENTRY_COUNT);
    expect(rows.map(([sequence]) => Number(sequence))).toEqual(
      Array.from({ length: ENTRY_COUNT }, (_, index) => index + 1),
    );
    expect(rows[6]![5]).toBe(`'${DANGEROUS}`);
    expect(JSON.parse(rows[9]![7]!)).toEqual({ title: '"Quoted", 10\nü✅' });
  });

  it("keeps the newest entries when there are more than it may have, and says so", async () => {
    const { text, ...rest } = await read("csv", { ...LIMITS, maxEntryCount: 150 });
    expect(rest).toEqual({ entryCount: 150, isTruncated: true });
    const rows = parseCsv(text).slice(1);
    expect([rows[0]![0], rows.at(-1)![0]]).toEqual([String(ENTRY_COUNT - 149), String(ENTRY_COUNT)]);
  });

  it("is not cut short when it has just as many as it may", async () => {
    const { isTruncated } = await read("json", { ...LIMITS, maxEntryCount: ENTRY_COUNT });
    expect(isTruncated).toBe(false);
  });

  it.each(["csv", "json"] as const)("is never larger than it may be as %s", async (format) => {
    const { text, entryCount, isTruncated } = await read(format, { ...LIMITS, maxBytes: 20_000 });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(20_200);
    expect(Buffer.byteLength(text)).toBeGreaterThan(18_000);
    expect(isTruncated).toBe(true);
    expect(entryCount).toBeLessThan(ENTRY_COUNT);
  });

  it("is a valid file when there is nothing to export", async () => {
    const empty = await createExport(database.store, ACTOR, "json", LIMITS);
    expect(JSON.parse(empty.data.toString())).toEqual([]);
    expect(parseCsv((await createExport(database.store, ACTOR, "csv", LIMITS)).data.toString())).toHaveLength(1);
  });
});
