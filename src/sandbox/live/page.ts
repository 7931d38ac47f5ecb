import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import type { FastifyInstance, FastifyReply } from "fastify";

/** Where `npm run build:web` puts the page. */
const PAGE_FOLDER = join(import.meta.dirname, "..", "web", "dist");
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
/** Names as Vite makes them: they lead to nothing outside the folder. */
const FILE_NAME = /^[\w-]+(\.[\w-]+)+$/;
const UNCHANGING = "public, max-age=31536000, immutable";

/** Everything that the page needs is its own. */
const HEADERS = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-cache",
} as const;

const NOT_BUILT_PAGE = `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>Muster's sandbox</title>
  <h1>The sandbox's page is not built</h1>
  <p>Run <code>npm run build:web</code> in Muster's folder and load this page again. Nothing has to be restarted.</p>
  <p>The sandbox itself works without it: <a href="/sandbox">/sandbox</a> says how to connect.</p>
</html>
`;

/** The page at `/`, as Vite has built it. */
export function registerPage(app: FastifyInstance, folder = PAGE_FOLDER): void {
  app.get("/", async (_request, reply) => {
    void reply.headers(HEADERS).type("text/html; charset=utf-8");
    return (await readIfThere(join(folder, "index.html"))) ?? NOT_BUILT_PAGE;
  });
  app.get("/icon.svg", (_request, reply) => sendFile(reply, join(folder, "icon.svg")));
  app.get("/assets/:name", (request, reply) => {
    const { name } = request.params as { name: string };
    // A hash of the content is part of these names.
    return sendFile(reply, FILE_NAME.test(name) ? join(folder, "assets", name) : undefined, UNCHANGING);
  });
}

async function sendFile(reply: FastifyReply, path: string | undefined, caching?: string): Promise<FastifyReply> {
  const content = path === undefined ? undefined : await readIfThere(path);
  if (path === undefined || !content) return reply.code(404).send({ message: "404: Not Found", code: 0 });
  void reply.headers({ ...HEADERS, ...(caching === undefined ? {} : { "Cache-Control": caching }) });
  return reply.type(CONTENT_TYPES[extname(path)] ?? "application/octet-stream").send(content);
}

/** Undefined when there is no such file. */
async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return undefined;
  }
}
