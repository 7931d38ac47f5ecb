import LightRunner from "jest-light-runner/child-process";
import Tinypool from "tinypool";

/**
 * jest-light-runner 0.8.2 has one channel for all its processes, and answers the first of them that asks for its settings
 * on all of them: a process that is not listening yet loses them, waits for ever, and the run with it. Here each has a
 * channel of its own. Plain JavaScript, because the runner has no types.
 */

const REQUEST = "jest-light-runner-get-worker-data";
const ANSWER = "jest-light-runner-worker-data";

const { run } = Tinypool.prototype;

/** @this {Tinypool} */
Tinypool.prototype.run = function (task, options) {
  const { workerData } = this.options;
  let answer = () => undefined;
  const channel = {
    onMessage: (listener) => (answer = listener),
    postMessage: (message) => message === REQUEST && answer({ type: ANSWER, workerData }),
  };
  return run.call(this, task, { ...options, channel });
};

// Jest takes the default export of the file that its configuration names.
export default LightRunner;
