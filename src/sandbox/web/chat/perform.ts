import { actAs, describeFailure, type OutcomeReport } from "../api.ts";
import { addNotice, removeNotice } from "../live/live-store.ts";
import { openModal } from "./modal-state.ts";

const NO_ANSWER = "The application did not respond";

export interface Doing {
  readonly userId: string;
  readonly channelId: string;
  /** "/event create", or what a button says. */
  readonly title: string;
}

/**
 * Does something to the bot and shows what the live connection does not: that it is being sent, that no answer came
 * within three seconds, and modals. Throws nothing.
 */
export async function perform(
  { userId, channelId, title }: Doing,
  act: (hands: ReturnType<typeof actAs>) => Promise<OutcomeReport>,
): Promise<OutcomeReport | undefined> {
  const place = { userId, channelId, title };
  const sendingId = addNotice({ ...place, kind: "sending", text: "Sending…" });
  try {
    const outcome = await act(actAs(userId));
    if (outcome.status === "failed") addNotice({ ...place, kind: "failed", text: NO_ANSWER });
    if (outcome.modal) openModal({ ...outcome.modal, interactionId: outcome.interactionId, userId, channelId });
    return outcome;
  } catch (error) {
    addNotice({ ...place, kind: "failed", text: describeFailure(error) });
    return undefined;
  } finally {
    removeNotice(sendingId);
  }
}
