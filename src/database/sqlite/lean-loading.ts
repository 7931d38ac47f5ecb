import { registerHooks } from "node:module";

/**
 * What a database thread loads takes most of its start, and so of every recovery; a third of it would be zod. Inputs are
 * validated on the calling side, so in a thread no schema is ever asked anything: what stands in for zod here lets
 * schemas be written down, and refuses to judge.
 */
const STAND_IN = `
  const refuse = () => { throw new Error("inputs are validated before they are sent to a database thread"); };
  const schema = new Proxy(() => schema, { get: (_, name) =>
    name === Symbol.toPrimitive || name === "then" ? undefined : /^(safe)?(parse|decode|encode)/i.test(String(name)) ? refuse : schema });
  export const z = schema;
  export default schema;
`;
const STAND_IN_URL = `data:text/javascript,${encodeURIComponent(STAND_IN)}`;

registerHooks({
  resolve: (specifier, context, nextResolve) =>
    specifier === "zod" ? { url: STAND_IN_URL, format: "module", shortCircuit: true } : nextResolve(specifier, context),
});
