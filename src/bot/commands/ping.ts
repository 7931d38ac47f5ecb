import { InteractionContextType, SlashCommandBuilder } from "discord.js";
import type { Command } from "../command.ts";
import { generalTexts } from "../texts/general-texts.ts";

export const pingCommand: Command = {
  definition: new SlashCommandBuilder()
    .setName("ping")
    .setDescription(generalTexts.definePing)
    .setContexts(InteractionContextType.Guild)
    .toJSON(),
  actions: {
    "": {
      database: "none",
      async execute({ services: { client, texts } }) {
        // -1 until the gateway has answered its first heartbeat.
        const gatewayMs = client.ws.ping;
        return { content: texts.general.ping(gatewayMs < 0 ? undefined : Math.round(gatewayMs)) };
      },
    },
  },
};
