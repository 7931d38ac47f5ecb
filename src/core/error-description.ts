/**
 * Errors as plain data for a log line, which they must not make large: what libraries hang on them may hold all that was
 * sent, files too. Texts are cut, bytes are counted, and one error has room for so much, its causes included.
 */

/** Of one error with its causes, characters. */
const MAX_LENGTH = 16_000;
const MAX_TEXT_LENGTH = 4_000;
const MAX_MEMBERS = 50;
const MAX_DEPTH = 6;
/** What errors of requests repeat of what was sent and received; what it says is in their message. */
const LEFT_OUT: ReadonlySet<string> = new Set(["requestBody", "rawError"]);

/** An error with its stack and its chain of causes; anything else as it is. */
export function describeError(error: unknown): unknown {
  return error instanceof Error ? new Description().describe(error, 0) : error;
}

/** Long texts end with how much of them is missing. */
export function shorten(text: string, maxLength = MAX_TEXT_LENGTH): string {
  if (text.length <= maxLength) return text;
  return `${text.slice(0, maxLength)}… (${text.length - maxLength} more characters)`;
}

class Description {
  #room = MAX_LENGTH;

  describe(error: Error, depth: number): unknown {
    const { name, message, stack, cause, ...own } = error as Error & Record<string, unknown>;
    return this.#members({ name, message, stack, ...own, ...(cause === undefined ? {} : { cause }) }, depth);
  }

  #plain(value: unknown, depth: number): unknown {
    if (typeof value === "string") return this.#text(value);
    if (typeof value === "bigint") return value.toString();
    if (typeof value !== "object" || value === null) return value;
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
    // It may refer to itself.
    if (depth > MAX_DEPTH || this.#room <= 0) return "[…]";
    if (value instanceof Error) return this.describe(value, depth);
    if (Array.isArray(value)) return value.slice(0, MAX_MEMBERS).map((item) => this.#plain(item, depth + 1));
    const { toJSON } = value as { readonly toJSON?: () => unknown };
    return typeof toJSON === "function" ? this.#plain(toJSON.call(value), depth + 1) : this.#members(value, depth);
  }

  #members(value: object, depth: number): unknown {
    const members = Object.entries(value).filter(([key]) => !LEFT_OUT.has(key));
    return Object.fromEntries(
      members.slice(0, MAX_MEMBERS).map(([key, member]) => [this.#text(key), this.#plain(member, depth + 1)]),
    );
  }

  #text(text: string): string {
    const short = shorten(text, Math.max(Math.min(this.#room, MAX_TEXT_LENGTH), 0));
    this.#room -= short.length;
    return short;
  }
}
