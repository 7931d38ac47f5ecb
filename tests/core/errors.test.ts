import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { runInNewContext } from "node:vm";
import { ERROR_CODES, isMusterError, MusterError, toError } from "../../src/core/errors.ts";

const document = readFileSync(join(import.meta.dirname, "../../docs/errors.md"), "utf8");

describe("docs/errors.md", () => {
  const rows = new Map(
    [...document.matchAll(/^\| `([A-Z_]+)`\s+\| ([^|]+?)\s+\| [^|]+\|$/gm)].map(([, code, meaning]) => [
      code!,
      meaning!,
    ]),
  );

  it("lists every code of the catalogue and no other, with the same meaning", () => {
    expect(Object.fromEntries(rows)).toEqual(ERROR_CODES);
  });
});

describe("MusterError", () => {
  it("carries code, hint, cause and details", () => {
    const cause = new Error("below");
    const error = new MusterError("CONFLICT", "do it: it is done", { hint: "look", cause, details: { id: 1 } });
    expect(error).toMatchObject({
      code: "CONFLICT",
      hint: "look",
      cause,
      details: { id: 1 },
      message: "do it: it is done",
    });
  });

  it("is told apart by code", () => {
    const error = new MusterError("NOT_FOUND", "x");
    expect(isMusterError(error)).toBe(true);
    expect(isMusterError(error, "NOT_FOUND", "CONFLICT")).toBe(true);
    expect(isMusterError(error, "CONFLICT")).toBe(false);
    expect(isMusterError(new Error("x"))).toBe(false);
  });
});

describe("toError", () => {
  const refuse = (): never => {
    throw new Error("refused");
  };
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();

  it("gives an error back as it is, one of another realm, too", () => {
    for (const error of [new TypeError("x"), runInNewContext('new Error("x")'), Object.create(Error.prototype)]) {
      expect(toError(error)).toBe(error);
    }
  });

  it.each([
    ["text", "text"],
    [undefined, "undefined"],
    [null, "null"],
    [10n, "10"],
    [Symbol("sign"), "Symbol(sign)"],
    [{ toString: () => "own text" }, "own text"],
    [Object.assign(Object.create(null), { reason: "full" }), /without a text was thrown: .*reason: 'full'/],
    [{ toString: refuse }, /without a text was thrown/],
    [{ toString: () => ({}), valueOf: () => ({}) }, /without a text was thrown/],
    [{ [Symbol.toPrimitive]: refuse, [inspect.custom]: refuse }, /without a text was thrown/],
    [new Proxy({}, { get: refuse, getPrototypeOf: refuse }), /without a text was thrown/],
    [revoked, /without a text was thrown/],
  ] as const)("makes an Error of anything else: case %#", (thrown, message) => {
    const error = toError(thrown);
    expect(error).toBeInstanceOf(Error);
    if (typeof message === "string") expect(error.message).toBe(message);
    else expect(error.message).toMatch(message);
  });
});
