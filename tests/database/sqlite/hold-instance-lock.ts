import { systemClock } from "../../../src/core/clock.ts";
import { acquireInstanceLock } from "../../../src/database/sqlite/instance-lock.ts";

/** A process that takes the lock it is given, says how that went, and holds it until it is told to let go. */
const [path = ""] = process.argv.slice(2);
try {
  const lock = acquireInstanceLock({ path, clock: systemClock, programVersion: "1.2.3" });
  process.send?.({ isHeld: true });
  process.on("message", () => {
    lock.release();
    process.send?.({ isHeld: false });
  });
} catch (error) {
  process.send?.({ isHeld: false, error: String(error) }, () => process.disconnect());
}
