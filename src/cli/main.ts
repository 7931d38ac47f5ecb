import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { COMPILE_CACHE_FOLDER } from "../core/compile-cache.ts";
import "../core/lean-loading.ts";

/** The command line: `npm run muster -- <verb>`. Exit codes: 0 done, 1 failed, 2 wrong usage. */

// Whatever this process creates is for its own user only.
process.umask(0o077);
// Before anything else is loaded.
enableCompileCache(COMPILE_CACHE_FOLDER);

const { runCommandLine } = await import("./program.ts");
const exitCode = await runCommandLine(process.argv.slice(2), { folder: join(import.meta.dirname, "../..") });
if (exitCode !== undefined) process.exitCode = exitCode;
