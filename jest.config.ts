import type { Config } from "jest";
import { COMPILE_CACHE_FOLDER } from "./src/core/compile-cache.ts";

// Inherited by the runner's own processes and by those that tests start: most of what such a process does is compiling.
process.env["NODE_COMPILE_CACHE"] ??= COMPILE_CACHE_FOLDER;
// Far more than any test takes on a machine of its own: on a busy one a dozen processes may take half a minute.
process.env["TEST_TIMEOUT_MS"] ??= "120000";

const config: Config = {
  // Files run in bare Node, as the bot does: Jest's own runner loads every module anew for every file, in a context of
  // its own, and that was a third of all the work.
  runner: "<rootDir>/tests/helpers/test-runner.js",
  setupFilesAfterEnv: ["<rootDir>/tests/helpers/setup.ts"],
  roots: ["<rootDir>/tests"],
  testMatch: ["**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/tests/torture/"],
  // More than the two cores it is meant for: most tests wait for threads, processes and timers most of the time.
  maxWorkers: 4,
  testSequencer: "<rootDir>/tests/helpers/slow-first-sequencer.ts",
  // A failed test may leave a thread or a server behind; the run must end all the same.
  forceExit: true,
};

export default config;
