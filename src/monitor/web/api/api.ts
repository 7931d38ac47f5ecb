import { MonitorClient } from "../../client.ts";
import { getToken } from "./session-token.ts";

/** Relative to the page, which may lie in a folder of a proxy. */
const url = new URL(".", document.baseURI);

let client = createClient(getToken);

function createClient(token: () => string | undefined): MonitorClient {
  return new MonitorClient({ url, token });
}

/** The bot, asked with the token of this tab, if there is one. */
export function api(): MonitorClient {
  return client;
}

/** Forgets that the bot could not be reached: the stream has shown that it can be again. */
export function renewApi(): void {
  client = createClient(getToken);
}

/** Asks with a token that nothing else on the page uses yet; throws when it is wrong. */
export async function tryToken(token: string): Promise<void> {
  await createClient(() => token).health();
}
