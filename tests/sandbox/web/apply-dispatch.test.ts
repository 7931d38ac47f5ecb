import type { APIMessage } from "discord-api-types/v10";
import type { Snapshot } from "../../../src/sandbox/live/live-frames.ts";
import { applyDispatch } from "../../../src/sandbox/web/live/apply-dispatch.ts";

const CHANNEL = "10";
const YES = { id: null, name: "✅" };

const message = (id: string, content = ""): APIMessage => ({ id, channel_id: CHANNEL, content }) as APIMessage;
const world = (...messages: APIMessage[]): Snapshot =>
  ({ userId: "1", messages: { [CHANNEL]: messages } }) as unknown as Snapshot;
const reaction = (userId: string): object => ({
  ...{ user_id: userId, channel_id: CHANNEL, message_id: "5", emoji: YES },
});
const shown = (seen: Snapshot): readonly APIMessage[] => seen.messages[CHANNEL] ?? [];

describe("what a person sees", () => {
  it("gains messages in their order, and changes those that are there", () => {
    let seen = world(message("5"));
    seen = applyDispatch(seen, "MESSAGE_CREATE", message("9"));
    seen = applyDispatch(seen, "MESSAGE_UPDATE", message("7"));
    seen = applyDispatch(seen, "MESSAGE_UPDATE", message("9", "edited"));
    expect(shown(seen).map(({ id, content }) => [id, content])).toEqual([
      ["5", ""],
      ["7", ""],
      ["9", "edited"],
    ]);
  });

  it("loses messages that are deleted, one by one or many", () => {
    const seen = applyDispatch(world(message("5"), message("6"), message("7")), "MESSAGE_DELETE", message("6"));
    expect(shown(seen).map(({ id }) => id)).toEqual(["5", "7"]);
    const bulk = { ids: ["5", "7"], channel_id: CHANNEL };
    expect(shown(applyDispatch(seen, "MESSAGE_DELETE_BULK", bulk))).toEqual([]);
  });

  it("counts reactions, and knows its own", () => {
    let seen = applyDispatch(world(message("5")), "MESSAGE_REACTION_ADD", reaction("2"));
    expect(shown(seen)[0]?.reactions).toMatchObject([{ emoji: YES, count: 1, me: false }]);
    seen = applyDispatch(seen, "MESSAGE_REACTION_ADD", reaction("1"));
    expect(shown(seen)[0]?.reactions).toMatchObject([{ count: 2, me: true }]);
    seen = applyDispatch(seen, "MESSAGE_REACTION_REMOVE", reaction("2"));
    expect(shown(seen)[0]?.reactions).toMatchObject([{ count: 1, me: true }]);
    seen = applyDispatch(seen, "MESSAGE_REACTION_REMOVE", reaction("1"));
    expect(shown(seen)[0]?.reactions).toEqual([]);
  });

  it("stays the same object where nothing is to be seen", () => {
    const seen = world(message("5"));
    expect(applyDispatch(seen, "TYPING_START", {})).toBe(seen);
    expect(applyDispatch(seen, "MESSAGE_REACTION_ADD", { ...reaction("2"), message_id: "99" })).toBe(seen);
  });
});
