import multipart from "@fastify/multipart";
import fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { compileOnFirstUse } from "./lazy-validation.ts";
import type { SandboxLimits } from "./limits.ts";
import { refuse } from "./rest/api-error.ts";
import type { Upload } from "./rest/uploads.ts";
import type { World } from "./world/world.ts";

/** Interaction tokens stand in the path and are long. */
const MAX_PARAMETER_LENGTH = 512;

/** The HTTP side without routes: JSON with or without a body, uploads as multipart, uploaded files served again. */
export async function createHttpServer(world: World, limits: SandboxLimits): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    // A mistyped field is an error, not something to drop or to convert.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false }, onCreate: compileOnFirstUse },
    forceCloseConnections: true,
    bodyLimit: limits.uploadBytes * 2,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => {
    if (body === "") return done(null, undefined);
    try {
      done(null, JSON.parse(body as string));
    } catch {
      done(refuse("invalidJson"));
    }
  });
  await app.register(multipart, { limits: { fileSize: limits.uploadBytes, files: 10, fieldSize: 1024 * 1024 } });
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, _body, done) => done(null, undefined));
  app.decorateRequest("uploads");
  app.addHook("preValidation", async (request) => {
    request.uploads = request.isMultipart() ? await readMultipart(request) : [];
  });
  serveAttachments(app, world);
  return app;
}

/** Reads a multipart request: `payload_json` becomes the body, `files[n]` the uploads. */
async function readMultipart(request: FastifyRequest): Promise<Upload[]> {
  const uploads: Upload[] = [];
  for await (const part of request.parts()) {
    if (part.type === "file") {
      const index = /^files\[(\d+)\]$/.exec(part.fieldname)?.[1] ?? String(uploads.length);
      uploads.push({ index, filename: part.filename, contentType: part.mimetype, data: await part.toBuffer() });
    } else if (part.fieldname === "payload_json") {
      try {
        request.body = JSON.parse(String(part.value));
      } catch {
        throw refuse("invalidJson");
      }
    }
  }
  return uploads;
}

function serveAttachments(app: FastifyInstance, world: World): void {
  app.get("/attachments/:channelId/:attachmentId/:filename", (request, reply) => {
    const { attachmentId } = request.params as { attachmentId: string };
    const stored = world.state.attachments.get(attachmentId);
    if (!stored) return reply.code(404).send({ message: "404: Not Found", code: 0 });
    // An upload that is a page must not act as one of the sandbox's own.
    void reply.headers({
      "Content-Security-Policy": "default-src 'none'; sandbox",
      "X-Content-Type-Options": "nosniff",
    });
    return reply.header("Content-Type", stored.contentType).send(Buffer.from(stored.data));
  });
}
