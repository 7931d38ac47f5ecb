import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { silentLogger, type LogFields } from "../../../src/core/logger.ts";
import type { AlertNotice } from "../../../src/monitor/alerts/alert.ts";
import { parseRetryAfterMs, WebhookSink } from "../../../src/monitor/alerts/webhook-sink.ts";
import { createFastClock } from "../../properties/fast-clock.ts";

const SECRET = "a-secret-part-of-the-address";

interface Post {
  readonly content: string;
  readonly text: string;
  readonly alerts: readonly { readonly key: string }[];
}

let server: Server;
let posts: Post[];
let postedAt: number[];
let inFlight: number;
let mostInFlight: number;
/** What the server does with each request, the last one for all that follow. */
let answers: ((response: ServerResponse) => void)[];
let log: { readonly message: string; readonly fields: LogFields | undefined }[];
let sink: WebhookSink;
let url: string;
const clock = createFastClock(100);

const answer =
  (status: number, headers: Readonly<Record<string, string>> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, headers).end("said with words");
const hang = (): void => undefined;

beforeAll(async () => {
  server = createServer((request, response) => {
    inFlight++;
    mostInFlight = Math.max(mostInFlight, inFlight);
    response.on("close", () => inFlight--);
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      posts.push(JSON.parse(body) as Post);
      postedAt.push(clock.now());
      const [next] = answers.length > 1 ? answers.splice(0, 1) : answers;
      next!(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
beforeEach(() => {
  [posts, postedAt, log, inFlight, mostInFlight] = [[], [], [], 0, 0];
  answers = [answer(204)];
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/${SECRET}`;
  const note = (message: string, fields?: LogFields): void => void log.push({ message, fields });
  const logger = { ...silentLogger, error: note, warn: note, info: note, debug: note };
  sink = new WebhookSink({ url: () => url, clock, logger });
});
afterEach(async () => {
  await sink.stop();
  expect(mostInFlight).toBeLessThanOrEqual(1);
  expect(JSON.stringify(log)).not.toContain(SECRET);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function notice(key: string): AlertNotice {
  const alert = { key, severity: "critical" as const, title: `title of ${key}`, text: "text" };
  const since = { startedAt: 0, saidAt: 0, count: 1, isOccurrence: false };
  return { kind: "begun", at: 0, alert: { ...alert, ...since }, isLogged: false };
}

async function until(isSo: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 5_000;
  while (!isSo()) {
    if (performance.now() > giveUpAt) throw new Error(`it did not come to that: ${JSON.stringify({ posts, log })}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe("the webhook", () => {
  it("gets what Discord, Slack and programs read; what comes together in one request", async () => {
    for (const key of ["one", "two", "three"]) sink.send(notice(key));
    await until(() => posts.length === 1);
    expect(posts[0]).toMatchObject({ allowed_mentions: { parse: [] }, alerts: [{ key: "one" }, { key: "two" }, {}] });
    expect(posts[0]!.content).toBe(posts[0]!.text);
    expect(posts[0]!.text.split("\n")).toHaveLength(3);
  });

  it("is asked again after 500, 429 and silence, with patience, and gets everything in order", async () => {
    answers = [answer(500), answer(429, { "retry-after": "20" }), hang, answer(200)];
    sink.send(notice("one"));
    await until(() => posts.length === 1);
    sink.send(notice("two"));
    await until(() => posts.length === 5);
    expect(posts.map(({ alerts }) => alerts.map(({ key }) => key).join())).toEqual(["one", "one", "one", "one", "two"]);
    expect(postedAt[2]! - postedAt[1]!).toBeGreaterThanOrEqual(19_900);
    expect(postedAt[3]! - postedAt[2]!).toBeGreaterThanOrEqual(4_900);
    expect(log).toEqual([]);
  });

  it("that stays broken costs four tries for an alert and one line in the log, until it works again", async () => {
    answers = [answer(503)];
    sink.send(notice("one"));
    await until(() => posts.length === 4 && log.length === 1);
    sink.send(notice("two"));
    await until(() => posts.length === 8);
    answers = [answer(204)];
    sink.send(notice("three"));
    await until(() => posts.some(({ text }) => text.includes("three")));
    expect(log).toMatchObject([{ fields: { why: "HTTP 503" } }]);
  });

  it("that refuses is not asked again, and the refusal of a connection names no address", async () => {
    answers = [answer(404)];
    sink.send(notice("one"));
    await until(() => log.length === 1);
    expect(posts).toHaveLength(1);
    answers = [answer(204)];
    sink.send(notice("two"));
    await until(() => posts.length === 2);
    url = `http://127.0.0.1:1/hooks/${SECRET}`;
    sink.send(notice("three"));
    await until(() => log.length === 2);
  });

  it("gets the newest of a storm, and how many were left out", async () => {
    answers = [hang, answer(204)];
    sink.send(notice("first"));
    await until(() => posts.length === 1);
    for (let count = 0; count < 500; count++) sink.send(notice(`storm ${count}`));
    await until(() => posts.some(({ text }) => text.includes("storm 499")));
    expect(posts.length).toBeLessThan(10);
    expect(posts.some(({ text }) => text.includes("and 400 more"))).toBe(true);
    expect(Math.max(...posts.map(({ content }) => content.length))).toBeLessThanOrEqual(2_000);
  });

  it("is left alone where none is set, and a stop ends the waiting at once", async () => {
    const known = url;
    url = "";
    sink.send(notice("unset"));
    url = known;
    answers = [hang];
    sink.send(notice("one"));
    await until(() => posts.length === 1);
    await sink.stop();
    sink.send(notice("two"));
    expect(posts).toMatchObject([{ alerts: [{ key: "one" }] }]);
  });

  it("may say in seconds or as a date when it has time again", () => {
    expect(parseRetryAfterMs("1.5", 0)).toBe(1_500);
    expect(parseRetryAfterMs("Thu, 01 Jan 1970 00:00:07 GMT", 2_000)).toBe(5_000);
    expect(parseRetryAfterMs("soon", 0)).toBeUndefined();
    expect(parseRetryAfterMs(null, 0)).toBeUndefined();
  });
});
