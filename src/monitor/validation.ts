import { z } from "zod";
import { HttpRefusal } from "./http-error.ts";

/** What was sent, by the schema. Throws a refusal that names everything that is wrong, and quotes no value. */
export function validate<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`,
  );
  throw new HttpRefusal(400, "INPUT_INVALID", `The request is not valid. ${problems.join("; ")}.`);
}

const MOMENT_WORDS = "expected a moment as epoch milliseconds or ISO 8601, such as 2026-11-20T14:05:00Z";
/** With a zone: what a time without one means depends on the machine. */
const ISO_MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** A moment in a query: epoch milliseconds. */
export const moment = z.string(MOMENT_WORDS).transform((text, context) => {
  const at = /^\d{1,15}$/.test(text) ? Number(text) : ISO_MOMENT.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(at)) return at;
  context.addIssue({ code: "custom", message: MOMENT_WORDS });
  return z.NEVER;
});

const DAY_MS = 24 * 60 * 60_000;
const MAX_RANGE_DAYS = 400;

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** `from` and `to`; by default the last `defaultMs` up to now. */
export function rangeSchema(now: () => number, defaultMs: number) {
  return z
    .strictObject({ from: moment.optional(), to: moment.optional() })
    .transform(({ from, to = now() }): Range => ({ from: from ?? to - defaultMs, to }))
    .refine(({ from, to }) => from < to, "expected from to be before to")
    .refine(({ from, to }) => to - from <= MAX_RANGE_DAYS * DAY_MS, `expected at most ${MAX_RANGE_DAYS} days`);
}

export const noQuery = z.strictObject({});
