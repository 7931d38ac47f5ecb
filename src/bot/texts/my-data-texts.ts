const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** "a", "a and b", "a, b and c". */
function enumerate(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** How long backups are kept, as the settings say. */
export interface BackupRetention {
  readonly areMadeRegularly: boolean;
  readonly newestCount: number;
  readonly dailyCount: number;
  readonly weeklyCount: number;
  readonly monthlyCount: number;
}

function describeRetention(retention: BackupRetention): string {
  const { areMadeRegularly, newestCount, dailyCount, weeklyCount, monthlyCount } = retention;
  const periods = [
    dailyCount > 0 && plural(dailyCount, "day"),
    weeklyCount > 0 && plural(weeklyCount, "week"),
    monthlyCount > 0 && plural(monthlyCount, "month"),
  ].filter((period) => period !== false);
  return (
    `the newest ${newestCount === 1 ? "one is" : `${newestCount} are`} kept` +
    (periods.length === 0 ? "" : `, and the newest of each of the last ${enumerate(periods)}`) +
    (areMadeRegularly ? "" : "; here new ones are made by hand only")
  );
}

export const myDataTexts = {
  define: {
    command: "Get or delete what Muster keeps about you in this server",
    export: "Get everything that is kept about you here, as a file",
    delete: "Delete what is kept about you here; asks before it does",
  },
  nothingKept: "✨ Nothing is kept about you in this server.",
  exported: (counts: {
    answers: number;
    reminders: number;
    createdEvents: number;
    flags: number;
    auditEntries: number;
  }): string =>
    "📦 This is everything that Muster keeps about you in this server: your settings, " +
    enumerate([
      plural(counts.answers, "answer"),
      `${plural(counts.reminders, "reminder")} that reached you`,
      `${plural(counts.createdEvents, "event")} of yours`,
      plural(counts.flags, "flag"),
      `${plural(counts.auditEntries, "entry", "entries")} of the audit log`,
    ]) +
    ". The times in it are UTC.",
  notInIt:
    "-# Not in it: what Discord itself keeps, as your messages and reactions; what is kept about you in other servers (use the " +
    "command there); backups, which have earlier states of the same. It is not recorded which commands you use.",
  exportTruncated:
    "✂️ It is more than fits into one file: the newest is in it, and `isComplete` says false. Please ask whoever runs this bot for the rest.",
  deleteTitle: "Delete what Muster keeps about you in this server?",
  whatIsDeleted:
    "**Deleted:** your answers, your name, how you want to be reminded, that reminders reached you, flags that were set " +
    "for you, and that you created events. Your reactions on open roll calls are taken back where I may do that.",
  whatFollows:
    "After that you are somebody new here: you count as not having answered, and are reminded like everybody else. Your events " +
    "stay, with what you wrote in them, and only moderators can change them.",
  whatStays:
    "**Kept:** the audit log, which has your id where you changed an event or a flag, or one was set for you, and which will " +
    "say that you had this done. Its entries prove each other, so none can be taken out. For up to 30 days your id may " +
    "also stand in a technical record that keeps changes from being made twice. Messages and reactions on Discord are kept by Discord.",
  whatBackupsHave: (retention: BackupRetention): string =>
    `**Backups** have all of it until newer ones take their place: ${describeRetention(retention)}, with every change since the ` +
    "oldest. If an administrator restores an earlier state, your data come back with it, and you can delete them again.",
  exportFirst: "`/mydata export` gives you a copy before.",
  expires: (relative: string): string => `This question expires ${relative}.`,
  deleteButton: "Delete my data",
  cancelButton: "Cancel",
  expired: "⌛ This question has expired, and nothing was deleted. Please use `/mydata delete` again.",
  cancelled: "Nothing was deleted.",
  notYours: "Somebody else was asked this. Use `/mydata delete` for your own data.",
  deleted: (counts: {
    hadSettings: boolean;
    answerCount: number;
    reminderCount: number;
    flagCount: number;
    createdEventCount: number;
  }): string => {
    const parts = [
      counts.hadSettings && "your settings",
      counts.answerCount > 0 && plural(counts.answerCount, "answer"),
      counts.reminderCount > 0 && `that ${plural(counts.reminderCount, "reminder")} reached you`,
      counts.flagCount > 0 && plural(counts.flagCount, "flag"),
      counts.createdEventCount > 0 && `that you created ${plural(counts.createdEventCount, "event")}`,
    ].filter((part) => part !== false);
    return parts.length === 0 ? "✨ There was nothing to delete." : `🗑️ Deleted: ${enumerate(parts)}.`;
  },
  deletionWaits: "🗑️ What is kept about you in this server will be deleted.",
  withdrawn: (count: number): string =>
    `↩️ ${plural(count, "reaction")} of yours on open roll calls ${count === 1 ? "was" : "were"} taken back.`,
  reactionsRemain:
    "⚠️ On these open roll calls I could not take back your reactions. Please do that yourself: they are your answers " +
    "again as soon as I read them the next time.",
  reactionsUnknown:
    "⚠️ I cannot look now where you have reacted. Please take back your reactions on open roll calls yourself: they are " +
    "your answers again as soon as I read them the next time.",
  remainingLine: (event: { title: string; link: string }): string => `**${event.title}** ${event.link}`,
  more: (count: number): string => `… and ${count} more`,
};
