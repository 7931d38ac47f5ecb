import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { RestoreTarget } from "../../database/backup/restore-facts.ts";
import { COMMENT_LIMIT } from "../../database/backup/snapshot-manifest.ts";
import type { JobReport, RestorePlanReport } from "../api-types.ts";
import type { BackupWork } from "../backup-work.ts";
import { HttpRefusal } from "../http-error.ts";
import type { Jobs } from "../jobs.ts";
import { moment, validate } from "../validation.ts";

const ACCEPTED = 202;

const backupId = z.string().regex(/^[0-9a-f]{8}$/, "expected the id of a backup, 8 hexadecimal digits");
const createBody = z.strictObject({
  comment: z
    .string()
    .max(COMMENT_LIMIT)
    .transform((text) =>
      text
        .toWellFormed()
        .replace(/[\s\p{Cc}]+/gu, " ")
        .trim(),
    )
    .default(""),
});
const restoreBody = z
  .strictObject({
    backup: backupId.optional(),
    at: moment.optional(),
    isDryRun: z.boolean().default(false),
    confirm: z.boolean().default(false),
  })
  .refine(({ backup, at }) => backup === undefined || at === undefined, "expected backup or at, not both");
const verifyParameters = z.strictObject({ id: backupId });
const jobParameters = z.strictObject({ id: z.string().max(40) });

/** What takes long or changes something: begun here, and told of by `/api/jobs/:id` and the stream. */
export function registerJobRoutes(app: FastifyInstance, jobs: Jobs, getWork: () => BackupWork): void {
  app.get("/api/jobs/:id", (request): JobReport => {
    const job = jobs.get(validate(jobParameters, request.params).id);
    if (!job) throw new HttpRefusal(404, "NOT_FOUND", "There is no such job, or it ended long ago.");
    return job;
  });

  app.post("/api/backups", (request, reply) => {
    const { comment } = validate(createBody, request.body ?? {});
    return reply.code(ACCEPTED).send(getWork().create(comment));
  });

  app.post("/api/backups/:id/verify", async (request, reply) => {
    const { id } = validate(verifyParameters, request.params);
    return reply.code(ACCEPTED).send(await getWork().verify(id));
  });

  app.post("/api/restore", async (request, reply) => {
    const { isDryRun, confirm, ...wanted } = validate(restoreBody, request.body ?? {});
    const target = toTarget(wanted);
    if (isDryRun) {
      const plan: RestorePlanReport = await getWork().plan(target);
      return plan;
    }
    if (!confirm) {
      throw new HttpRefusal(
        400,
        "CONFIRMATION_REQUIRED",
        "A restore puts another database in the place of the present one.",
        'Look at the plan with "isDryRun": true, then ask again with "confirm": true.',
      );
    }
    return reply.code(ACCEPTED).send(getWork().restore(target));
  });
}

function toTarget({ backup, at }: { backup?: string | undefined; at?: number | undefined }): RestoreTarget {
  if (backup !== undefined) return { kind: "snapshot", id: backup };
  return at === undefined ? { kind: "newest" } : { kind: "instant", at };
}
