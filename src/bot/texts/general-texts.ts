export const generalTexts = {
  onlyInServer: "This works only in a server.",
  unknownCommand: "This command is not known any more. Discord will show the current ones in a minute.",
  unknownButton: "This button is not known any more. Please use the command again.",
  missingPermissions: (permissions: readonly string[]): string =>
    `You need the permission ${permissions.map((name) => `**${name}**`).join(" and ")} for this.`,
  cooldown: (readyMoment: string): string => `That was quick. You can use this again ${readyMoment}.`,
  ping: (gatewayMs: number | undefined): string =>
    gatewayMs === undefined ? "Pong!" : `Pong! Discord's gateway answers in ${gatewayMs} ms.`,
};
