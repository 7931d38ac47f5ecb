import type { RestEffect } from "../faults.ts";
import { seconds, type BegunAction, type ChaosAction, type ChaosContext } from "./chaos-action.ts";

/** What Discord can be made to do. */

/** Everything that a bot asks for but the gateway's address: without that it could not even come back. */
const EVERYTHING_BUT_GATEWAY = ["/channels/*", "/interactions/*", "/webhooks/*", "/guilds/*", "/users/*"];

function disturb({ faults }: ChaosContext, effect: RestEffect, text: string, endText: string): BegunAction {
  const ids = EVERYTHING_BUT_GATEWAY.map((path) => faults.add({ path, effect }));
  return {
    text,
    end() {
      for (const id of ids) faults.remove(id);
      return endText;
    },
  };
}

export const discordActions: readonly ChaosAction[] = [
  {
    id: "slow-discord",
    title: "Make Discord slow",
    description: "Every request of the bot to Discord is answered late.",
    expectation:
      "Commands take longer. Beyond three seconds Discord itself gives up on them; reactions and reminders still arrive, once.",
    parameters: [
      seconds(20),
      { name: "delayMs", kind: "integer", unit: "milliseconds", min: 100, max: 10_000, default: 1_500 },
    ],
    begin: (context, { delayMs }) =>
      disturb(context, { kind: "delay", delayMs: delayMs! }, `Discord takes ${delayMs} ms`, "Discord is fast again"),
  },
  {
    id: "failing-discord",
    title: "Make Discord fail",
    description: "Every request of the bot to Discord is refused, as when its servers have trouble.",
    expectation:
      "Commands get no answer while it lasts, because there is no way to give one. Nothing is lost: reactions are still recorded, cards and reminders catch up afterwards.",
    parameters: [
      seconds(15),
      { name: "status", kind: "integer", unit: "HTTP status", min: 500, max: 504, default: 503 },
    ],
    begin: (context, { status }) =>
      disturb(context, { kind: "error", status: status! }, `Discord answers with ${status}`, "Discord works again"),
  },
  {
    id: "rate-limit-discord",
    title: "Rate-limit the bot",
    description: "Discord tells the bot with every request that it asks too often.",
    expectation: "The bot waits as long as it is told to and then goes on: late, but nothing twice and nothing lost.",
    parameters: [
      seconds(15),
      { name: "retryAfterMs", kind: "integer", unit: "milliseconds", min: 100, max: 10_000, default: 2_000 },
    ],
    begin: (context, { retryAfterMs }) =>
      disturb(
        context,
        { kind: "rate-limit", scope: "bucket", retryAfterMs: retryAfterMs! },
        `Discord lets the bot wait ${retryAfterMs} ms`,
        "Discord takes requests again",
      ),
  },
  {
    id: "drop-gateway",
    title: "Drop the gateway",
    description: "The connection over which the bot hears what happens is cut, and no new one is accepted for a while.",
    expectation:
      "The bot is shown offline and hears nothing. When it is back it asks what it missed, so reactions of meanwhile count.",
    parameters: [seconds(10)],
    begin({ faults }) {
      faults.setGatewayAccepting(false);
      faults.cutGateway();
      return {
        text: "the gateway is cut",
        end() {
          faults.setGatewayAccepting(true);
          return "the gateway takes connections again";
        },
      };
    },
  },
];
