import type { APIMessage } from "discord-api-types/v10";

/**
 * Where a picture is on this machine: an upload by its path alone (the page may be open under another name of the
 * loopback), `attachment://name` by the message's own upload. Undefined for what lies elsewhere: nothing is asked of the
 * internet.
 */
export function localUrl(message: APIMessage, url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  const name = /^attachment:\/\/(.+)$/.exec(url)?.[1];
  const source = name === undefined ? url : message.attachments.find(({ filename }) => filename === name)?.url;
  const path = source === undefined ? undefined : /^http:\/\/[^/]+(\/attachments\/.+)$/.exec(source)?.[1];
  return path;
}
