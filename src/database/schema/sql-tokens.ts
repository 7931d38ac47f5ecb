/**
 * SQL text cut into tokens, so that two writings of one definition can be told from two definitions: comments and white
 * space fall away, names and keywords count the same in small and capital letters, quoted or not, and what stands between
 * single quotes stays exactly as it is.
 */
export function tokenizeSql(sql: string): string[] {
  const tokens: string[] = [];
  for (const [text] of sql.matchAll(TOKEN)) {
    if (/^(\s|--|\/\*)/.test(text)) continue;
    tokens.push(text.startsWith("'") ? text : unquote(text).toLowerCase());
  }
  return tokens;
}

/** A literal, a quoted name, a comment, white space, a word or number, or any one sign. */
const TOKEN =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\s+|[\p{L}\p{N}_$]+|[^]/gu;

function unquote(token: string): string {
  if (token.length < 2) return token;
  const quote = token[0]!;
  if (quote === "[") return token.slice(1, -1);
  if (quote !== '"' && quote !== "`") return token;
  return token.slice(1, -1).replaceAll(quote + quote, quote);
}
