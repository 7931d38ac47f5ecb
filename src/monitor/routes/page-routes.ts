import { existsSync } from "node:fs";
import { join } from "node:path";
import staticFiles from "@fastify/static";
import type { FastifyInstance } from "fastify";

const ASSETS = "/assets/";
const YEAR_SECONDS = 365 * 24 * 60 * 60;

const NOT_BUILT_PAGE = `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>Muster</title>
  <h1>The dashboard is not built</h1>
  <p>Run <code>npm run build:web</code> in Muster's folder and load this page again. Nothing has to be restarted.</p>
  <p>Without it: <a href="/health">/health</a> and <a href="/metrics">/metrics</a>.</p>
</html>
`;

/** The dashboard, as Vite has built it. Its files are the same for everybody and tell nothing; what it shows is asked of the API. */
export async function registerPageRoutes(app: FastifyInstance, folder: string): Promise<void> {
  await app.register(async (pages) => {
    pages.addHook("onRoute", (route) => {
      route.config = { ...route.config, isPublic: true };
    });
    await pages.register(staticFiles, {
      root: folder,
      ...{ index: false, dotfiles: "ignore", cacheControl: false },
      setHeaders(response, path) {
        // Vite puts a hash of the content into the names of these.
        const isUnchanging = path.slice(folder.length).replaceAll("\\", "/").startsWith(ASSETS);
        response.header("cache-control", isUnchanging ? `public, max-age=${YEAR_SECONDS}, immutable` : "no-cache");
      },
    });
    pages.get("/", (_request, reply) => {
      if (existsSync(join(folder, "index.html"))) return reply.sendFile("index.html");
      return reply.type("text/html; charset=utf-8").send(NOT_BUILT_PAGE);
    });
  });
}
