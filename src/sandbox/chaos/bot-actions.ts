import { BOT_AWAY_STATES } from "../bot-host.ts";
import { seconds, type ChaosAction, type ChaosContext } from "./chaos-action.ts";

function findBotObstacle({ host, botState }: ChaosContext): string | undefined {
  if (!host) return "The sandbox can neither stop nor start this bot.";
  return BOT_AWAY_STATES.includes(botState() ?? "") ? "The bot is not running at the moment." : undefined;
}

export const botActions: readonly ChaosAction[] = [
  {
    id: "stop-bot",
    title: "Take the bot down",
    description: "The bot is stopped and started again after a while. Let members react meanwhile.",
    expectation:
      "Commands get no answer. When the bot is back it reads the reactions of its open roll calls, so the answers given meanwhile count, once.",
    parameters: [seconds(10, 120)],
    findObstacle: findBotObstacle,
    async begin({ host }) {
      await host!.stop();
      return {
        text: "the bot is down",
        async end() {
          await host!.start();
          return "the bot is up again";
        },
      };
    },
  },
];
