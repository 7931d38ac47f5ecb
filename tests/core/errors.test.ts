import { readFileSync } from "node:fs";
import { join } from "node:path";
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

  it("makes an Error of anything thrown", () => {
    const error = new Error("x");
    expect(toError(error)).toBe(error);
    expect(toError("text").message).toBe("text");
  });
});
