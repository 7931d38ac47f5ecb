export const generalTexts = {
  onlyInServer: "This works only in a server.",
  unknownCommand: "This command is not known any more. Discord will show the current ones in a minute.",
  unknownButton: "This button is not known any more. Please use the command again.",
  missingPermissions: (permissions: readonly string[]): string =>
    `You need the permission ${permissions.map((name) => `**${name}**`).join(" and ")} for this.`,
  cooldown: (readyMoment: string): string => `That was quick. You can use this again ${readyMoment}.`,
  ping: (gatewayMs: number | undefined): string =>
    gatewayMs === undefined ? "Pong!" : `Pong! Discord's gateway answers in ${gatewayMs} ms.`,
  omittedAlerts: (count: number): string => `-# ${count} earlier alert${count === 1 ? "" : "s"} left out: see the log`,
  definePing: "Look whether the bot is awake",
  defineHelp: "Show what you can do with Muster",
  help: {
    title: "What you can do with Muster",
    introduction:
      "An event is a message that members answer by reacting to it. Whoever has not answered is reminded until they do.",
    groups: { everyone: "For everyone", moderators: "For moderators", admins: "For administrators" },
    command: (name: string, description: string, subcommands: readonly string[]): string =>
      `**/${name}** ${subcommands.length === 0 ? "" : `${subcommands.map((word) => `\`${word}\``).join(" ")} `}– ${description}`,
    more: (count: number): string => `… and ${count} more`,
  },
};
