import { ActionRowBuilder, ButtonBuilder, ButtonStyle, type APIEmbed } from "discord.js";
import type { Settings } from "../../../config/settings.ts";
import { createButtonId } from "../../command.ts";
import { formatMoment } from "../../format-time.ts";
import type { BackupRetention } from "../../texts/my-data-texts.ts";
import type { Texts } from "../../texts/texts.ts";

export const DELETE_BUTTON = "delete";
export const CANCEL_BUTTON = "keep";

const COLOUR = 0xe0902f;

/** What the buttons carry: who was asked, and until when. */
export interface DeletionQuestion {
  readonly userId: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** undefined when they are not a question's. */
export function decodeDeletionQuestion([userId = "", expires = ""]: readonly string[]): DeletionQuestion | undefined {
  const expiresAt = parseInt(expires, 36);
  return userId === "" || Number.isNaN(expiresAt) ? undefined : { userId, expiresAt };
}

export function createDeletionButtons({ userId, expiresAt }: DeletionQuestion, { myData: words }: Texts) {
  const buttons = [
    { name: DELETE_BUTTON, label: words.deleteButton, style: ButtonStyle.Danger },
    { name: CANCEL_BUTTON, label: words.cancelButton, style: ButtonStyle.Secondary },
  ].map(({ name, label, style }) =>
    new ButtonBuilder()
      .setCustomId(createButtonId("mydata", name, userId, expiresAt.toString(36)))
      .setLabel(label)
      .setStyle(style),
  );
  return new ActionRowBuilder<ButtonBuilder>().addComponents(buttons).toJSON();
}

/** `retention` is undefined where there are no backups. */
export function createDeletionEmbed(
  { expiresAt }: DeletionQuestion,
  retention: BackupRetention | undefined,
  { myData: words }: Texts,
): APIEmbed {
  const parts = [
    ...[words.whatIsDeleted, words.whatFollows, words.whatStays],
    ...(retention ? [words.whatBackupsHave(retention)] : []),
    `${words.exportFirst} ${words.expires(formatMoment(expiresAt, "relative"))}`,
  ];
  return { title: words.deleteTitle, description: parts.join("\n\n"), color: COLOUR };
}

export function readRetention(settings: Settings): BackupRetention {
  return {
    areMadeRegularly: settings.DB_BACKUP_ENABLED,
    newestCount: settings.DB_MAX_BACKUPS,
    dailyCount: settings.DB_KEEP_DAILY,
    weeklyCount: settings.DB_KEEP_WEEKLY,
    monthlyCount: settings.DB_KEEP_MONTHLY,
  };
}
