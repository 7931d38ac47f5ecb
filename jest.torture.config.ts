import type { Config } from "jest";
import base from "./jest.config.ts";

process.env["TEST_TIMEOUT_MS"] = "600000";

/** The slow tests, one file after another: all of them, or those whose paths are given. */
const config: Config = {
  ...base,
  roots: ["<rootDir>/tests/torture"],
  testPathIgnorePatterns: ["/node_modules/"],
  maxWorkers: 1,
};

export default config;
