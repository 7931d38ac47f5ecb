import type { Config } from "jest";
import { COMPILE_CACHE_FOLDER } from "./src/core/compile-cache.ts";

// Inherited by the runner's own processes and by those that tests start: most of what such a process does is compiling.
process.env.NODE_COMPILE_CACHE ??= COMPILE_CACHE_FOLDER;

const config: Config = {
  testEnvironment: "node",
  roots: ["<rootDir>/tests"],
  testMatch: ["**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/tests/torture/"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    // Types are checked by `npm run check`; here each file is only transpiled, which is several times faster.
    "^.+\\.ts$": ["ts-jest", { useESM: true, diagnostics: false }],
  },
  // More than the two cores it is meant for: most tests wait for threads, processes and timers most of the time.
  maxWorkers: 4,
  testSequencer: "<rootDir>/tests/helpers/slow-first-sequencer.ts",
  // Far more than any test takes on a machine of its own: on a busy one a dozen processes may take half a minute.
  testTimeout: 120_000,
  // A failed test may leave a thread or a server behind; the run must end all the same.
  forceExit: true,
};

export default config;
