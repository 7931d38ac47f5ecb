import { registerHooks } from "node:module";

/**
 * To be imported before anything else by a process that lives for one job: a third of what zod loads are translations of
 * its messages, which nobody asks for here. The English ones come on another way.
 */
const TRANSLATIONS = /\/locales\/index\.js$/;
const EMPTY_MODULE = "data:text/javascript,export{}";

registerHooks({
  resolve: (specifier, context, nextResolve) =>
    TRANSLATIONS.test(specifier) && context.parentURL?.includes("/node_modules/zod/")
      ? { url: EMPTY_MODULE, format: "module", shortCircuit: true }
      : nextResolve(specifier, context),
});
