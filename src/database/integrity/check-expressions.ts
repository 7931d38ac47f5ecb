/** Comments, strings, names in quotes, words, and whatever else there is, each as one token. */
const TOKEN =
  /--[^\n]*|\/\*[^]*?(?:\*\/|$)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[A-Z_a-z\u0080-\uffff][\w$\u0080-\uffff]*|[^]/g;

/**
 * The expressions of all CHECK constraints in the text of a CREATE TABLE. CHECK is a reserved word: outside of quotes it
 * begins a constraint and nothing else (https://sqlite.org/lang_keywords.html).
 */
export function listCheckExpressions(createTable: string): string[] {
  const tokens: readonly string[] = createTable.match(TOKEN) ?? [];
  const expressions: string[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.toLowerCase() !== "check") continue;
    const from = tokens.indexOf("(", index);
    if (from === -1) continue;
    const to = findClosing(tokens, from);
    expressions.push(
      tokens
        .slice(from + 1, to)
        .join("")
        .trim(),
    );
  }
  return expressions;
}

/** Where the parenthesis ends that opens at `from`. */
function findClosing(tokens: readonly string[], from: number): number {
  let depth = 0;
  for (let index = from; index < tokens.length; index++) {
    if (tokens[index] === "(") depth++;
    if (tokens[index] === ")") depth--;
    if (depth === 0) return index;
  }
  return tokens.length;
}
