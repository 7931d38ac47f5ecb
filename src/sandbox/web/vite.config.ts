import { defineConfig } from "vite";

/** `npx vite src/sandbox/web` serves the page while it is written, with the world of a sandbox on its default port. */
const SANDBOX_URL = "http://127.0.0.1:4000";

export default defineConfig({
  base: "./",
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2023",
    // The content security policy allows nothing that is written into the page itself.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      "/sandbox": { target: SANDBOX_URL, ws: true, changeOrigin: true, headers: { origin: SANDBOX_URL } },
      "/attachments": SANDBOX_URL,
    },
  },
});
