import { defineConfig } from "vite";

/** `npx vite src/monitor/web` serves the pages while they are written, with the data of a bot on its default port. */
const MONITOR_URL = "http://127.0.0.1:3000";

export default defineConfig({
  // Relative: the dashboard also works behind a proxy that gives it a folder of its own.
  base: "./",
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2023",
    // The content security policy allows nothing that is written into the page itself.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/api": MONITOR_URL, "/health": MONITOR_URL } },
});
