import { readEventStream, type StreamEvent } from "../../src/monitor/event-stream.ts";

/** The events of a stream that comes in these pieces. */
async function read(...pieces: readonly Uint8Array[]): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const event of readEventStream(ReadableStream.from(pieces))) events.push(event);
  return events;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("reading server-sent events", () => {
  it("passes over comments and unknown fields, and joins lines of data", async () => {
    const text = "retry: 2000\n\n: still here\n\nevent: health\ndata: 1\ndata:2\nid: 7\n\ndata: plain\n\n";
    expect(await read(bytes(text))).toEqual([
      { event: "health", data: "1\n2" },
      { event: "message", data: "plain" },
    ]);
  });

  it("gives the same wherever the stream is cut, with any line end and any character", async () => {
    for (const lineEnd of ["\n", "\r\n", "\r"]) {
      const whole = bytes(["event: job", "data: ✅ done", "", "data: next", "", ": end", ""].join(lineEnd));
      const expected = [
        { event: "job", data: "✅ done" },
        { event: "message", data: "next" },
      ];
      for (let cut = 0; cut <= whole.length; cut++) {
        expect(await read(whole.slice(0, cut), whole.slice(cut))).toEqual(expected);
      }
    }
  });

  it("leaves out an event that the end cuts off", async () => {
    expect(await read(bytes("data: one\n\ndata: half"))).toEqual([{ event: "message", data: "one" }]);
  });
});
