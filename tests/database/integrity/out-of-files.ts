import { closeSync, openSync } from "node:fs";
import { systemClock } from "../../../src/core/clock.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { MaintenanceRunner } from "../../../src/database/maintenance/maintenance-runner.ts";

/** Started with few files allowed and the path of a database: uses them all up, and gives them back when a job could not be begun. */

// The runner's own timers keep no process alive.
setInterval(() => undefined, 60_000);
const handles: number[] = [];
try {
  for (;;) handles.push(openSync("/dev/null", "r"));
} catch {
  // None is left.
}
const runner = new MaintenanceRunner({
  clock: systemClock,
  logger: {
    ...silentLogger,
    warn(message, { error } = {}) {
      for (const handle of handles.splice(0)) closeSync(handle);
      console.log(`${message}: ${(error as Error).message}`);
    },
  },
});
const { lines } = await runner.run({ kind: "integrity-check", path: process.argv[2]!, depth: "quick" });
console.log(lines.join());
process.exit(0);
