import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { idTimePrefix } from "../../../src/core/ids.ts";
import { compareValues, type Check, type CheckContext } from "./check.ts";
import { restoreCheck } from "./restore-check.ts";
import type { Rig } from "./rig.ts";
import { StoredData } from "./stored.ts";

const MAX_SHOWN = 5;

function fromDatabase(name: string, find: (data: StoredData, context: CheckContext) => readonly string[]): Check {
  return { name, run: (context) => StoredData.read(context.rig.databasePath, (data) => find(data, context)) };
}

const integrity = fromDatabase("integrity", (data) => data.integrityProblems());

const rows = fromDatabase("rows", (data, { rig }) => {
  const quarantined = data.quarantinedCount();
  return [
    ...compareValues(rig, data.values()),
    ...(quarantined === 0 ? [] : [`${quarantined} rows were set aside in the table quarantine`]),
  ];
});

const answers = fromDatabase("answers", (data, { rig }) => {
  const stored = data.reactions();
  return data.events().flatMap(({ id, messageId, state }) => {
    const truth = rig.world.listReactions(messageId);
    if (state === "closed" || truth === undefined) return [];
    const here = stored.get(id) ?? [];
    return here.join() === truth.join() ? [] : [`event ${id} has ${here.join(", ")}; Discord has ${truth.join(", ")}`];
  });
});

const audit = fromDatabase("audit", (data, { rig }) => {
  const counts = data.auditCounts();
  const wrong = [...rig.model.auditBounds()].flatMap(([key, { min, max }]) => {
    const count = counts.get(key) ?? 0;
    return count >= min && count <= max
      ? []
      : [`${key} is recorded ${count} times, and was done ${min} to ${max} times`];
  });
  return [...data.auditFaults(), ...wrong];
});

const queue: Check = {
  name: "queue",
  run({ rig }) {
    const segments = globSync("segment-*", { cwd: rig.spoolFolder }).filter(
      (name) => statSync(join(rig.spoolFolder, name)).size > 0,
    );
    const letters = globSync("dead-letter*", { cwd: rig.spoolFolder }).filter(
      (name) => readFileSync(join(rig.spoolFolder, name), "utf8").trim() !== "",
    );
    const fallback = join(rig.home, "data/audit-fallback.ndjson");
    return [
      ...segments.map((name) => `the spool still has ${name}`),
      ...letters.map((name) => `there are dead letters: ${name}`),
      ...(existsSync(fallback) && statSync(fallback).size > 0 ? ["audit entries still wait in the fallback file"] : []),
    ];
  },
};

/** How long a reminder may be on its way. */
const SENDING_MS = 5_000;
/** Of `src/bot/reminders/reminder-service.ts`: ended as failed, since the next one was due or nobody was to be reminded. */
const INTERRUPTED = "interrupted";

const reminders = fromDatabase("reminders", (data, { rig, plan }) => {
  const stored = data.reminders();
  const claimed = new Map<string, string>();
  const findings: string[] = [];
  for (const { id, status, error, messageIds, usersNotified } of stored) {
    const messages = JSON.parse(messageIds) as string[];
    for (const messageId of messages) {
      if (claimed.has(messageId)) findings.push(`message ${messageId} belongs to two reminders`);
      claimed.set(messageId, id);
    }
    // One that a stop has interrupted is gone on with at the next start.
    const isInterrupted = id >= idTimePrefix(rig.stoppedAt - SENDING_MS);
    if (status === "pending" && !isInterrupted) findings.push(`reminder ${id} is still pending`);
    if (status === "failed" && error !== INTERRUPTED && !plan.faults.some(({ fault }) => fault.troublesDiscord)) {
      findings.push(`reminder ${id} failed although Discord was well: ${error}`);
    }
    if (status === "sent") findings.push(...compareReached(rig, id, messages, JSON.parse(usersNotified) as string[]));
  }
  // A moment that comes twice is one to remind at twice.
  if (rig.clock) for (const { id } of stored) rig.ambiguousReminders.add(id);
  const comparable = stored.filter(({ id }) => !rig.ambiguousReminders.has(id));
  const twice = Map.groupBy(comparable, ({ eventId, scheduledAt }) => `event ${eventId} at ${scheduledAt}`);
  for (const [what, group] of twice) if (group.length > 1) findings.push(`${what} was reminded ${group.length} times`);
  // Killed between a message and its note, and not gone on with: nobody can know of that message any more.
  const interruptedIds = new Set(stored.filter(({ error }) => error === INTERRUPTED).map(({ eventId }) => eventId));
  const events = new Set(
    data
      .events()
      .filter(({ id }) => !interruptedIds.has(id))
      .map(({ messageId }) => messageId),
  );
  for (const { messageId, eventMessageId } of rig.world.reminders.values()) {
    if (!claimed.has(messageId) && events.has(eventMessageId)) {
      findings.push(`message ${messageId} reminded people, and no reminder says so: sent twice, or lost`);
    }
  }
  return findings;
});

function compareReached(
  { world }: Rig,
  id: string,
  messages: readonly string[],
  notified: readonly string[],
): string[] {
  const reached = messages.flatMap((messageId) => world.reminders.get(messageId)?.userIds ?? []);
  const isOnce = new Set(reached).size === reached.length;
  if (notified.length > 0 && isOnce && [...notified].sort().join() === [...reached].sort().join()) return [];
  return [`reminder ${id} says that it reached ${notified.length}, and Discord saw it reach ${reached.length}`];
}

const incidents: Check = { name: "process", run: ({ rig }) => rig.incidents.splice(0) };

export const CHECKS: readonly Check[] = [incidents, queue, integrity, rows, answers, audit, reminders, restoreCheck];

/** "check: what differs" of all of them; none keeps another from being made. */
export async function runChecks(context: CheckContext): Promise<string[]> {
  const findings: string[] = [];
  for (const { name, run } of CHECKS) {
    try {
      const found = await run(context);
      findings.push(...found.slice(0, MAX_SHOWN).map((finding) => `${name}: ${finding}`));
      if (found.length > MAX_SHOWN) findings.push(`${name}: and ${found.length - MAX_SHOWN} more`);
    } catch (error) {
      findings.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return findings;
}
