export const reminderTexts = {
  firstLine: (title: string, link: string): string => `⏰ **${title}** still waits for your answer: ${link}`,
  continuationLine: (title: string): string => `⏰ **${title}**`,
  failedAlert: (title: string, eventId: string, reason: string): string =>
    `⚠️ The reminder of **${title}** (\`${eventId}\`) could not be sent. Discord said: ${reason}`,
  goneAlert: (title: string, eventId: string, what: "message" | "channel"): string =>
    `ℹ️ **${title}** (\`${eventId}\`) was closed, because its ${what} was deleted.`,
  /** The command `/reminders`. */
  command: {
    define: "Choose how you are reminded in this server",
    defineMode: "How you want to be reminded of events that wait for your answer",
    choices: { mention: "Mention me in the channel", dm: "Send me a direct message", off: "Do not remind me" },
    changed: {
      mention: "🔔 From now on you are mentioned in the event's channel when your answer is missing.",
      dm: "✉️ From now on you get a direct message when your answer is missing. Please allow direct messages from this server's members.",
      off: "🔕 From now on you are not reminded in this server. `/mine` still shows what waits for your answer.",
    },
  },
};
