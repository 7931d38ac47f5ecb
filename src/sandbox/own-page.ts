import type { IncomingHttpHeaders } from "node:http";

const LOOPBACK_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

/**
 * Whether a request comes from this machine's own pages and programs. A page on the internet could otherwise reach the
 * loopback through a name that it points there (so the host must be a loopback name), or simply by its address (so the
 * origin, which browsers tell and programs do not, must be the host).
 */
export function isOwnPage({ host = "", origin }: IncomingHttpHeaders): boolean {
  return LOOPBACK_HOST.test(host) && (origin === undefined || origin === `http://${host}`);
}
