import fc from "fast-check";
import { addEventHandler } from "jest-circus";

/** In each process that runs tests, once, before its first file. */

/** Of a test or hook that names no time of its own; set by the configuration. */
const TIMEOUT_MS = Number(process.env["TEST_TIMEOUT_MS"]);

type Body = (...args: never[]) => unknown;

/** The runner knows no time limit: without one, a promise that never settles would hang the whole run. */
function limit<Fn extends Body | undefined | null>(body: Fn, timeoutMs = TIMEOUT_MS): Fn {
  if (!body) return body;
  const limited = async (): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`not done within ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      await Promise.race([body(), late]);
    } finally {
      clearTimeout(timer);
    }
  };
  return limited as Fn;
}

addEventHandler((event, { currentDescribeBlock: block }) => {
  if (event.name === "add_test") {
    const test = block.children.at(-1);
    if (test?.type === "test") test.fn = limit(test.fn, event.timeout);
  } else if (event.name === "add_hook") {
    const hook = block.hooks.at(-1);
    if (hook) hook.fn = limit(hook.fn, event.timeout);
  }
});

// The runner shows an error, and not its cause, which is what failed in a property.
fc.configureGlobal({ includeErrorInReport: true });
