import { systemClock } from "../../src/core/clock.ts";
import { runSaboteur } from "../../src/sandbox/chaos/run-saboteur.ts";

/** Sends a saboteur for the write lock of the database named on the command line, and waits to be killed. */
await runSaboteur({ kind: "hold-lock", path: process.argv[2]! }, systemClock);
process.send!("held");
