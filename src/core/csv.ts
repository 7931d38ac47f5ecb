/** Tables as RFC 4180 has them, made harmless for spreadsheets. */

const LINE_END = "\r\n";
/** What makes a spreadsheet take a cell for a formula, at its start or after white space. */
const FORMULA_START = /^[\s\p{Cc}\uFEFF]*[=+\-@＝＋－＠]|^[\t\r\n]/u;
const NEEDS_QUOTES = /[",\r\n\t;]|^\s|\s$/;

/** One line with its end. Numbers are written as they are; a text that a spreadsheet would run begins with an apostrophe. */
export function formatCsvLine(cells: readonly (string | number)[]): string {
  return cells.map(formatCell).join(",") + LINE_END;
}

function formatCell(cell: string | number): string {
  if (typeof cell === "number") return String(cell);
  const text = FORMULA_START.test(cell) ? `'${cell}` : cell;
  return NEEDS_QUOTES.test(text) || text !== cell ? `"${text.replaceAll('"', '""')}"` : text;
}
