import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../core/clock.ts";
import { HttpRefusal } from "./http-error.ts";
import { TokenCheck, WrongTokens } from "./token.ts";

/**
 * Who may ask what. Closed unless a route says otherwise: a route that reads needs the token unless the request comes
 * from this machine itself; whatever is not GET or HEAD needs it always, in the Authorization header, which no other
 * site's page can make a browser send. Only routes marked `isPublic` are open to everybody.
 */

declare module "fastify" {
  interface FastifyContextConfig {
    /** Tells nothing that is worth hiding. Default false. */
    readonly isPublic?: boolean;
  }
}

const TOKEN_HINT = "Send the value of MONITOR_TOKEN as: Authorization: Bearer <token>.";
/** A proxy on this machine speaks for others: where they are decides, not where the proxy is. */
const PROXY_HEADERS = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"] as const;
/** A browser says whose page asks; older ones and other programs say nothing. */
const OWN_PAGES: readonly unknown[] = [undefined, "same-origin", "none"];

export function guardRoutes(app: FastifyInstance, token: string, clock: Clock): void {
  const check = new TokenCheck(token);
  const wrongTokens = new WrongTokens(clock);
  app.addHook("onRequest", async (request, reply) => {
    const isReading = request.method === "GET" || request.method === "HEAD";
    if (isReading && request.routeOptions.config.isPublic === true) return;
    if (check.hasToken && hasRightToken(request, reply, check, wrongTokens)) return;
    if (!isReading) refuseChange(check);
    if (!isOfThisMachine(request)) refuseReading(check);
  });
}

/** Throws when there is one and it is wrong. */
function hasRightToken(
  { ip, headers }: FastifyRequest,
  reply: FastifyReply,
  check: TokenCheck,
  wrongTokens: WrongTokens,
): boolean {
  if (headers.authorization === undefined) return false;
  const waitMs = wrongTokens.waitMs(ip);
  if (waitMs > 0) {
    reply.header("retry-after", Math.ceil(waitMs / 1_000));
    throw new HttpRefusal(429, "TOO_MANY_REQUESTS", "Too many wrong tokens came from this address: wait a minute.");
  }
  if (check.verify(headers.authorization) === "right") return true;
  wrongTokens.count(ip);
  reply.header("www-authenticate", "Bearer");
  throw new HttpRefusal(401, "TOKEN_WRONG", "The token is not the monitor's.", TOKEN_HINT);
}

function refuseChange({ hasToken }: TokenCheck): never {
  if (hasToken) throw new HttpRefusal(401, "TOKEN_REQUIRED", "What changes something needs the token.", TOKEN_HINT);
  throw new HttpRefusal(
    403,
    "TOKEN_NOT_SET",
    "What changes something needs a token, and this monitor has none.",
    "Set MONITOR_TOKEN (16 characters or more) and start the bot again.",
  );
}

function refuseReading({ hasToken }: TokenCheck): never {
  if (hasToken) throw new HttpRefusal(401, "TOKEN_REQUIRED", "From elsewhere, this needs the token.", TOKEN_HINT);
  throw new HttpRefusal(
    403,
    "NOT_LOCAL",
    "Without a token the monitor answers only who asks from its own machine, by the name localhost.",
    "Open http://localhost with the monitor's port, or set MONITOR_TOKEN and start the bot again.",
  );
}

/**
 * Asked from this machine, by its own name and not on behalf of anybody else. The name matters: a site whose name is made
 * to point to 127.0.0.1 (DNS rebinding) has its visitors' browsers ask from there, but by the site's name.
 */
function isOfThisMachine({ socket, headers }: FastifyRequest): boolean {
  return (
    isLoopbackAddress(socket.remoteAddress) &&
    isLoopbackName(headers.host) &&
    PROXY_HEADERS.every((name) => headers[name] === undefined) &&
    OWN_PAGES.includes(headers["sec-fetch-site"])
  );
}

function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && /^(?:::1|(?:::ffff:)?127(?:\.\d{1,3}){3})$/.test(address);
}

function isLoopbackName(host: string | undefined): boolean {
  return host !== undefined && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i.test(host);
}
