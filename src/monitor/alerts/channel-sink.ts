import { alertTexts } from "./alert-texts.ts";
import type { AlertSink } from "./alert.ts";

/** `at`: of what the text tells, epoch milliseconds; it may be sent much later. Must not throw. */
export type SendToChannel = (text: string, at: number) => void;

/** Alerts in a channel of a chat that somebody else serves. */
export function createChannelSink(send: SendToChannel): AlertSink {
  return { send: (notice) => send(alertTexts.describeNotice(notice), notice.at) };
}
