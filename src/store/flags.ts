import { z } from "zod";
import { MusterError } from "../core/errors.ts";
import { defineRead, defineWrite } from "../database/operation.ts";
import { appendAuditEntry } from "./audit.ts";
import { guildAudit, guildFlags, snowflake, text } from "./inputs.ts";

/** A named value with its subject: the server (whose subject id is empty), a role or a member. */
export interface FlagRecord {
  readonly name: string;
  readonly subjectType: FlagSubjectType;
  readonly subjectId: string;
  readonly value: string;
}

export const FLAG_SUBJECT_TYPES = ["server", "role", "member"] as const;
export type FlagSubjectType = (typeof FLAG_SUBJECT_TYPES)[number];

const flagKey = z.object({
  guildId: snowflake,
  actorId: snowflake,
  name: z.string().regex(/^[a-z][a-z-]{0,31}$/),
  subjectType: z.enum(FLAG_SUBJECT_TYPES),
  subjectId: z.union([snowflake, z.literal("")]),
});

const hasFittingSubject = ({ subjectType, subjectId }: z.output<typeof flagKey>): boolean =>
  (subjectType === "server") === (subjectId === "");
const subjectProblem = { path: ["subjectId"], message: "empty for the server, an id for a role or a member" };

const targetOf = ({ name, subjectType, subjectId }: z.output<typeof flagKey>): string =>
  subjectType === "server" ? name : `${name} ${subjectType} ${subjectId}`;

export const flagOperations = {
  set: defineWrite({
    input: flagKey.extend({ value: text(500).min(1) }).refine(hasFittingSubject, subjectProblem),
    touches: ({ guildId }) => [guildFlags(guildId), guildAudit(guildId)],
    whenAway: "refuse",
    async run(transaction, input, context): Promise<{ previousValue: string | null }> {
      const { guildId, actorId, name, subjectType, subjectId, value } = input;
      const key = [guildId, name, subjectType, subjectId] as const;
      const previous = await transaction.get<{ value: string }>(
        "SELECT value FROM flag WHERE guild_id = ? AND name = ? AND subject_type = ? AND subject_id = ?",
        ...key,
      );
      await transaction.run(
        `INSERT INTO flag (guild_id, name, subject_type, subject_id, value, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (guild_id, name, subject_type, subject_id)
         DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`,
        ...[...key, value, context.requestedAt, context.requestedAt],
      );
      const details = { value, ...(previous ? { previousValue: previous.value } : {}) };
      await appendAuditEntry(
        transaction,
        { guildId, actorId, action: "flag.set", target: targetOf(input), details },
        context,
      );
      return { previousValue: previous?.value ?? null };
    },
  }),

  clear: defineWrite({
    input: flagKey.refine(hasFittingSubject, subjectProblem),
    touches: ({ guildId }) => [guildFlags(guildId), guildAudit(guildId)],
    whenAway: "refuse",
    async run(transaction, input, context): Promise<void> {
      const { guildId, actorId, name, subjectType, subjectId } = input;
      const { changes } = await transaction.run(
        "DELETE FROM flag WHERE guild_id = ? AND name = ? AND subject_type = ? AND subject_id = ?",
        ...[guildId, name, subjectType, subjectId],
      );
      if (changes === 0) throw new MusterError("NOT_FOUND", `clear flag ${targetOf(input)}: it is not set`);
      await appendAuditEntry(transaction, { guildId, actorId, action: "flag.clear", target: targetOf(input) }, context);
    },
  }),

  /** All flags of a guild by name. */
  list: defineRead({
    input: z.object({ guildId: snowflake }),
    touches: ({ guildId }) => [guildFlags(guildId)],
    async run(transaction, { guildId }): Promise<FlagRecord[]> {
      return transaction.all(
        `SELECT name, subject_type AS subjectType, subject_id AS subjectId, value
         FROM flag WHERE guild_id = ? ORDER BY name, subject_type, subject_id`,
        guildId,
      );
    },
  }),
};
