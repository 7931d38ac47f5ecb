import { registerHooks } from "node:module";

/**
 * What a database thread loads takes most of its start, and so of every recovery. A third of it are the translations of
 * zod's messages, which nobody is shown here: inputs are validated on the main thread. They are left out.
 */
const TRANSLATIONS = /\/locales\/index\.js$/;
const EMPTY_MODULE = "data:text/javascript,export{}";

registerHooks({
  resolve: (specifier, context, nextResolve) =>
    TRANSLATIONS.test(specifier) && context.parentURL?.includes("/node_modules/zod/")
      ? { url: EMPTY_MODULE, format: "module", shortCircuit: true }
      : nextResolve(specifier, context),
});
