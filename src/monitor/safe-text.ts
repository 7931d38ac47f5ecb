/** From a root (`/`, `C:\`) up to the last separator: what is left is the file's own name. */
const FOLDERS = /(?:[a-z]:)?[\\/](?:[^\\/\s:;,'"]+[\\/])+/gi;
const MAX_LENGTH = 300;

/** What some part of the program has found, without the folders of the machine, on one line, and not too long. */
export function toSafeText(text: string): string {
  const line = text.replace(FOLDERS, "").replace(/\s+/g, " ");
  return line.length <= MAX_LENGTH ? line : `${line.slice(0, MAX_LENGTH - 1)}…`;
}
