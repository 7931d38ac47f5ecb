import type { UsageReport } from "../../store/usage-report.ts";

export const statsTexts = {
  define: {
    command: "Show how commands are used in this server",
    days: "Over how many days, today included; 7 if you say nothing",
  },
  title: "Use of commands",
  picture: "Commands used by day, and the most used ones",
  none: (days: number): string => `No command was used ${period(days)}.`,
  total: (total: number, days: number): string =>
    `**${formatNumber(total)}** ${total === 1 ? "command was" : "commands were"} used ${period(days)}` +
    `${days === 1 ? "" : `, ${formatNumber(total / days)} a day`}.`,
  /** What became of them; nothing of what did not happen. */
  outcomes: ({ total, failed, refused, queued }: UsageReport): string => {
    const answered = total - failed - refused - queued;
    const parts = [
      answered > 0 && `${formatShare(answered, total)} were answered`,
      refused > 0 && `${formatShare(refused, total)} refused with a reason`,
      queued > 0 && `${formatShare(queued, total)} saved for later`,
      failed > 0 && `**${formatShare(failed, total)} failed**`,
    ];
    return `${parts.filter((part) => part !== false).join(", ")}.`;
  },
  mostUsed: "Most used",
  command: (name: string, count: number, averageTime: string, failed: number): string =>
    `\`/${name}\` ${formatNumber(count)} × · ${averageTime} on average${failed === 0 ? "" : ` · ${formatNumber(failed)} failed`}`,
  more: (count: number): string => `… and ${count} more`,
  footer: (timeZone: string): string => `Days in ${timeZone}. It is not recorded who used a command.`,
};

function period(days: number): string {
  return days === 1 ? "today" : `in the last ${days} days`;
}

/** Whole, or with one decimal where that says more: 1234.5 → "1,235", 3.25 → "3.3". */
function formatNumber(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: value < 100 ? 1 : 0 });
}

/** Never "0 %" for something, nor "100 %" for not all. */
function formatShare(part: number, total: number): string {
  if (part === total) return "all";
  const percent = (100 * part) / total;
  if (percent < 0.1) return "less than 0.1 %";
  return `${percent > 99.9 ? "more than 99.9" : formatNumber(Math.min(percent, 99.9))} %`;
}
