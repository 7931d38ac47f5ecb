import { join } from "node:path";

/**
 * Where Node keeps what it has compiled, for the process, its threads and its child processes alike: without it each
 * spends most of its start on compiling. In the program's own folder, where nobody else can put code.
 */
export const COMPILE_CACHE_FOLDER = join(import.meta.dirname, "../../node_modules/.cache/muster");
