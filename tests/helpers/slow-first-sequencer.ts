import { statSync } from "node:fs";

interface TestFile {
  readonly path: string;
}

/**
 * Starts the folders first whose tests wait the longest. Jest's own order knows that only from earlier runs: on a fresh
 * machine a short file that takes half a minute would come last, and everything would wait for it.
 */
const SLOW_FOLDERS = ["/tests/e2e/", "/tests/properties/", "/tests/store/", "/tests/database/", "/tests/resilience/"];

// Jest takes the default export of the file that its configuration names.
export default class SlowFirstSequencer {
  sort<Test extends TestFile>(tests: readonly Test[]): Test[] {
    const ranked = tests.map((test) => ({ test, rank: rankOf(test.path), size: statSync(test.path).size }));
    return ranked.sort((a, b) => a.rank - b.rank || b.size - a.size).map(({ test }) => test);
  }

  /** The order does not depend on earlier runs. */
  cacheResults(): void {
    return;
  }
}

function rankOf(path: string): number {
  const rank = SLOW_FOLDERS.findIndex((folder) => path.includes(folder));
  return rank === -1 ? SLOW_FOLDERS.length : rank;
}
