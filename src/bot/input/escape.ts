/** Text that people wrote, made safe to show inside the bot's own: it cannot mention, format, link or turn it around. */

export { truncate } from "../../roll-call/truncate.ts";

const BREAK = "\u200B";
/** What Discord shows as one thing and is harmless: links, custom emoji, timestamps. Escaping would take it apart. */
const WHOLE = /(https?:\/\/[^\s<>]+|<a?:\w{2,32}:\d{17,20}>|<t:-?\d{1,13}(?::[a-zA-Z])?>)/;
/** Characters that turn around the direction of what follows them, beyond the end of this text. */
const DIRECTION = /[\u202A-\u202E\u2066-\u2069]/g;

/**
 * One line with markdown escaped and mentions broken by a zero-width space. Links, custom emoji and timestamps go on
 * working, but no masked link can be made. The result may be longer: truncate before.
 */
export function escapeInline(text: string): string {
  const line = text
    .toWellFormed()
    .replace(DIRECTION, "")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
  const escaped = line.split(WHOLE).map((piece, index) => (index % 2 === 1 ? cleanWhole(piece) : escapePiece(piece)));
  return escapeLineStart(escaped.join(""));
}

function escapePiece(text: string): string {
  return text
    .replace(/[\\*_~`|[\]]/g, "\\$&")
    .replace(/<(?=[@#/]|id:)/g, `$&${BREAK}`)
    .replace(/@(?=everyone|here)/gi, `$&${BREAK}`);
}

/** A link keeps its meaning when characters that end our own formatting, or mention everyone, are percent-encoded. */
function cleanWhole(whole: string): string {
  if (whole.startsWith("<")) return whole;
  return whole.replace(
    /[[\]()*|~`\\]|@(?=everyone|here)/gi,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Headings, quotes, lists and small text are made by how a line starts. */
function escapeLineStart(line: string): string {
  return line.replace(/^(?=[#>+-])/, "\\").replace(/^(\d+)(?=[.)](?:\s|$))/, "$1\\");
}
