import type { ChatInputCommandInteraction } from "discord.js";
import { Responder } from "../../src/bot/responder.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

/** An interaction that notes what is done with it; edits end when the test says so. */
function createRig() {
  const clock = new ManualClock();
  const done: string[] = [];
  let edit = Promise.withResolvers<void>();
  const interaction = {
    isButton: () => false,
    deferReply: async () => void done.push("defer"),
    reply: async ({ content }: { content: string }) => void done.push(`reply ${content}`),
    editReply: ({ content }: { content: string }) => {
      done.push(`edit ${content}`);
      return edit.promise;
    },
  };
  const responder = new Responder(interaction as unknown as ChatInputCommandInteraction<"cached">, clock, (error) =>
    done.push(`failed ${String(error)}`),
  );
  const finishEdit = async (): Promise<void> => {
    edit.resolve();
    edit = Promise.withResolvers();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, done, responder, finishEdit };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("progress of a reply", () => {
  it("is shown at once, then every few seconds, and what comes in between is left out", async () => {
    const { clock, done, responder, finishEdit } = createRig();
    responder.showProgress({ content: "0 %" });
    await turn();
    await finishEdit();
    responder.showProgress({ content: "1 %" });
    clock.advance(2_999);
    responder.showProgress({ content: "2 %" });
    clock.advance(1);
    responder.showProgress({ content: "3 %" });
    await turn();
    expect(done).toEqual(["defer", "edit 0 %", "edit 3 %"]);
  });

  it("never overtakes the answer, and nothing of it comes afterwards", async () => {
    const { clock, done, responder, finishEdit } = createRig();
    responder.showProgress({ content: "0 %" });
    await turn();
    const answered = responder.respond({ content: "done" });
    await turn();
    expect(done).toEqual(["defer", "edit 0 %"]);
    await finishEdit();
    await finishEdit();
    await answered;
    clock.advance(10_000);
    responder.showProgress({ content: "100 %" });
    await turn();
    expect(done).toEqual(["defer", "edit 0 %", "edit done"]);
  });
});
